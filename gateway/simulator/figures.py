"""What the simulator counted, as one JSON line."""

import json
from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Figures:
    """Counts since the start. What was submitted was taken, throttled, refused, or lost with its connection."""

    connections: int = 0
    binds: int = 0
    binds_refused: int = 0
    submitted: int = 0
    taken: int = 0
    answered: int = 0
    """With ESME_ROK."""
    throttled: int = 0
    refused: int = 0
    """With any other status."""
    swallowed: int = 0
    dropped: int = 0
    """Connections cut by a fault, by a control line, or at a bound."""
    doubled: int = 0
    """Segments taken again: same source, destination, part and text."""
    receipts_sent: int = 0
    receipts_acknowledged: int = 0
    receipts_again: int = 0
    """Put back after another answer than ESME_ROK, no answer, or a lost connection."""
    receipts_discarded: int = 0
    """Over the limit of what is kept."""
    inbound_sent: int = 0
    inbound_acknowledged: int = 0
    inbound_refused: int = 0
    """For good: they don't come again."""
    waiting: int = 0
    """Receipts and inbound messages not yet acknowledged; told by the Simulator when it is asked."""

    def as_line(self) -> str:
        """One line of JSON without its newline."""
        return json.dumps(asdict(self), separators=(",", ":"))
