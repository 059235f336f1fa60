"""The composition root: the process around the parts of the house: its lock, its sockets, its store and its signals.

A first SIGTERM or SIGINT drains, a second skips what is left of that but the store's close; SIGHUP reads the settings
anew.
"""

import gc
import itertools
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from gateway import loop_lag, metrics
from gateway.house import HTTP, OPERATOR, SUBMIT, House, Running, policy_for
from gateway.logs import quoted
from gateway.metrics import Gauges
from gateway.metrics.ends import count_ends
from gateway.serving.server import listener
from gateway.settings import Settings
from gateway.store.connection import Holder, lock, open_loop
from gateway.store.sqlite import SqliteStore
from gateway.systemd import Notifier, sockets_handed_over
from gateway.webhooks.payloads import event_body

log = logging.getLogger("sluice.daemon")


class StoppedEarly(Exception):  # noqa: N818
    """A second signal came before all that was in flight had been answered."""


async def run(
    settings: Settings,
    *,
    path: Path | None = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """The daemon, until SIGTERM or SIGINT; then it drains and returns. `path`: what SIGHUP has read again.

    Raises StoreLocked when another owns the store, OSError when an address can't be listened on, and StoppedEarly.
    """
    notifier = Notifier()
    with (
        lock(settings.store.path) as last,
        _listening(settings) as sockets,
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals,
    ):
        await notifier.tell("STATUS=Opening the store")
        async with open_loop(), _writing_store(settings) as store, trio.open_nursery() as nursery:
            _say_what_was_found(store, last)
            await _say_what_is_held(store)
            daemon = House(settings, store, notifier, path)
            with _shown(daemon.gauges):
                running = await daemon.start(nursery, sockets)
                nursery.start_soon(notifier.feed_watchdog, store.keep_alive)
                await daemon.line.tell("READY=1")
                nursery.start_soon(daemon.line.keep_told)
                nursery.start_soon(daemon.summary.run)
                nursery.start_soon(loop_lag.watch, metrics.LOOP_LAG.observe)
                _freeze_what_was_built()
                task_status.started(running)
                log.info("stopping on %s", await _stopped_by(signals, on_reload=daemon.reloading.ask))
                is_drained = await _drained(daemon, signals)
                nursery.cancel_scope.cancel()
        if not is_drained:
            raise StoppedEarly("a second signal ended the drain; what was in flight is in doubt at the next start")
    log.info("stopped")


async def _stopped_by(signals: AsyncIterator[int], *, on_reload: Callable[[], None]) -> str:
    """The name of the next signal to stop; `on_reload` is called for each to reload before it."""
    while (number := await anext(signals)) == signal.SIGHUP:
        on_reload()
    return signal.Signals(number).name


def _nothing() -> None:
    """What stops takes no other settings."""


async def _drained(daemon: House, signals: AsyncIterator[int]) -> bool:
    """Stop the daemon; False when another signal came first."""
    is_drained = False

    async def drain() -> None:
        nonlocal is_drained
        await daemon.stop()
        is_drained = True
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        log.warning("stopping at once on a second %s", await _stopped_by(signals, on_reload=_nothing))
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
    sockets: dict[str, list[socket.socket]] = {HTTP: [], SUBMIT: [], OPERATOR: []}
    try:
        for name, handed in sockets_handed_over(sockets):
            sockets[name].append(handed)
        listened = (
            (HTTP, settings.http.listen),
            (SUBMIT, settings.http.submit_listen),
            (OPERATOR, settings.operator.listen),
        )
        for name, listen in listened:
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
    store = SqliteStore(settings.store.path, policy_for(settings), render=event_body)
    store.observe = metrics.observe_commit
    store.on_ends(count_ends)
    async with store.opened(), trio.open_nursery() as nursery:
        await nursery.start(store.run)
        async with trio.open_nursery() as beside:
            beside.start_soon(store.checkpoint)
            beside.start_soon(store.watch_doubts)
            beside.start_soon(store.watch_held)
            try:
                yield store
            finally:
                beside.cancel_scope.cancel()
                store.stop()


async def _say_what_is_held(store: SqliteStore) -> None:
    """After a restore, at each start until it is released."""
    held = await store.held()
    if held is not None:
        log.warning(
            "what was open in a backup is held until it is released messages=%d campaigns=%d events=%d backup=%s",
            held.messages, len(held.campaigns), held.events, quoted(held.backup),
        )  # fmt: skip


def _say_what_was_found(store: SqliteStore, last: Holder | None) -> None:
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
