"""The composition root: builds every part from the settings, starts all, and stops all in the order that loses nothing.

Stop order: HTTP, claiming, windows (bounded), unbind, receipts on disk, webhooks, the store.
"""

import gc
import logging
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from quart_trio import QuartTrio

from gateway import metrics
from gateway.api.app import create_app
from gateway.api.carriers_view import BindView, CarrierView
from gateway.api.operators import create_operator_app
from gateway.carriers.carrier import Carrier
from gateway.carriers.traffic import Traffic
from gateway.flows.accept import Accept
from gateway.flows.notify import Notify
from gateway.flows.receive import Receive
from gateway.flows.send import Send
from gateway.identifiers import Identifiers, now_ms
from gateway.metrics import Gauge, Gauges
from gateway.rules.senders import NumberOwners
from gateway.settings import Settings
from gateway.settings.types import split_address
from gateway.store.connection import lock, open_loop
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.policy import policy_of
from gateway.store.sqlite import SqliteStore
from gateway.systemd import Notifier
from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client
from gateway.webhooks.payloads import event_body

log = logging.getLogger("sluice.daemon")

HTTP_LIMIT_SECONDS = 2.0
"""For requests under way when the daemon stops; a caller's idle connection is kept as long."""
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
        return [CarrierView(carrier.name, carrier.able, self._binds(carrier)) for carrier in self._carriers]

    def _binds(self, carrier: Carrier) -> list[BindView]:
        rate = carrier.settings.submit_rate_per_bind or carrier.settings.submit_rate
        return [
            BindView(v.name, v.state.value, v.window, v.in_flight, v.room, rate, v.since, v.last_error)
            for v in carrier.views()
        ]


async def run(settings: Settings, *, task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED) -> None:
    """The daemon, until SIGTERM or SIGINT; then it drains and returns.

    Raises StoreLocked when another owns the store, OSError when an address can't be listened on.
    """
    notifier = Notifier()
    with lock(settings.store.path), trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_loop(), _writing_store(settings) as store, trio.open_nursery() as nursery:
            daemon = _Daemon(settings, store)
            running = await daemon.start(nursery)
            nursery.start_soon(notifier.feed_watchdog, store.keep_alive)
            await notifier.tell("READY=1", f"STATUS=Listening on {', '.join(running.http)}")
            gc.collect()
            gc.freeze()  # what is built at start lives as long as the process: no collection need look at it again
            gc.set_threshold(50_000, 20, 50)
            task_status.started(running)
            async for number in signals:
                log.info("stopping on %s", signal.Signals(number).name)
                break
            await notifier.tell("STOPPING=1", "STATUS=Draining")
            await daemon.stop()
            nursery.cancel_scope.cancel()
    log.info("stopped")


