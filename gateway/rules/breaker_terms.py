"""What a carrier's breaker goes by and what it tells: its terms from the settings, its states, causes and changes."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

from gateway.settings.carriers import Carrier


class BreakerState(Enum):
    """What a breaker lets through: all, nothing, a few, more and more."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    RETURNING = "returning"


class Cause(Enum):
    """Why it opened."""

    ERRORS = "errors"
    LATENCY = "latency"
    SILENCE = "silence"
    STOPPED = "stopped"


class Change(NamedTuple):
    """A breaker went into another state."""

    state: BreakerState
    cause: Cause | None
    """None: the carrier was down, no breaker had opened."""
    detail: str
    """In words, with the figures."""


class Waiting(NamedTuple):
    """What a carrier has not answered yet, over all its binds, and whether it has any."""

    oldest_seconds: float = 0.0
    unanswered: int = 0
    is_full: bool = False
    """Its windows take no more."""
    is_up: bool = True
    """A bind that sends is there, though throttles may have paused it."""


class BreakerView(NamedTuple):
    """How a breaker stands, to be shown."""

    state: BreakerState
    cause: Cause | None
    detail: str
    seconds: float
    """In this state."""
    retry_in_seconds: float | None
    """Until an open one is tried; None: it is not open."""


@dataclass(slots=True, frozen=True)
class BreakerTerms:
    """The settings of a carrier that its breaker goes by; durations in seconds."""

    errors: float = 0.5
    latency: float = 20.0
    pause: float = 30.0
    back_within: float = 30.0
    silence: float = 600.0
    silence_least: float = 60.0

    @classmethod
    def of(cls, carrier: Carrier) -> Self | None:
        """None: it has no breaker."""
        if not carrier.breaker:
            return None
        return cls(
            errors=carrier.breaker_errors,
            # What waits for longer is in doubt, and no answer.
            latency=min(carrier.breaker_latency, carrier.response_timeout),
            pause=carrier.breaker_pause,
            back_within=carrier.breaker_return,
            silence=carrier.receipt_silence,
            silence_least=carrier.receipt_silence_least,
        )
