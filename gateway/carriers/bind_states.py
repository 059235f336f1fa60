"""How far a bind has come, and how its life ended."""

from dataclasses import dataclass
from enum import Enum

from protocol.session_events import CloseReason


class BindState(Enum):
    """How far a configured bind has come."""

    WAITING = "waiting"
    """For its turn or time to connect."""
    REFUSED = "refused"
    """The carrier refuses our credentials or our kind of bind: tried again seldom, or when an operator asks."""
    CONNECTING = "connecting"
    BINDING = "binding"
    BOUND = "bound"
    PAUSED = "paused"
    """The carrier throttled it."""
    LEAVING = "leaving"
    """It takes no more work, waits for its answers, then unbinds."""
    CLOSED = "closed"


@dataclass(slots=True)
class Ended:
    """How a bind's life ended."""

    reason: CloseReason
    detail: str
    refusal: int | None
    """The command_status of a refused bind."""
    bound_seconds: float
    """How long it was bound; 0 for never."""
