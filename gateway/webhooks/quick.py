"""POSTs on connections that are kept, whatever their number, in one task: written at once, and their answers read when
one wake-up finds them.

Only answers that are plain successes end here; all else is gateway.webhooks.client's, which goes on with care.
"""

import logging
import select
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

import trio

from gateway.webhooks.answers import plain_success
from gateway.webhooks.pool import Pooled

log = logging.getLogger("sluice.notify")
_LOOKS = 4
"""In one wake-up; then others have their turn."""

C = TypeVar("C", bound=Pooled)


@dataclass(slots=True, eq=False)
class Quick(Generic[C]):
    """One POST under way; times are Trio's, in seconds."""

    connection: C
    request: bytes
    started: float
    deadline: float
    taken: Callable[[int, int], None]
    """It ended well: HTTP status, milliseconds. The connection can carry another."""
    unusual: Callable[[bytes | None], None]
    """What was read, or b"" and None where the connection ended or broke before anything came."""
    late: Callable[[], None]
    """Nothing came in time."""


class QuickPosts(Generic[C]):
    """The kernel tells which of all these sockets have something to read (epoll(7)), and Trio waits for that alone."""

    def __init__(self, unasked: Callable[[C], None]) -> None:
        """`unasked`: an idle connection ended or was said something on, so that nothing more can be asked on it."""
        self._unasked = unasked
        self._epoll: select.epoll
        self._watched: dict[int, C] = {}
        """By descriptor, which may be another connection's once this one is closed."""
        self._under_way: dict[int, Quick[C]] = {}
        self._scope = trio.CancelScope()
        self.runs = False

    def begin(self, post: Quick[C]) -> bytes | None:
        """Write it; what is left for the connection's stream to send, and None where nothing is. Raises OSError.

        What did not go out whole is not looked after here.
        """
        descriptor = post.connection.socket.fileno()
        unsent = post.connection.wire.write(post.request)
        if unsent is None:
            if self._watched.get(descriptor) is not post.connection:
                self._epoll.register(descriptor, select.EPOLLIN)
                self._watched[descriptor] = post.connection
            self._under_way[descriptor] = post
            if post.deadline < self._scope.deadline:
                self._scope.deadline = post.deadline
        return unsent

    def let_go(self, connection: C) -> None:
        """Somebody else reads it from now on."""
        descriptor = connection.socket.fileno()
        if self._watched.get(descriptor) is connection:
            self._epoll.unregister(descriptor)
            del self._watched[descriptor]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read answers until cancelled."""
        self._epoll = select.epoll()
        self.runs = True
        task_status.started()
        try:
            while True:
                self._end_late()
                with trio.CancelScope(deadline=self._next_deadline()) as self._scope:
                    while True:
                        await trio.lowlevel.wait_readable(self._epoll.fileno())
                        self._read_all()
        finally:
            self.runs = False
            for post in self._under_way.values():
                post.connection.socket.close()
            self._epoll.close()

    def _read_all(self) -> None:
        """What is there, and what came meanwhile: a wake-up costs more than another look."""
        for _ in range(_LOOKS):
            readable = self._epoll.poll(0)
            if not readable:
                return
            for descriptor, _ in readable:
                self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        post = self._under_way.pop(descriptor, None)
        connection = self._watched[descriptor] if post is None else post.connection
        # One that was closed meanwhile has left the epoll by itself, and has no descriptor any more.
        if connection.socket.fileno() != descriptor:
            return
        received: bytes | None
        try:
            received = connection.wire.read()
        except BlockingIOError:
            # Nothing that counts: part of a record of TLS, or what TLS says for itself.
            if post is not None:
                self._under_way[descriptor] = post
            return
        except OSError:
            received = None
        if post is None:
            self.let_go(connection)
            self._unasked(connection)
            return
        try:
            status = plain_success(received) if received else None
            if status is not None:
                post.taken(status, round((trio.current_time() - post.started) * 1000))
            else:
                self.let_go(connection)
                post.unusual(received)
        except Exception:
            # The one supervisor of these POSTs: our fault over one of them must not end the others.
            log.exception("webhook fault after its answer")

    def _next_deadline(self) -> float:
        return min((post.deadline for post in self._under_way.values()), default=inf)

    def _end_late(self) -> None:
        now = trio.current_time()
        for descriptor, post in list(self._under_way.items()):
            if post.deadline <= now:
                del self._under_way[descriptor]
                self.let_go(post.connection)
                try:
                    post.late()
                except Exception:
                    # As where it was answered.
                    log.exception("webhook fault after its time-out")
