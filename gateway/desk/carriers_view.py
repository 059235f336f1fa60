"""What is asked of the carriers: how they stand, to be shown. The daemon supplies it; nothing is decided by it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True, frozen=True)
class BindView:
    """One bind as it stands now."""

    name: str
    """`telco/1`."""
    state: str
    """In words: `connecting`, `bound`, `paused`, `waiting`..."""
    window: int
    window_limit: int
    """How much of the window is used at present."""
    in_flight: int
    room: int
    """PDUs that it asks the store for now."""
    submit_rate: float
    """PDUs per second that pacing allows now; 0: no limit."""
    since: int
    """When the state began, milliseconds UTC."""
    last_error: str | None
    """In words, without secrets."""
    local_address: str | None = None
    """Our address that its connections leave from; None: the system chooses."""
    mode: str = "transceiver"
    """Or `transmitter`, `receiver`."""
    host: str = ""
    """Connected to, or next to be tried."""
    bound_since: int | None = None
    """Milliseconds UTC; None: it is not bound."""
    latency_ms: int = 0
    """Running average of the carrier's time to answer; 0: it has answered nothing yet."""
    losses: int = 0
    """Connections lost or refused, and failed attempts, since the start."""


@dataclass(slots=True, frozen=True)
class BreakerView:
    """Whether a carrier's breaker lets it have its traffic."""

    state: str
    """`closed`, `open`, `half_open` or `returning`."""
    cause: str | None
    """`errors`, `latency`, `silence` or `stopped`; None: it did not open."""
    detail: str
    """In words, with the figures that opened it."""
    since: int
    """When the state began, milliseconds UTC."""
    retry_at: int | None
    """When an open one is tried again, milliseconds UTC."""


@dataclass(slots=True, frozen=True)
class HeldView:
    """That an operator holds a carrier."""

    how: str
    """`pause` or `drain`."""
    since: int
    """Milliseconds UTC."""
    who: str
    """As the audit names them."""
    why: str | None


@dataclass(slots=True, frozen=True)
class CarrierView:
    name: str
    able: bool
    """Any of its binds can send now."""
    binds: list[BindView]
    alarm: str | None = None
    """The command_status by which it refuses every bind until its settings or ours change."""
    breaker: BreakerView | None = None
    """None: it has none."""
    held: HeldView | None = None
    """None: it gets its share."""


class CarriersView(Protocol):
    def carriers(self) -> list[CarrierView]:
        """All configured carriers, in the order of the configuration."""

    def rebind(self, carrier: str) -> bool:
        """Try the carrier's binds that are down at once, and itself where its breaker is open.

        False: there is no carrier of this name.
        """
