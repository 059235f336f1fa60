"""/healthz and /readyz: whether the process runs, and whether it takes messages.

Ready means that a submission would be taken: the store writes, and neither disk nor backlog is full. Carriers are told
beside it and do not decide, since messages are accepted while they are down.
"""

import trio
from msgspec import json
from quart import Response

from gateway.api.base import json_response
from gateway.api.description.outbox_schemas import Ability, Health, Readiness
from gateway.api.problem_types import NOT_READY
from gateway.api.problems import Problem
from gateway.desk.carriers_view import CarriersView
from gateway.desk.draining import DrainingDesk
from gateway.store.interface import Store, StoreBusy, StoreFull

_PROBE_SECONDS = 2.0
_REMEMBERED_SECONDS = 1.0
_REFUSALS = {
    "busy": ("The store does not take writes now: another process holds it, or it closes.", "unavailable", "ok"),
    "stuck": (
        f"A write has not come back from the disk of the store within {_PROBE_SECONDS:g} s.",
        "unavailable",
        "ok",
    ),
    "disk": ("The disk is full, or full down to its reserve.", "full", "ok"),
    "backlog": ("As many messages wait as the backlog limit allows.", "ok", "full"),
}
"""By why submissions are refused: what is said, and how the store and the backlog are."""

_DRAINING = "An operator has the gateway finish what it has; it takes no new messages."


class HealthChecks:
    def __init__(self, store: Store, carriers: CarriersView, draining: DrainingDesk | None = None) -> None:
        self._store = store
        self._draining = draining
        self._carriers = carriers
        self._probing = trio.Lock()
        self._probed_at = float("-inf")
        self._refused: str | None = "stuck"

    async def healthz(self) -> Response:
        return json_response(json.encode(Health("ok")))

    async def readyz(self) -> Response:
        carriers = {carrier.name: Ability.of(able=carrier.able) for carrier in self._carriers.carriers()}
        if self._draining is not None and self._draining.is_draining:
            members = {"store": "ok", "backlog": "ok", "carriers": carriers, "draining": True}
            raise Problem(NOT_READY, _DRAINING, members=members, headers={"Retry-After": "10"})
        refusal = await self._refusal()
        if refusal is None:
            return json_response(json.encode(Readiness("ready", "ok", "ok", carriers)))
        detail, store, backlog = _REFUSALS[refusal]
        raise Problem(
            NOT_READY,
            detail,
            members={"store": store, "backlog": backlog, "carriers": carriers},
            headers={"Retry-After": "1"},
        )

    async def _refusal(self) -> str | None:
        """Why a submission would be refused now, a key of the table below; None: it would be taken."""
        return self._store.refusal() or await self._why_not_written()

    async def _why_not_written(self) -> str | None:
        # One probe at a time and one a second: this call is open, and a probe is a commit.
        async with self._probing:
            if trio.current_time() - self._probed_at < _REMEMBERED_SECONDS:
                return self._refused
            self._refused = "stuck"
            with trio.move_on_after(_PROBE_SECONDS):
                try:
                    await self._store.keep_alive()
                    self._refused = None
                except StoreFull:
                    self._refused = "disk"
                except StoreBusy:
                    self._refused = "busy"
            self._probed_at = trio.current_time()
            return self._refused
