"""Looking whether all is well: carriers, queues, deliveries, receipts, endpoints and the disk, each every few seconds.

What is seen is told to gateway/flows/alarms, which minds how long it has been so; the limits are those of the settings.
Breakers are not looked at: they say by themselves when they open.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import trio

from gateway.flows.alarms import Alarms
from gateway.messages import MessageState
from gateway.rules.delivery_times import DeliveryTimes
from gateway.rules.receipt_rates import ReceiptRates, is_amiss
from gateway.settings import Settings
from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms.interface import EndpointHealth
from gateway.store.ends import Ended
from gateway.store.held_queue.interface import HeldSummary
from gateway.webhooks.urls import host_of

log = logging.getLogger("sluice.alarms")

LOOK_SECONDS = 1.0
ENDPOINTS_SECONDS = 5.0
DISK_SECONDS = 10.0
START_SECONDS = 25.0
"""For a carrier's first bind; then it is down, which is told after some more seconds (gateway/rules/alarms)."""
MOST_ENDPOINTS = 200
"""Alarms about endpoints of either kind; callers name as many origins as they like."""
DISK_RECOVERED_SHARE = 1.1
BACKLOG_RECOVERED_SHARE = 0.5
_DELIVERED = int(MessageState.DELIVERED)
_DELAY_WEIGHT = 0.1

DiskSpace = Callable[[Path], int]


class BindSeen(Protocol):
    @property
    def last_error(self) -> str | None: ...


class CarrierSeen(Protocol):
    """gateway.desk.carriers_view.CarrierView."""

    @property
    def name(self) -> str: ...
    @property
    def able(self) -> bool: ...
    @property
    def alarm(self) -> str | None: ...
    @property
    def binds(self) -> Sequence[BindSeen]: ...
    @property
    def held(self) -> object | None:
        """Set where an operator holds it."""


class WatchedStore(Protocol):
    """What of the store is needed here."""

    def queue_ages(self) -> Iterable[tuple[str, str, int, int]]:
        """Lane, route, how many milliseconds its oldest ready message has waited, and how many are ready."""

    async def endpoint_health(self, failures: int) -> list[EndpointHealth]: ...


