"""HTTP served within limits: the sockets listened on, how many connections are open, and how long each is waited for.

What a connection says is http_connection.py's, or lean_connection.py's on the listeners for the calls that send; what
is answered is the app's.
"""

import logging
import resource
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, LifespanState
from hypercorn.utils import repr_socket_addr, wrap_app

from gateway import identifiers
from gateway.api import problem_types, problems
from gateway.api.direct import Direct
from gateway.api.problems import Problem
from gateway.api.submit_calls import SubmitCalls
from gateway.identifiers import Identifiers
from gateway.metrics import HTTP_REFUSED
from gateway.serving.http_connection import HttpConnection
from gateway.serving.lean_connection import LeanConnection
from gateway.serving.lean_watch import Watch
from gateway.serving.waits import MOST_HEAD, Connection, Patience
from gateway.settings.types import split_address

log = logging.getLogger("sluice.http")

MOST_CONNECTIONS = 2_000
"""Open at a time for callers: some 60 MiB, and far below the unit's LimitNOFILE of 65,536."""
MOST_OPERATOR_CONNECTIONS = 100
OTHER_FILES = 500
"""Descriptors kept free for the store, binds, webhooks (256) and operators, where the limit of files is low."""
STOP_LIMIT_SECONDS = 2.0
"""For requests under way when the server stops."""
BACKLOG = 1024
_LOOK_SECONDS = 0.25
_STOPPING_LOOK_SECONDS = 0.02
MOST_REFUSALS = 64
"""Refused in words at a time; above it a connection is closed without."""
_SAY_AGAIN_SECONDS = 60.0


def most_connections() -> int:
    """For callers, within what the process may have open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, files - OTHER_FILES))


def listener(address: str) -> socket.socket:
    """Listening on the address. Raises OSError that names it."""
    host, port = split_address(address)
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise OSError(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from None
    return opened


def urls_of(sockets: list[socket.socket]) -> list[str]:
    """What is listened on."""
    return [f"http://{repr_socket_addr(one.family, one.getsockname())}" for one in sockets]


@dataclass(slots=True, frozen=True)
class Limits:
    """Of one server."""

    connections: int
    stop_seconds: float = STOP_LIMIT_SECONDS
    patience: Patience = field(default_factory=Patience)


class _Config(Config):
    """Hypercorn's, which tells callers to close once the server stops."""

    stopping = False

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        headers = super().response_headers(protocol)
        return [*headers, (b"connection", b"close")] if self.stopping else headers


