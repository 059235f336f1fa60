"""An inbound message as the store is given it: a plain value, as all of gateway.store.interface."""

from dataclasses import dataclass
from typing import NamedTuple


class InboundPart(NamedTuple):
    """One part of a long inbound message, as it came."""

    kind: int
    """Of the reference: protocol.concatenation.ReferenceKind."""
    reference: int
    part: int
    """From 1 to `total`."""
    total: int
    octets: bytes
    """With the user data header."""
    data_coding: int
    has_header: bool


@dataclass(slots=True)
class InboundIn:
    id: int
    carrier: str
    account: str | None
    """Whose `senders` hold the number; else the store finds who last wrote to the handset from it. None: nobody's, kept
    and listed."""
    sender: str
    recipient: str
    text: str
    """Of a part not read yet: parts are joined before."""
    encoding: str
    at: int
    part: InboundPart | None = None
    """Where this is one of several, until all are there."""
    parts: int = 1
    complete: bool = True
    is_untold: bool = False
    """Nobody is told of it: it is nobody's, or its account's endpoint does not take it."""
    is_refused: bool = False
    """It is not kept where nobody is told, since its carrier wants to hear so. The store has the last word."""
