"""The composition root: builds every part from the settings, starts all, and stops all in the order that loses nothing.

Stop order: HTTP, claiming, windows (bounded), unbind, receipts on disk, webhooks, the store. A second signal skips
what is left of it but the store's close.
"""

import gc
import itertools
import logging
import random
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import trio

from gateway import metrics
from gateway.api.app import create_app
from gateway.api.carriers_view import BindView, CarrierView
from gateway.api.operators import create_operator_app
from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic
from gateway.flows.accept import Accept
from gateway.flows.asking import Asking
from gateway.flows.campaign import Expand
from gateway.flows.keyword_replies import KeywordReplies
from gateway.flows.notify import Notify
from gateway.flows.receive import Receive
from gateway.flows.send import Send
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import Gauge, Gauges
from gateway.rules.quiet_hours import QuietHours
from gateway.rules.senders import NumberOwners
from gateway.serving import MOST_OPERATOR_CONNECTIONS, Limits, Server, listener, most_connections
from gateway.settings import Settings
from gateway.settings.types import EventType
from gateway.state_line import StateLine
from gateway.store.connection import Holder, lock, open_loop
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.summary import Summary
from gateway.systemd import Notifier, sockets_handed_over
from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client
from gateway.webhooks.payloads import event_body

log = logging.getLogger("sluice.daemon")

HTTP, OPERATOR = "http", "operator"
"""Names of the listeners: sections of the settings, and sockets of systemd's."""
DRAIN_LIMIT_SECONDS = 20.0
"""For answers of carriers to what is in flight."""
WEBHOOK_LIMIT_SECONDS = 5.0
"""For POSTs under way; what is not taken by then is told after the next start."""


@dataclass(slots=True, frozen=True)
class Running:
    """What a started daemon listens on (URLs, with the ports that were really taken)."""

    http: list[str]
    operator: list[str]