def free_bytes(folder: Path) -> int:
    """What is free on its disk to us. Raises OSError."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class Watch:
    """One for the process."""

    def __init__(
        self,
        settings: Settings,
        store: WatchedStore,
        alarms: Alarms,
        carriers: Callable[[], Iterable[CarrierSeen]],
        counted: Callable[[], Mapping[str, tuple[int, int]]],
        *,
        held: Callable[[], HeldSummary | None] = lambda: None,
        clock: Callable[[], float] = trio.current_time,
        free: DiskSpace = free_bytes,
    ) -> None:
        """`carriers`: those that can't send, or all of them. `counted`: of each carrier what it took, and its receipts,
        since the start; `clock` tells seconds."""
        self._settings = settings
        self._store = store
        self._alarms = alarms
        self._carriers = carriers
        self._counted = counted
        self._held = held
        self._clock = clock
        self._free = free
        self._first_seen: dict[str, float] = {}
        self._was_able: set[str] = set()
        self._times: dict[str, DeliveryTimes] = {}
        self._delays: dict[str, float] = {}
        """By carrier: seconds from sending to delivery, of late."""
        self._rates: dict[str, ReceiptRates] = {}
        self._stopping = False
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Go on by new settings; what is known of lanes and carriers that stay is kept."""
        if settings.alerts.receipt_window != self._settings.alerts.receipt_window:
            self._rates.clear()
        self._settings = settings
        window = settings.alerts.delivery_window
        limits = {name: lane.alert_delivery_time for name, lane in settings.lanes.items() if lane.alert_delivery_time}
        known = {(name, times.limit, times.window): times for name, times in self._times.items()}
        self._times = {
            name: known.get((name, limit, window)) or DeliveryTimes(limit, window) for name, limit in limits.items()
        }
        for told in (self._first_seen, self._delays, self._rates):
            for gone in [name for name in told if name not in settings.carriers]:
                del told[gone]
        self._was_able.intersection_update(settings.carriers)
        self._alarms.drop(OperatorEvent.DELIVERY_SLOW, limits)
        self._alarms.drop(OperatorEvent.RECEIPTS_LOW, settings.carriers if settings.alerts.receipt_rate else ())
        self._alarms.drop(OperatorEvent.BREAKER_OPENED, settings.carriers)
        self._alarms.drop(OperatorEvent.CARRIER_DOWN, settings.carriers)

    def heard_able(self, carrier: str) -> None:
        """It can send, if only for a moment: from now on it is down when it can't."""
        self._was_able.add(carrier)

    def ended(self, ends: Sequence[Ended]) -> None:
        """Messages of one commit; called on the Trio thread."""
        times = self._times
        latest: dict[str, int] = {}
        for lane, _, state, carrier, _, sent_at, done_at, _ in ends:
            if state == _DELIVERED and sent_at is not None:
                ms = done_at - sent_at
                if lane in times:
                    times[lane].add(ms)
                if carrier is not None:
                    latest[carrier] = ms
        for carrier, ms in latest.items():  # one of each commit says enough of what is usual
            before = self._delays.get(carrier, ms / 1000)
            self._delays[carrier] = before + (ms / 1000 - before) * _DELAY_WEIGHT

    def stop(self) -> None:
        """From now on everything is taken down on purpose, which is no alarm."""
        self._stopping = True

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. A disk or a store that is stuck holds up only who looks at it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._every, LOOK_SECONDS, self.look)
            nursery.start_soon(self._every, ENDPOINTS_SECONDS, self.look_at_endpoints)
            nursery.start_soon(self._every, DISK_SECONDS, self.look_at_disk)
            task_status.started()

    async def _every(self, seconds: float, look: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                if not self._stopping:
                    await look()
            except Exception:
                # The one supervisor of looking: it must not end the gateway, and is tried again.
                log.exception("could not look whether all is well")
            await trio.sleep(seconds)

    async def look(self) -> None:
        """At what is known without asking anybody."""
        now = self._clock()
        self._look_at_carriers(now)
        self._look_at_queues()
        self._look_at_held()
        self._look_at_deliveries(now)
        self._look_at_receipts(now)

    def _look_at_carriers(self, now: float) -> None:
        down: dict[str, dict[str, Any]] = {}
        for carrier in self._carriers():
            if carrier.name not in self._settings.carriers:
                continue  # It drains, and then is gone.
            if carrier.able:
                continue
            if carrier.held is not None and not self._alarms.is_raised(OperatorEvent.CARRIER_DOWN, carrier.name):
                # On purpose; and when it is let go it has the time that a start has.
                self._was_able.discard(carrier.name)
                self._first_seen.pop(carrier.name, None)
                continue
            if carrier.name in self._was_able or now - self._first_seen.setdefault(carrier.name, now) > START_SECONDS:
                errors = [bind.last_error for bind in carrier.binds if bind.last_error is not None]
                down[carrier.name] = {"refused": carrier.alarm, "last_error": errors[0] if errors else None}
        self._alarms.judge_all(OperatorEvent.CARRIER_DOWN, down)

    def _look_at_queues(self) -> None:
        oldest: dict[str, tuple[str, int, int]] = {}
        for lane, route, waited_ms, ready in self._store.queue_ages():
            subject = f"{lane}/{route}"
            _, before, others = oldest.get(subject, (lane, 0, 0))
            oldest[subject] = (lane, max(before, waited_ms), others + ready)
        old: dict[str, dict[str, Any]] = {}
        for subject, (name, waited_ms, ready) in oldest.items():
            settings = self._settings.lanes.get(name)
            limit = 0.0 if settings is None else settings.alert_backlog_age
            if self._alarms.is_raised(OperatorEvent.BACKLOG_OLD, subject):
                limit *= BACKLOG_RECOVERED_SHARE
            if limit and waited_ms / 1000 > limit:
                old[subject] = {"oldest_seconds": round(waited_ms / 1000, 1), "ready": ready}
        self._alarms.judge_all(OperatorEvent.BACKLOG_OLD, old)

    def _look_at_held(self) -> None:
        """Whether anything of a backup waits to be released."""
        seen = self._held()
        if seen is None:
            self._alarms.judge_all(OperatorEvent.QUEUE_HELD, {})
        else:
            figures = {"messages": seen.messages, "campaigns": len(seen.campaigns), "events": seen.events}
            self._alarms.judge_all(OperatorEvent.QUEUE_HELD, {seen.backup: figures})

    def _look_at_deliveries(self, now: float) -> None:
        kind = OperatorEvent.DELIVERY_SLOW
        for lane, times in self._times.items():
            times.slide(now)
            if (slowness := times.slowness()) is not None:
                figures = {"p90_seconds": round(slowness.p90_seconds, 1), "messages": slowness.messages}
                slow = times.is_amiss(slowness, is_raised=self._alarms.is_raised(kind, lane))
                self._alarms.judge(kind, lane, slow, {**figures, "limit_seconds": times.limit})

    def _look_at_receipts(self, now: float) -> None:
        limit = self._settings.alerts.receipt_rate
        if not limit:
            return
        kind = OperatorEvent.RECEIPTS_LOW
        for carrier, (taken, receipts) in self._counted().items():
            if carrier not in self._settings.carriers:
                continue
            known = self._rates.setdefault(carrier, ReceiptRates(self._settings.alerts.receipt_window))
            rates = known.look(taken, receipts, self._delays.get(carrier, 0.0), now)
            if rates is not None:
                low = is_amiss(rates, limit, is_raised=self._alarms.is_raised(kind, carrier))
                figures = {"rate": round(rates.rate, 3), "usual": round(rates.usual, 3), "taken": rates.taken}
                self._alarms.judge(kind, carrier, low, figures)

    async def look_at_endpoints(self) -> None:
        """Which of them don't take their events."""
        failing: dict[str, dict[str, Any]] = {}
        disabled: dict[str, dict[str, Any]] = {}
        least = self._settings.alerts.endpoint_failures
        for endpoint in await self._store.endpoint_health(least):
            subject = f"{endpoint.account or 'operator'} {host_of(endpoint.url)}"
            if endpoint.disabled_reason is not None:
                disabled[subject] = {"reason": endpoint.disabled_reason, "pending": endpoint.pending}
            if endpoint.failures >= least and endpoint.failures > failing.get(subject, {"failures": 0})["failures"]:
                failing[subject] = {"failures": endpoint.failures, "pending": endpoint.pending}
        self._judge_endpoints(OperatorEvent.ENDPOINT_FAILING, failing)
        self._judge_endpoints(OperatorEvent.ENDPOINT_DISABLED, disabled)

    def _judge_endpoints(self, kind: OperatorEvent, amiss: dict[str, dict[str, Any]]) -> None:
        """Those that were told first, so that none seems well only because there are too many."""
        told_first = sorted(amiss, key=lambda subject: not self._alarms.is_raised(kind, subject))
        self._alarms.judge_all(kind, {subject: amiss[subject] for subject in told_first[:MOST_ENDPOINTS]})

    async def look_at_disk(self) -> None:
        """How much room it has left; a folder that can't be looked at says nothing, and the store tells its own."""
        kind, settings = OperatorEvent.DISK_LOW, self._settings
        folder = settings.store.path.parent
        try:
            free = await trio.to_thread.run_sync(self._free, folder)
        except OSError as error:
            log.warning("the disk can't be looked at folder=%s fault=%s", folder, error.strerror)
            return
        reserve = settings.store.disk_reserve
        limit = max(settings.alerts.disk_low, reserve)
        is_raised = self._alarms.is_raised(kind, str(folder))
        is_low = free < limit * (DISK_RECOVERED_SHARE if is_raised else 1)
        self._alarms.judge(kind, str(folder), is_low, {"free_bytes": free, "reserve_bytes": reserve})