class Server:
    """Serves one app on some sockets, until `stop` is set and what was under way is answered.

    `direct`: what answers the calls that send on sockets for them alone.
    """

    def __init__(self, app: ASGIFramework, ids: Identifiers, limits: Limits, direct: Direct | None = None) -> None:
        self.stop = trio.Event()
        self.ended = trio.Event()
        self._asgi = app
        self._app = wrap_app(app, 0, "asgi")
        self._submit_app = wrap_app(SubmitCalls(app, ids), 0, "asgi")
        self._direct = direct
        self._ids = ids
        self._limits = limits
        self._config = _config()
        self._context = WorkerContext(None)
        self.watch = Watch()
        self._open: set[Connection] = set()
        self._refusals = 0
        self._said_at = float("-inf")

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._open)

    async def run(
        self,
        sockets: list[socket.socket],
        submit_sockets: Sequence[socket.socket] = (),
        *,
        task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until stopped; started with the URLs listened on, but those of `submit_sockets`, which are lean.

        The sockets are its own from now on.
        """
        try:
            async with trio.open_nursery() as beside:
                lifespan = Lifespan(self._app, self._config, LifespanState())
                await beside.start(lifespan.handle_lifespan)
                await lifespan.wait_for_startup()
                await self._serve(sockets, submit_sockets, task_status)
                await lifespan.wait_for_shutdown()
                beside.cancel_scope.cancel()
        finally:
            self.ended.set()

    async def _serve(
        self,
        sockets: list[socket.socket],
        submit_sockets: Sequence[socket.socket],
        task_status: trio.TaskStatus[list[str]],
    ) -> None:
        urls = urls_of(sockets)
        async with trio.open_nursery() as connections:
            await connections.start(self.watch.run)
            try:
                async with trio.open_nursery() as accepting:
                    accepting.start_soon(self._look)
                    # Returns with the listeners closed; what they took lives on in `connections`.
                    await self._accept(accepting, self._handle, sockets, connections)
                    await self._accept(accepting, self.handle_lean, submit_sockets, connections)
                    task_status.started(urls)
                    await self.stop.wait()
                    accepting.cancel_scope.cancel()
                await self._finish()
            finally:
                # Cancelled too: an answer is sent behind a shield, and a caller who reads nothing would hold it up.
                for connection in self._open:
                    connection.cut()
                connections.cancel_scope.cancel()

    async def _accept(
        self,
        accepting: trio.Nursery,
        handle: Callable[[trio.SocketStream], Awaitable[None]],
        sockets: Sequence[socket.socket],
        connections: trio.Nursery,
    ) -> None:
        if sockets:
            listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(one)) for one in sockets]
            await accepting.start(partial(trio.serve_listeners, handle, listeners, handler_nursery=connections))

    async def _handle(self, stream: trio.SocketStream) -> None:
        if await self._has_room(stream):
            await self._run(self._front(self._app, stream))

    async def handle_lean(self, stream: trio.SocketStream) -> None:
        """Serve one connection for the calls that send alone, until it ends."""
        assert self._direct is not None  # noqa: S101 - it has sockets of that kind
        if not await self._has_room(stream):
            return
        connection = LeanConnection(self._asgi, self._direct, self._limits.patience, self._ids, stream, self.watch)
        await self._run(connection)
        if connection.left is not None:
            await self._run(self._front(self._submit_app, stream, connection.left))

    def _front(self, app: AppWrapper, stream: trio.SocketStream, first: bytes = b"") -> HttpConnection:
        return HttpConnection(app, self._config, self._context, self._limits.patience, self._ids, stream, first)

    async def _has_room(self, stream: trio.SocketStream) -> bool:
        """Whether the connection is within the limit; if not, it is refused."""
        if len(self._open) < self._limits.connections or self._make_room():
            return True
        await self._refuse(stream)
        return False

    async def _run(self, connection: Connection) -> None:
        self._open.add(connection)
        if self.stop.is_set():
            connection.stop()
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    async def _look(self) -> None:
        """Cut those that have been waited for too long."""
        while True:
            await trio.sleep(_LOOK_SECONDS)
            self._cut_late()

    def _cut_late(self) -> None:
        now = trio.current_time()
        for connection in [one for one in self._open if one.deadline <= now]:
            connection.give_up()

    async def _finish(self) -> None:
        """Answer what is under way or about to come, within the limit; the rest is cut."""
        self._config.stopping = True
        await self._context.terminated.set()
        for connection in self._open:
            connection.stop()
        with trio.move_on_after(self._limits.stop_seconds):
            while self._open:
                await trio.sleep(_STOPPING_LOOK_SECONDS)
                self._cut_late()
        if unanswered := sum(connection.is_busy for connection in self._open):
            log.warning("%d HTTP requests were cut off unanswered, since the daemon stops", unanswered)

    def _make_room(self) -> bool:
        """Close the connection that has been idle longest; whether there was one."""
        before = trio.current_time() - self._limits.patience.settle
        idle = [(one.idle_since, one) for one in self._open if one.idle_since is not None and one.idle_since <= before]
        if not idle:
            return False
        _, oldest = min(idle, key=lambda pair: pair[0])
        oldest.cut()
        self._open.discard(oldest)
        return True

    async def _refuse(self, stream: trio.SocketStream) -> None:
        """In words, and with time for them to arrive: a close with octets unread would destroy the answer."""
        HTTP_REFUSED.inc()
        now = trio.current_time()
        if now >= self._said_at + _SAY_AGAIN_SECONDS:
            self._said_at = now
            log.warning("connections are refused: %d are open, none of them idle", len(self._open))
        if self._refusals >= MOST_REFUSALS:
            return
        self._refusals += 1
        try:
            with trio.move_on_after(self._limits.patience.linger):
                await stream.send_all(self._refusal())
                await stream.send_eof()
                while await stream.receive_some(4096):
                    pass
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            log.debug("a refused connection was lost: %s", error)
        finally:
            self._refusals -= 1

    def _refusal(self) -> bytes:
        detail = "All connections of this gateway are in use. Nothing was accepted."
        problem = Problem(problem_types.TOO_MANY_CONNECTIONS, detail)
        request_id = self._ids.next()
        body = problem.body(request_id)
        head = (
            f"HTTP/1.1 503 Service Unavailable\r\nRequest-Id: {identifiers.public(identifiers.REQUEST, request_id)}\r\n"
            f"Content-Type: {problems.CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
            "Retry-After: 1\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body


def _config() -> _Config:
    config = _Config()
    config.include_server_header = False
    config.include_date_header = True
    config.accesslog = None
    config.errorlog = log
    config.h11_max_incomplete_size = MOST_HEAD
    config.keep_alive_max_requests = 1_000_000
    return config
