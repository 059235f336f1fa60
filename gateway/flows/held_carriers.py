"""Carriers that operators hold: what is on disk of it, in force: nothing is dealt to them, some are unbound.

A hold is in force by what keeps any carrier from getting work: its standing in the deal (rules/taking.HELD), which has
the tiers below take over at once. It outlives restarts and reloads; who may hold, and what is shown, is the desk's.
"""

import logging
from collections.abc import Mapping
from typing import Protocol

import trio

from gateway.store.by import By
from gateway.store.held_carriers.interface import CarrierHold, HeldCarrierStore, HoldKind
from gateway.store.interface import StoreBusy, StoreFull

_log = logging.getLogger("sluice.carriers")


class Dealt(Protocol):
    """What has a carrier get no work: gateway.flows.health.Health."""

    def hold(self, carrier: str) -> None: ...
    def take_back(self, carrier: str) -> None: ...
    def resume(self, carrier: str) -> None: ...


class Bound(Protocol):
    """What has a carrier's binds leave and come again: gateway.carriers.fleet.Fleet."""

    def unbind(self, carrier: str) -> None: ...
    def bind_again(self, carrier: str) -> None: ...


class HeldCarriers:
    """All holds. Call `learn` before any carrier runs."""

    def __init__(self, store: HeldCarrierStore, dealt: Dealt, bound: Bound) -> None:
        self._store = store
        self._dealt = dealt
        self._bound = bound
        self._holds: dict[str, CarrierHold] = {}
        self._turn = trio.Lock()

    @property
    def holds(self) -> Mapping[str, CarrierHold]:
        """Those in force, by carrier; it may be in no settings any more."""
        return self._holds

    async def learn(self) -> None:
        """What was held when the last process ended, is."""
        for hold in await self._store.carrier_holds():
            self._holds[hold.carrier] = hold
            self._dealt.hold(hold.carrier)
            self._dealt.take_back(hold.carrier)
            self._bind_as(hold)
            _log.warning("carrier=%s held=%s who=%s", hold.carrier, hold.how.value, hold.who)

    async def hold(self, carrier: str, how: HoldKind, why: str | None, by: By) -> CarrierHold:
        """Once it returns nothing more is dealt to the carrier, and the hold is on disk. One that is held so already
        stays held by whom it is. Raises StoreFull or StoreBusy: then nothing has changed."""
        # Once begun, to its end: what is on disk and what is in force must be one, whoever waits for it or not.
        with trio.CancelScope(shield=True):
            async with self._turn:
                before = self._holds.get(carrier)
                if before is not None and before.how is how and why in (None, before.why):
                    return before
                # Before the transaction: that one and all after it deal nothing to the carrier.
                self._dealt.hold(carrier)
                try:
                    hold = await self._store.hold_carrier(carrier, how, why, by=by)
                except (StoreBusy, StoreFull):
                    if before is None:
                        self._dealt.resume(carrier)
                    raise
                self._holds[carrier] = hold
                self._dealt.take_back(carrier)
                self._bind_as(hold)
        _log.warning("carrier=%s held=%s who=%s", carrier, how.value, by.who)
        return hold

    async def resume(self, carrier: str, by: By) -> bool:
        """It gets its share again, with all its binds. False: it is not held. Raises StoreFull or StoreBusy."""
        with trio.CancelScope(shield=True):
            async with self._turn:
                if carrier not in self._holds:
                    return False
                await self._store.resume_carrier(carrier, by=by)
                del self._holds[carrier]
                self._dealt.resume(carrier)
                self._bound.bind_again(carrier)
        _log.info("carrier=%s held=no who=%s", carrier, by.who)
        return True

    def _bind_as(self, hold: CarrierHold) -> None:
        if hold.how is HoldKind.DRAIN:
            self._bound.unbind(hold.carrier)
        else:
            self._bound.bind_again(hold.carrier)
