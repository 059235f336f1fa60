"""What a carrier complains of, or sends to nobody, in the log: the first few of a second, and how many more there were.

Anyone on the other side can send a hundred thousand of them in a second.
"""

import logging

from protocol.command_status import name_of
from protocol.session_events import PeerComplained

LINES_A_SECOND = 10

_log = logging.getLogger("sluice.carriers")


class Complaints:
    """Of one bind."""

    def __init__(self, name: str) -> None:
        """`name`: the bind's, for the log."""
        self._name = name
        self._since = float("-inf")
        self._said = 0
        self._unsaid = 0

    def take(self, event: PeerComplained, now: float) -> None:
        """`now`: seconds of a monotonic clock. What was left out is told with the next line."""
        if now >= self._since + 1.0:
            self._since, self._said = now, 0
        if self._said >= LINES_A_SECOND:
            self._unsaid += 1
            return
        self._said += 1
        left_out = f" unsaid={self._unsaid}" if self._unsaid else ""
        self._unsaid = 0
        line = "bind=%s peer_complained status=%s sequence=%d%s"
        _log.warning(line, self._name, name_of(event.status), event.sequence, left_out)
