"""One caller's HTTP connection: what it read goes to Hypercorn's protocol, and no wait of it is without end.

How many there may be, and when a wait has lasted too long, is looked at by serving.py for all of them together: that
spares a task and two timers for each request.
"""

import logging
import re
import sys
from dataclasses import dataclass
from math import inf
from typing import cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState
from hypercorn.typing import TaskGroup as AnyTaskGroup
from hypercorn.utils import parse_socket_addr

from gateway import identifiers
from gateway.api import problems
from gateway.api.problems import Problem, ProblemType
from gateway.identifiers import Identifiers
from gateway.metrics import HTTP_TIMEOUTS

log = logging.getLogger("sluice.http")

MOST_HEAD = 16 * 1024
"""Octets of a request's head."""
_MOST_READ = 1 << 16
_QUOTED = re.compile(r": (?:bytearray\()?b['\"]")
"""From here on h11's words about a fault repeat what the caller sent."""
_KINDS: dict[int, ProblemType] = {431: problems.HEAD_TOO_LARGE, 501: problems.UNKNOWN_TRANSFER_CODING}


@dataclass(slots=True, frozen=True)
class Patience:
    """How long a caller is waited for, in seconds."""

    head: float = 10.0
    """From the first octet of a request's head to its last; a body has a limit of its own (BODY_TIMEOUT)."""
    idle: float = 75.0
    """For the next request. Longer than the 60 s after which common proxies close theirs: the caller should be the one
    who closes."""
    settle: float = 1.0
    """Idle for so long, a connection may be closed to make room: on a fresh one a request is on its way."""
    send: float = 30.0
    """For one piece of an answer to be taken by the caller's side."""
    linger: float = 1.0
    """For the caller to close, once its last answer is written: a close with octets unread would destroy the answer."""
    first: float = 1.0
    """When the server stops: for the request of a connection that was just taken."""
    next: float = 0.25
    """When the server stops: for a request that was on its way on a connection kept open."""


