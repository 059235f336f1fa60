"""Connections to endpoints that are open: kept for the next POST, bounded in number, closed when they idle for long.

Knows nothing of requests; gateway.webhooks.client says when a connection may be used again.
"""

import select
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import trio

from gateway.webhooks.urls import Origin
from gateway.webhooks.wires import Wire

# Shorter than what most servers and balancers keep (60 s to 75 s); those that close sooner are noticed by `_has_ended`.
IDLE_SECONDS = 30.0
_MOST_IDLE_OF_ORIGIN = 16
_SWEPT_AT_ONCE = 50
_LOOKS = 8
"""A peer that still says something then says too much."""


@dataclass(slots=True, eq=False)
class Pooled:
    """One open connection, used by one POST at a time."""

    origin: Origin
    socket: trio.socket.SocketType
    wire: Wire
    idle_since: float = field(default=0.0, init=False)
    poll: select.poll = field(default_factory=select.poll, init=False)

    def __post_init__(self) -> None:
        # poll and not select: select fails for descriptors from 1024 on.
        self.poll.register(self.socket.fileno(), select.POLLIN)


C = TypeVar("C", bound=Pooled)


class Pool(Generic[C]):
    """Every method but `run` is done at once, so that a connection is always either with one POST, kept, or closed."""

    def __init__(self, most: int, closing: Callable[[C], None] | None = None) -> None:
        """`most` connections are open at a time, as long as no more POSTs than that are under way.

        `closing`: called with each that is dropped, before it is closed.
        """
        self._most = most
        self._closing = closing
        self._open = 0
        self._kept: dict[Origin, list[C]] = {}
        self._oldest_first: dict[C, None] = {}

    @property
    def open(self) -> int:
        """Connections open or being opened, with a POST or idle."""
        return self._open

    def keeps(self, origin: Origin) -> bool:
        """Whether any connection to the origin idles; it may have ended."""
        return origin in self._kept

    def take(self, origin: Origin) -> C | None:
        """The connection to the origin that was used last and is still alive, if any."""
        while kept := self._kept.get(origin):
            connection = kept[-1]
            self._forget(connection)
            if not _has_ended(connection):
                return connection
            self.drop(connection)
        return None

    def opening(self) -> None:
        """Count a connection about to be opened; the one that has idled longest makes room for it."""
        if self._open >= self._most and self._oldest_first:
            self._close_idle(next(iter(self._oldest_first)))
        self._open += 1

    def not_opened(self) -> None:
        """What was counted by `opening` came to nothing."""
        self._open -= 1

    def discard(self, connection: C) -> None:
        """Close one that idles; nothing where it does not."""
        if connection in self._oldest_first:
            self._close_idle(connection)

    def keep(self, connection: C) -> None:
        """The POST is over and the connection can carry another."""
        kept = self._kept.get(connection.origin, [])
        if len(kept) >= _MOST_IDLE_OF_ORIGIN or self._open > self._most or not connection.wire.may_be_asked:
            self.drop(connection)
            return
        connection.idle_since = trio.current_time()
        kept.append(connection)
        self._kept[connection.origin] = kept
        self._oldest_first[connection] = None

    def drop(self, connection: C) -> None:
        """Close a connection that is not kept; without a TLS goodbye, since HTTP tells where an answer ends."""
        self._open -= 1
        if self._closing is not None:
            self._closing(connection)
        connection.socket.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Close connections that have idled for IDLE_SECONDS, until cancelled; then all that idle."""
        try:
            task_status.started()
            while True:
                await trio.sleep(IDLE_SECONDS / 4)
                while self._close_expired(trio.current_time() - IDLE_SECONDS):
                    await trio.lowlevel.checkpoint()
        finally:
            for connection in list(self._oldest_first):
                self._close_idle(connection)

    def _close_expired(self, idle_since: float) -> bool:
        """Whether there may be more."""
        for _ in range(_SWEPT_AT_ONCE):
            connection = next(iter(self._oldest_first), None)
            if connection is None or connection.idle_since > idle_since:
                return False
            self._close_idle(connection)
        return True

    def _close_idle(self, connection: C) -> None:
        self._forget(connection)
        self.drop(connection)

    def _forget(self, connection: C) -> None:
        kept = self._kept[connection.origin]
        kept.remove(connection)
        if not kept:
            del self._kept[connection.origin]
        del self._oldest_first[connection]


def _has_ended(connection: Pooled) -> bool:
    """Whether an idle connection has the peer's close to read, or the beginning of what nobody asked for; TLS may speak
    for itself.
    """
    for _ in range(_LOOKS):
        if not connection.poll.poll(0):
            return not connection.wire.may_be_asked
        try:
            connection.wire.read()
        except BlockingIOError:
            continue
        except OSError:
            return True
        return True
    return True
