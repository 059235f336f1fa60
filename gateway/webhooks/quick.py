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
        """By descriptor: those with a POST under way and those that idle since."""
        self._under_way: dict[int, Quick[C]] = {}
        self._scope = trio.CancelScope()
        self.runs = False

    def begin(self, post: Quick[C]) -> bool:
        """Write it; whether it went out whole. What did not is not looked after here. Raises OSError."""
        descriptor = post.connection.socket.fileno()
        is_out = post.connection.wire.write(post.request)
        if is_out:
            if self._watched.get(descriptor) is not post.connection:
                self._epoll.register(descriptor, select.EPOLLIN)
                self._watched[descriptor] = post.connection
            self._under_way[descriptor] = post
            if post.deadline < self._scope.deadline:
                self._scope.deadline = post.deadline
        return is_out

    def let_go(self, connection: C) -> None:
        """Somebody else reads it from now on, or it is about to be closed."""
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
            self._under_way.clear()
            self._watched.clear()
            self._epoll.close()

    def _read_all(self) -> None:
        """What is there, and what came meanwhile: a wake-up costs more than another look."""
        for _ in range(_LOOKS):
            readable = self._epoll.poll(0)
            if not readable:
                return
            for descriptor, _ in readable:
                connection = self._watched.get(descriptor)
                # The answer to another that the same look found may have let it go, or closed it.
                if connection is None or connection.socket.fileno() != descriptor:
                    continue
                try:
                    self._read(descriptor, connection)
                except Exception:
                    # The one supervisor of these POSTs: our fault over one of them must not end the others.
                    log.exception("webhook fault after its answer: host=%s", connection.origin.host)
                    if descriptor not in self._under_way:
                        self.let_go(connection)

    def _read(self, descriptor: int, connection: C) -> None:
        received: bytes | None
        try:
            received = connection.wire.read()
        except BlockingIOError:
            # Nothing that counts: part of a record of TLS, or what TLS says for itself.
            return
        except OSError:
            received = None
        except Exception:
            # Ours, and not the endpoint's; but what was begun must not wait for ever.
            log.exception("webhook fault within its answer: host=%s", connection.origin.host)
            received = None
        post = self._under_way.pop(descriptor, None)
        if post is None:
            self.let_go(connection)
            self._unasked(connection)
            return
        status = plain_success(received) if received else None
        if status is not None:
            post.taken(status, round((trio.current_time() - post.started) * 1000))
        else:
            self.let_go(connection)
            post.unusual(received)

    def _next_deadline(self) -> float:
        return min((post.deadline for post in self._under_way.values()), default=inf)

    def _end_late(self) -> None:
        now = trio.current_time()
        for descriptor, post in list(self._under_way.items()):
            if post.deadline <= now:
                del self._under_way[descriptor]
                try:
                    self.let_go(post.connection)
                    post.late()
                except Exception:
                    # As where it was answered.
                    log.exception("webhook fault after its time-out: host=%s", post.connection.origin.host)