class _Protocol(H11Protocol):
    """HTTP/1.1 and nothing else: an offer to change to HTTP/2 or WebSockets is not taken up (RFC 9110 §7.8)."""

    ids: Identifiers

    async def _check_protocol(self, event: h11.Request) -> None:
        """Nothing to change to."""

    async def _create_stream(self, request: h11.Request) -> None:
        """Refuse a length together with chunks: a proxy may believe the one and we the other (RFC 9112 §6.1)."""
        names = {name for name, _ in request.headers}
        problem = None
        if {b"content-length", b"transfer-encoding"} <= names:
            problem = Problem(problems.BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other.")
        elif not request.http_version.startswith(b"1."):
            problem = Problem(problems.UNKNOWN_HTTP_VERSION, "This is HTTP/1.1.")
        if problem is not None:
            await self._refuse(problem)
            await self.send(Closed())
            return
        if b"upgrade" in names:
            headers = [(name, value) for name, value in request.headers if name != b"upgrade"]
            request = h11.Request(
                method=request.method, target=request.target, headers=headers, http_version=request.http_version
            )
        await super()._create_stream(request)

    async def _send_error_response(self, status_code: int) -> None:
        """Hypercorn's answer to what is no HTTP, which is called while it handles the fault that h11 found."""
        fault = sys.exception()
        words = "The request could not be read" if fault is None else _QUOTED.split(str(fault), maxsplit=1)[0]
        await self._refuse(Problem(_KINDS.get(status_code, problems.BAD_REQUEST), f"{words[:1].upper()}{words[1:]}."))

    async def _refuse(self, problem: Problem) -> None:
        request_id = self.ids.next()
        body = problem.body(request_id)
        headers = [
            (b"content-type", problems.CONTENT_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"request-id", identifiers.public(identifiers.REQUEST, request_id).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            # h11 makes one of this and of Hypercorn's own.
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(status_code=problem.kind.status, headers=headers))
        await self._send_h11_event(h11.Data(data=body))
        await self._send_h11_event(h11.EndOfMessage())


class HttpConnection:
    """Served by `run`; `deadline` is when somebody must `cut` it."""

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        patience: Patience,
        ids: Identifiers,
        stream: trio.SocketStream,
    ) -> None:
        self.idle_since: float | None = trio.current_time()
        """None while a request or its answer is under way, and once a head has begun."""
        self.deadline = self.idle_since + patience.idle
        self._app = app
        self._config = config
        self._context = context
        self._patience = patience
        self._ids = ids
        self._stream = stream
        self._between = True  # requests, so that what comes is a head
        self._served = False
        self._closing = False
        self._stopping = False
        self._scope = trio.CancelScope()
        self._sending = trio.Lock()

    @property
    def is_busy(self) -> bool:
        """A request whose head was read whole, or its answer, is under way."""
        return self.idle_since is None and not self._between and not self._closing

    @property
    def _is_head_begun(self) -> bool:
        return self.idle_since is None and self._between and not self._closing

    async def run(self) -> None:
        """Until the caller leaves or is cut. Raises nothing: a fault in one connection must not end the others."""
        try:
            with self._scope:
                await self._serve()
        except OSError as error:
            log.debug("a connection was lost: %s", error)
        except Exception:  # the supervisor of connections: logged, and this one is closed
            log.exception("a connection ended by a fault of ours")
        finally:
            self._stream.socket.close()

    def give_up(self) -> None:
        """Its deadline is over."""
        if self._is_head_begun and not self._stopping:
            HTTP_TIMEOUTS.labels("head").inc()
        self.cut()

    def cut(self) -> None:
        """End it at once, whatever it waits for."""
        self._closing = True
        self._scope.cancel()
        self._stream.socket.close()  # a piece of an answer is sent behind a shield: this ends that too

    def stop(self) -> None:
        """The server takes no more: what is under way is answered, and a request that is on its way."""
        self._stopping = True
        if self._is_head_begun:
            # Nothing of it was done, and when the rest would come nobody knows.
            self.cut()
        elif self.idle_since is not None:
            wait = self._patience.next if self._served else self._patience.first
            self.deadline = min(self.deadline, trio.current_time() + wait)

    async def _serve(self) -> None:
        socket = self._stream.socket
        client = parse_socket_addr(socket.family, socket.getpeername())
        server = parse_socket_addr(socket.family, socket.getsockname())
        async with TaskGroup() as tasks:
            self._protocol = _Protocol(
                self._app,
                self._config,
                self._context,
                cast(AnyTaskGroup, tasks),
                ConnectionState(cast(LifespanState, {})),
                False,
                client,
                server,
                self._take,
            )
            self._protocol.ids = self._ids
            await self._read()
            await self._protocol.handle(Closed())

    async def _read(self) -> None:
        while True:
            try:
                octets = await self._stream.receive_some(_MOST_READ)
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                return
            if self._closing:
                if not octets:
                    return
                continue
            if self._between and self.idle_since is not None and octets:
                self.idle_since = None
                if not self._stopping:
                    self.deadline = trio.current_time() + self._patience.head
            await self._protocol.handle(RawData(bytes(octets)))
            if not octets:
                return

    async def _take(self, event: Event) -> None:
        """What the protocol wants done with the connection."""
        if isinstance(event, RawData):
            await self._send(event.data)
        elif isinstance(event, Updated):
            self._between = event.idle
            if event.idle:
                self.idle_since = trio.current_time()
                self.deadline = self.idle_since + self._patience.idle
            else:
                self._served = True
                self.idle_since = None
                self.deadline = inf
        elif isinstance(event, Closed):
            await self._leave()

    async def _send(self, octets: bytes) -> None:
        """Whole or not at all: half an answer would be taken for the beginning of the next."""
        async with self._sending:
            try:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + self._patience.send) as limit:
                    await self._stream.send_all(octets)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self._protocol.handle(Closed())
        if limit.cancelled_caught:
            HTTP_TIMEOUTS.labels("answer").inc()
            log.info("a caller did not take its answer within %.0f s", self._patience.send)
            self.cut()

    async def _leave(self) -> None:
        """The last answer is written: the caller is told so, and what it still sends is read and dropped."""
        self._closing = True
        self.idle_since = None
        self.deadline = trio.current_time() + self._patience.linger
        try:
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            self.cut()
        await self._protocol.handle(Closed())
