"""Carriers as operators see them and hold them: paused, drained, resumed, tried anew; each of it audited.

A hold is put in force by gateway/flows/held_carriers.
"""

from typing import Any

from gateway import metrics
from gateway.desk.carriers_view import BindView, BreakerView, CarriersView, CarrierView
from gateway.flows.held_carriers import HeldCarriers
from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.store.by import By
from gateway.store.held_carriers.interface import HoldKind
from gateway.store.interface import Store


class CarriersDesk:
    """`carriers`: how they stand."""

    def __init__(self, carriers: CarriersView, holding: HeldCarriers, store: Store) -> None:
        self._carriers = carriers
        self._holding = holding
        self._store = store

    def all(self) -> list[dict[str, Any]]:
        """In the order of the settings."""
        learned, errors, now = self._store.receipt_ids(), metrics.answer_errors(), now_ms()
        return [shown(one, learned.get(one.name), errors.get(one.name, {}), now) for one in self._carriers.carriers()]

    def one(self, name: str) -> dict[str, Any] | None:
        """None: there is none of this name."""
        return next((carrier for carrier in self.all() if carrier["name"] == name), None)

    async def pause(self, name: str, by: By, why: str | None = None) -> bool:
        """It gets no more work, and the tiers below it take over; its binds stay up. False: there is none of this
        name. Raises StoreFull or StoreBusy, as what follows: then nothing has changed."""
        return await self._hold(name, HoldKind.PAUSE, by, why)

    async def drain(self, name: str, by: By, why: str | None = None) -> bool:
        """The same, and it is unbound once it has answered what it has, until it is resumed."""
        return await self._hold(name, HoldKind.DRAIN, by, why)

    async def resume(self, name: str, by: By) -> bool:
        """It has its binds and its work again; nothing happens to one that is not held. False: as above."""
        return await self._holding.resume(name, by) or self._is_known(name)

    async def rebind(self, name: str, by: By) -> bool:
        """Its binds that are down are tried at once, and itself where its breaker is open."""
        if not self._is_known(name):
            return False
        await self._store.carrier_rebound(name, by=by)
        return self._carriers.rebind(name)

    async def _hold(self, name: str, how: HoldKind, by: By, why: str | None) -> bool:
        if not self._is_known(name):
            return False
        await self._holding.hold(name, how, why, by)
        return True

    def _is_known(self, name: str) -> bool:
        return any(carrier.name == name for carrier in self._carriers.carriers())


def shown(view: CarrierView, receipt_ids: str | None, errors: dict[str, int], now: int) -> dict[str, Any]:
    """`receipt_ids`: what was learned of how its receipts spell the ids of its answers; `errors`: answers by class."""
    held = view.held
    return {
        "name": view.name,
        "able": view.able,
        "held": held and {"how": held.how, "since": rfc3339(held.since), "who": held.who, "why": held.why},
        "alarm": view.alarm,
        "receipt_ids": receipt_ids,
        "breaker": None if view.breaker is None else _breaker(view.breaker),
        "errors": errors,
        "binds": [_bind(bind, now) for bind in view.binds],
    }


def _breaker(view: BreakerView) -> dict[str, Any]:
    return {
        "state": view.state,
        "cause": view.cause,
        "detail": view.detail or None,
        "since": rfc3339(view.since),
        "retry_at": time_or_none(view.retry_at),
    }


def _bind(bind: BindView, now: int) -> dict[str, Any]:
    up = bind.bound_since
    return {
        "name": bind.name,
        "mode": bind.mode,
        "state": bind.state,
        "since": rfc3339(bind.since),
        "host": bind.host or None,
        "bound_since": time_or_none(up),
        "uptime_seconds": None if up is None else max(0, now - up) // 1000,
        "window": bind.window,
        "window_limit": bind.window_limit,
        "in_flight": bind.in_flight,
        "room": bind.room,
        "submit_rate": bind.submit_rate,
        "latency_ms": bind.latency_ms,
        "losses": bind.losses,
        "last_error": bind.last_error,
        "local_address": bind.local_address,
    }
