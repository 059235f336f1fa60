"""The embedded store's face to holds of carriers, and to what operators do to the gateway: see interface.py."""

from __future__ import annotations

from functools import partial

from gateway.store import audit
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.face import SqliteFace
from gateway.store.held_carriers import kept
from gateway.store.held_carriers.interface import CarrierHold, HoldKind


class SqliteHeldCarriers(SqliteFace):
    """Mixed into SqliteStore."""

    async def hold_carrier(self, carrier: str, how: HoldKind, why: str | None, *, by: By) -> CarrierHold:
        return await self._order(partial(kept.hold, carrier=carrier, how=how, why=why, by=by))

    async def resume_carrier(self, carrier: str, *, by: By) -> bool:
        return await self._order(partial(kept.let_go, carrier=carrier, by=by))

    async def carrier_holds(self) -> list[CarrierHold]:
        return await self._read(kept.all_holds)

    async def carrier_rebound(self, carrier: str, *, by: By) -> None:
        await self._order(partial(audit.add, by=by, what=What.REBIND_CARRIER, outcome=carrier))

    async def gateway_drained(self, *, begins: bool, by: By) -> None:
        what = What.DRAIN_GATEWAY if begins else What.UNDRAIN_GATEWAY
        await self._order(partial(audit.add, by=by, what=what))

    async def gateway_stopped(self, *, by: By) -> None:
        await self._order(partial(audit.add, by=by, what=What.STOP_GATEWAY))
