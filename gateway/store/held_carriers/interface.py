"""What the store keeps of carriers that are held, and what is asked of it: plain values (see kept.py)."""

from enum import Enum
from typing import NamedTuple, Protocol

from gateway.store.by import By


class HoldKind(Enum):
    """How a carrier is held."""

    PAUSE = "pause"
    """It gets no work; its binds stay up."""
    DRAIN = "drain"
    """The same, and it is unbound once it has answered what it has."""


class CarrierHold(NamedTuple):
    """A carrier that an operator holds."""

    carrier: str
    how: HoldKind
    since: int
    """Milliseconds UTC."""
    who: str
    """As the audit names them: `operator:anna`."""
    why: str | None


class HeldCarrierStore(Protocol):
    """What holding needs of a store. Every write is on disk and audited when its call returns; any may raise StoreFull
    or StoreBusy: then nothing has changed."""

    async def hold_carrier(self, carrier: str, how: HoldKind, why: str | None, *, by: By) -> CarrierHold:
        """Keep it in the place of an earlier hold of this carrier."""

    async def resume_carrier(self, carrier: str, *, by: By) -> bool:
        """Forget the hold. False: it is not held, and nothing is written down."""

    async def carrier_holds(self) -> list[CarrierHold]:
        """All of them; a carrier may be in no settings any more."""

    async def carrier_rebound(self, carrier: str, *, by: By) -> None:
        """Only audited: its binds are tried at once."""

    async def gateway_drained(self, *, begins: bool, by: By) -> None:
        """Only audited: it takes no submissions from now on, or takes them again."""

    async def gateway_stopped(self, *, by: By) -> None:
        """Only audited: it is told to end."""
