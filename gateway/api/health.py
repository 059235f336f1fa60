"""/healthz and /readyz: whether the process runs, and whether it takes messages.

Ready means that the store takes writes. Carriers are told beside it and do not decide, since messages are accepted
while they are down.
"""

import trio
from msgspec import json
from quart import Response

from gateway.api.base import json_response
from gateway.api.carriers_view import CarriersView
from gateway.api.outbox_schemas import Ability, Health, Readiness
from gateway.api.problems import NOT_READY, Problem
from gateway.store.interface import Store, StoreBusy, StoreFull

_PROBE_SECONDS = 2.0
_REMEMBERED_SECONDS = 1.0


class HealthChecks:
    def __init__(self, store: Store, carriers: CarriersView) -> None:
        self._store = store
        self._carriers = carriers
        self._probing = trio.Lock()
        self._probed_at = float("-inf")
        self._writes = False

    async def healthz(self) -> Response:
        return json_response(json.encode(Health("ok")))

    async def readyz(self) -> Response:
        carriers = {carrier.name: Ability.of(able=carrier.able) for carrier in self._carriers.carriers()}
        if not await self._store_writes():
            raise Problem(
                NOT_READY,
                "The store does not take writes now.",
                members={"store": "unavailable", "carriers": carriers},
                headers={"Retry-After": "1"},
            )
        return json_response(json.encode(Readiness("ready", "ok", carriers)))

    async def _store_writes(self) -> bool:
        # One probe at a time and one a second: this call is open, and a probe is a commit.
        async with self._probing:
            if trio.current_time() - self._probed_at < _REMEMBERED_SECONDS:
                return self._writes
            self._writes = False
            with trio.move_on_after(_PROBE_SECONDS):
                try:
                    await self._store.keep_alive()
                    self._writes = True
                except (StoreBusy, StoreFull):
                    self._writes = False
            self._probed_at = trio.current_time()
            return self._writes