class CarriersNow:
    """How the carriers stand, for the API and for /metrics."""

    def __init__(self, carriers: Iterable[Carrier]) -> None:
        self._carriers = list(carriers)

    def carriers(self) -> list[CarrierView]:
        return [CarrierView(one.name, one.able, self._binds(one), one.alarm) for one in self._carriers]

    def rebind(self, carrier: str) -> bool:
        found = [one for one in self._carriers if one.name == carrier]
        for one in found:
            one.rebind()
        return bool(found)

    def oldest(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """How many seconds each bind's oldest submit_sm has waited for its answer."""
        return [((one.name, v.name), v.oldest_seconds) for one in self._carriers for v in one.views()]

    def _binds(self, carrier: Carrier) -> list[BindView]:
        return [
            BindView(
                v.name,
                v.state.value,
                v.window,
                v.window_limit,
                v.in_flight,
                v.room,
                v.submit_rate,
                v.since,
                v.last_error,
            )
            for v in carrier.views()
        ]


class StoppedEarly(Exception):  # noqa: N818
    """A second signal came before all that was in flight had been answered."""


async def run(settings: Settings, *, task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED) -> None:
    """The daemon, until SIGTERM or SIGINT; then it drains and returns.

    Raises StoreLocked when another owns the store, OSError when an address can't be listened on, and StoppedEarly.
    """
    notifier = Notifier()
    with (
        lock(settings.store.path) as last,
        _listening(settings) as sockets,
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
    ):
        await notifier.tell("STATUS=Opening the store")
        async with open_loop(), _writing_store(settings) as store, trio.open_nursery() as nursery:
            _say_what_was_found(store, {route.name for route in settings.routes}, last)
            daemon = _Daemon(settings, store, notifier)
            with _shown(daemon.gauges):
                running = await daemon.start(nursery, sockets)
                nursery.start_soon(notifier.feed_watchdog, store.keep_alive)
                await daemon.line.tell("READY=1")
                nursery.start_soon(daemon.line.keep_told)
                nursery.start_soon(daemon.summary.run)
                _freeze_what_was_built()
                task_status.started(running)
                log.info("stopping on %s", signal.Signals(await anext(signals)).name)
                is_drained = await _drained(daemon, signals)
                nursery.cancel_scope.cancel()
        if not is_drained:
            raise StoppedEarly("a second signal ended the drain; what was in flight is in doubt at the next start")
    log.info("stopped")


async def _drained(daemon: "_Daemon", signals: AsyncIterator[int]) -> bool:
    """Stop the daemon; False when another signal came first."""
    is_drained = False

    async def drain() -> None:
        nonlocal is_drained
        await daemon.stop()
        is_drained = True
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        log.warning("stopping at once on a second %s", signal.Signals(await anext(signals)).name)
        nursery.cancel_scope.cancel()
    return is_drained


def _freeze_what_was_built() -> None:
    """It lives as long as the process: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def _shown(gauges: Gauges) -> Iterator[None]:
    metrics.REGISTRY.register(gauges)
    try:
        yield
    finally:
        metrics.REGISTRY.unregister(gauges)


@contextmanager
def _listening(settings: Settings) -> Iterator[dict[str, list[socket.socket]]]:
    """Sockets by listener: those that systemd hands over, else of the addresses in the settings.

    Before the store is opened and any carrier bothered, so that a port that is taken is said at once. What callers ask
    meanwhile waits in the kernel.
    """
    sockets: dict[str, list[socket.socket]] = {HTTP: [], OPERATOR: []}
    try:
        for name, handed in sockets_handed_over(sockets):
            sockets[name].append(handed)
        for name, listen in ((HTTP, settings.http.listen), (OPERATOR, settings.operator.listen)):
            if not sockets[name]:
                for address in listen:
                    sockets[name].append(listener(address))
        yield sockets
    finally:
        for opened in itertools.chain.from_iterable(sockets.values()):
            opened.close()


@asynccontextmanager
async def _writing_store(settings: Settings) -> AsyncIterator[SqliteStore]:
    """An open store with its writer and its checkpoints; the writer ends last, when all that was asked is on disk."""
    policy = replace(policy_of(settings), reply=KeywordReplies(settings))
    store = SqliteStore(settings.store.path, policy, render=event_body)
    store.observe = metrics.observe_commit
    async with store.opened(), trio.open_nursery() as nursery:
        await nursery.start(store.run)
        async with trio.open_nursery() as beside:
            beside.start_soon(store.checkpoint)
            try:
                yield store
            finally:
                beside.cancel_scope.cancel()
                store.stop()


class _Daemon:
    """The parts of one running gateway."""

    def __init__(self, settings: Settings, store: SqliteStore, notifier: Notifier) -> None:
        self.store = store
        ids = Identifiers(store.last_id())
        owners = NumberOwners({name: account.senders for name, account in settings.accounts.items()})
        self.send = Send(store, settings.lanes)
        receive = Receive(store, owners, ids, told=_told_of_inbound(settings))
        traffic = Traffic(self.send.open_feed, receive.deliver)
        self.carriers = [Carrier(carrier, traffic, store.carrier_able) for carrier in settings.carriers.values()]
        for carrier in self.carriers:
            store.carrier_able(carrier.name, False)
        self.asking = Asking(store, self.carriers)
        fastest = {name: account.limits.messages_per_second for name, account in settings.accounts.items()}
        quiet = QuietHours(settings.countries, settings.lanes.values())
        self.expand = Expand(store, ids, {route.name for route in settings.routes}, fastest=fastest, quiet=quiet)
        client = Client(AddressGuard(settings.webhooks.allow_networks), timeout=settings.webhooks.timeout)
        self.notify = Notify(settings, store, client, now_ms, random.random)
        view = CarriersNow(self.carriers)
        self.accept = Accept(settings, store, ids)
        app = create_app(settings, self.accept, store, ids, view)
        self.http = Server(app, ids, Limits(most_connections()))
        wires = {carrier.name: carrier.wire for carrier in self.carriers}
        operator_app = create_operator_app(settings, store, ids, view, metrics.REGISTRY, wires)
        self.operator = Server(operator_app, ids, Limits(MOST_OPERATOR_CONNECTIONS))
        self.line = StateLine(notifier, view, store)
        self.summary = Summary(view, store)
        self.gauges = Gauges(_gauges(store, view))

    async def start(self, nursery: trio.Nursery, sockets: dict[str, list[socket.socket]]) -> Running:
        """All parts, carriers last."""
        await self.accept.templates.load(self.store)
        public = await nursery.start(self.http.run, sockets[HTTP])
        operator = await nursery.start(self.operator.run, sockets[OPERATOR])
        await nursery.start(self.send.run)
        await nursery.start(self.notify.run)
        for carrier in self.carriers:
            await nursery.start(carrier.run)
        await nursery.start(self.asking.run)
        await nursery.start(self.expand.run)
        log.info("listening http=%s operator=%s", ",".join(public), ",".join(operator))
        return Running(public, operator)

    async def stop(self) -> None:
        """In this order; each step has its own limit. Operators are answered to the very end: they may watch."""
        await self.line.stopping("answers the requests under way")
        self.http.stop.set()
        await self.http.ended.wait()
        await self.line.stopping("waits for carriers' answers")
        async with trio.open_nursery() as nursery:
            for carrier in self.carriers:
                nursery.start_soon(carrier.drain, DRAIN_LIMIT_SECONDS)
        await self.line.stopping("writes the last receipts")
        await self._last_receipts()
        await self.line.stopping("waits for webhooks under way")
        left = await self.notify.stop(WEBHOOK_LIMIT_SECONDS)
        if left:
            log.warning("%d webhook deliveries under way are told again after the next start", left)
        await self.line.stopping("closes the store")

    async def _last_receipts(self) -> None:
        """On disk before the webhooks end, so that they are told if there is time."""
        try:
            await self.store.keep_alive()
        except (StoreBusy, StoreFull) as error:
            log.error("the store can't write while the daemon stops: %s", error)


def _told_of_inbound(settings: Settings) -> frozenset[str]:
    """The accounts whose endpoints take inbound messages."""
    webhooks = {name: account.webhook for name, account in settings.accounts.items()}
    return frozenset(name for name, webhook in webhooks.items() if webhook and EventType.INBOUND in webhook.events)


def _say_what_was_found(store: SqliteStore, routes: set[str], last: Holder | None) -> None:
    """One line for each thing that an operator should know of what the last process left."""
    if last is not None:
        log.warning("the last process ended without draining: pid=%s since=%s", last.pid, last.since)
    if store.started_with_doubts:
        log.warning(
            "segments are in doubt and are settled by receipts or the lanes' policies: segments_in_doubt=%d",
            store.started_with_doubts,
        )
    if store.started_with_deliveries:
        log.info("webhook deliveries that were under way are told again: deliveries=%d", store.started_with_deliveries)
    lost: Counter[str] = Counter()
    for row in store.queues():
        if row.ready and row.route not in routes:
            lost[row.route] += row.ready
    for route, count in sorted(lost.items()):
        log.warning(
            "messages wait under a route not in the settings, and expire there: route=%s messages=%d", route, count
        )


def _gauges(store: SqliteStore, view: CarriersNow) -> list[Gauge]:
    def queued() -> Iterable[tuple[tuple[str, ...], float]]:
        ready: dict[tuple[str, ...], float] = {}
        for row in store.queues():
            ready[(row.lane, row.route)] = ready.get((row.lane, row.route), 0) + row.ready
        return ready.items()

    def able() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.able)) for carrier in view.carriers()]

    def refused() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.alarm is not None)) for carrier in view.carriers()]

    def binds(what: str) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((c.name, b.name), float(getattr(b, what))) for c in view.carriers() for b in c.binds]

    counts = store.counts
    return [
        Gauge("sluice_queue_ready", "Messages that a free slot could take.", ("lane", "route"), queued),
        Gauge("sluice_window_ceiling", "Unanswered submit_sm allowed.", ("carrier", "bind"), partial(binds, "window")),
        Gauge("sluice_window_limit", "Of it, used at present.", ("carrier", "bind"), partial(binds, "window_limit")),
        Gauge("sluice_window_in_flight", "Unanswered submit_sm.", ("carrier", "bind"), partial(binds, "in_flight")),
        Gauge("sluice_submit_oldest_seconds", "Age of the oldest unanswered one.", ("carrier", "bind"), view.oldest),
        Gauge("sluice_carrier_able", "1 when any bind of the carrier can send.", ("carrier",), able),
        Gauge("sluice_carrier_refused", "1 while the carrier refuses our credentials.", ("carrier",), refused),
        Gauge("sluice_receipts_parked", "Receipts of no known message.", (), lambda: [((), counts()["parked"])]),
        Gauge("sluice_events_pending", "Events to be told.", (), lambda: [((), counts()["events_pending"])]),
    ]