@asynccontextmanager
async def _writing_store(settings: Settings) -> AsyncIterator[SqliteStore]:
    """An open store with its writer and its checkpoints; the writer ends last, when all that was asked is on disk."""
    store = SqliteStore(settings.store.path, policy_of(settings), render=event_body)
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

    def __init__(self, settings: Settings, store: SqliteStore) -> None:
        self.settings = settings
        self.store = store
        ids = Identifiers(store.last_id())
        owners = NumberOwners({name: account.senders for name, account in settings.accounts.items()})
        self.send = Send(store, settings.lanes)
        traffic = Traffic(self.send.open_feed, Receive(store, owners, ids).deliver)
        self.carriers = [Carrier(carrier, traffic, store.carrier_able) for carrier in settings.carriers.values()]
        for carrier in self.carriers:
            store.carrier_able(carrier.name, False)
        client = Client(AddressGuard(settings.webhooks.allow_networks), timeout=settings.webhooks.timeout)
        self.notify = Notify(settings, store, client, now_ms, random.random)
        self.view = CarriersNow(self.carriers)
        self.app = create_app(settings, Accept(settings, store, ids), store, ids, self.view)
        self.operator_app = create_operator_app(settings, store, ids, self.view, metrics.REGISTRY)
        self.gauges = Gauges(_gauges(store, self.view))
        self._http_stop = trio.Event()
        self._http_ended = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def start(self, nursery: trio.Nursery) -> Running:
        """Listen before binding, so that a port that is taken is said before any carrier is bothered."""
        self._nursery = nursery
        _say_what_was_found(self.store, {route.name for route in self.settings.routes})
        metrics.REGISTRY.register(self.gauges)
        public = await nursery.start(self._serve, self.app, self.settings.http.listen, self.settings.http.body_limit)
        operator = await nursery.start(self._serve_operator)
        await nursery.start(self.send.run)
        await nursery.start(self.notify.run)
        for carrier in self.carriers:
            await nursery.start(carrier.run)
        log.info("listening http=%s operator=%s", ",".join(public), ",".join(operator))
        return Running(public, operator)

    async def stop(self) -> None:
        """In this order; each step has its own limit."""
        self._http_stop.set()
        await self._http_ended.wait()
        async with trio.open_nursery() as nursery:
            for carrier in self.carriers:
                nursery.start_soon(carrier.drain, DRAIN_LIMIT_SECONDS)
        await self._last_receipts()
        left = await self.notify.stop(WEBHOOK_LIMIT_SECONDS)
        if left:
            log.warning("%d webhook deliveries under way are told again after the next start", left)
        metrics.REGISTRY.unregister(self.gauges)

    async def _last_receipts(self) -> None:
        """On disk before the webhooks end, so that they are told if there is time."""
        try:
            await self.store.keep_alive()
        except (StoreBusy, StoreFull) as error:
            log.error("the store can't write while the daemon stops: %s", error)

    async def _serve(
        self, app: QuartTrio, listen: list[str], body_limit: int, *, task_status: trio.TaskStatus[list[str]]
    ) -> None:
        try:
            await serve(
                app,
                _hypercorn([_listener(address) for address in listen], body_limit),
                shutdown_trigger=self._http_stop.wait,
                task_status=task_status,
                mode="asgi",
            )
        finally:
            self._http_ended.set()

    async def _serve_operator(self, *, task_status: trio.TaskStatus[list[str]]) -> None:
        """Until the very end: an operator may watch the drain."""
        await serve(
            self.operator_app,
            _hypercorn([_listener(address) for address in self.settings.operator.listen], 64 * 1024),
            shutdown_trigger=trio.sleep_forever,
            task_status=task_status,
            mode="asgi",
        )


def _listener(address: str) -> socket.socket:
    """Bound to the address. Raises OSError that names it, which Hypercorn's own does not."""
    host, port = split_address(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None
    return listener


def _hypercorn(listeners: list[socket.socket], body_limit: int) -> Config:
    """`listeners` are its own from now on."""
    config = Config()
    config.bind = [f"fd://{listener.detach()}" for listener in listeners]
    config.graceful_timeout = HTTP_LIMIT_SECONDS
    config.keep_alive_timeout = 75.0
    config.backlog = 1024
    config.include_server_header = False
    config.include_date_header = True
    config.accesslog = None
    config.errorlog = logging.getLogger("sluice.http")
    config.h11_max_incomplete_size = 16 * 1024
    config.wsgi_max_body_size = body_limit
    return config


def _say_what_was_found(store: SqliteStore, routes: set[str]) -> None:
    for route in sorted({row.route for row in store.queues() if row.ready} - routes):
        log.warning("messages wait under a route that is not in the settings, and expire there: route=%s", route)
    if store.started_with_doubts:
        log.warning(
            "the last process ended without draining: segments_in_doubt=%d, settled by receipts or the lanes' policies",
            store.started_with_doubts,
        )


def _gauges(store: SqliteStore, view: CarriersNow) -> list[Gauge]:
    def queued() -> Iterable[tuple[tuple[str, ...], float]]:
        ready: dict[tuple[str, ...], float] = {}
        for row in store.queues():
            ready[(row.lane, row.route)] = ready.get((row.lane, row.route), 0) + row.ready
        return ready.items()

    def able() -> Iterable[tuple[tuple[str, ...], float]]:
        return [((carrier.name,), float(carrier.able)) for carrier in view.carriers()]

    def binds(what: str) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((c.name, b.name), float(getattr(b, what))) for c in view.carriers() for b in c.binds]

    counts = store.counts
    return [
        Gauge("sluice_queue_ready", "Messages that a free slot could take.", ("lane", "route"), queued),
        Gauge("sluice_window_ceiling", "Unanswered submit_sm allowed.", ("carrier", "bind"), partial(binds, "window")),
        Gauge("sluice_window_in_flight", "Unanswered submit_sm.", ("carrier", "bind"), partial(binds, "in_flight")),
        Gauge("sluice_carrier_able", "1 when any bind of the carrier can send.", ("carrier",), able),
        Gauge("sluice_receipts_parked", "Receipts of no known message.", (), lambda: [((), counts()["parked"])]),
        Gauge("sluice_events_pending", "Events to be told.", (), lambda: [((), counts()["events_pending"])]),
    ]
