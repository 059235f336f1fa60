"""One caller's HTTP connection: what it read goes to Hypercorn's protocol, and no wait of it is without end.

How many there may be is server.py's, how long is waited waits.py's.
"""

import re
import sys
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

from gateway import h11_lines
from gateway.api import problem_types
from gateway.api.problem_types import ProblemType
from gateway.api.problems import Problem
from gateway.api.replies import headers_of, refusal_of
from gateway.identifiers import Identifiers
from gateway.serving.waits import END_OF_HEAD, MOST_HEAD, MOST_READ, Connection, Patience

h11_lines.read_in_time()

_QUOTED = re.compile(r": (?:bytearray\()?b['\"]")
"""From here on h11's words about a fault repeat what the caller sent."""
_KINDS: dict[int, ProblemType] = {431: problem_types.HEAD_TOO_LARGE, 501: problem_types.UNKNOWN_TRANSFER_CODING}


class _Reader(h11.Connection):
    """Passes over what comes behind a caller's last request, instead of refusing that for it (RFC 9112 §9.6).

    A head that is too large is refused when it is read as one, too: h11 looks at the size of what is not whole.
    """

    @property
    def has_ended(self) -> bool:
        """No further request is read."""
        return self.their_state is h11.MUST_CLOSE

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.has_ended:
            return h11.NEED_DATA
        if self.their_state is h11.IDLE:
            octets, _ = self.trailing_data
            if len(octets) > MOST_HEAD and END_OF_HEAD.search(octets, 0, MOST_HEAD) is None:
                raise h11.RemoteProtocolError("Receive buffer too long", error_status_hint=431)
        return super().next_event()


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
            problem = Problem(problem_types.BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other.")
        elif not request.http_version.startswith(b"1."):
            problem = Problem(problem_types.UNKNOWN_HTTP_VERSION, "This is HTTP/1.1.")
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
        await self._refuse(
            Problem(_KINDS.get(status_code, problem_types.BAD_REQUEST), f"{words[:1].upper()}{words[1:]}.")
        )

    async def _refuse(self, problem: Problem) -> None:
        reply = refusal_of(problem, self.ids.next(), {})
        headers = [
            *headers_of(reply),
            # h11 makes one of this and of Hypercorn's own.
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        # In one piece: a call under way, whose body this is the end of, may begin its own answer while a piece is sent.
        events = (h11.Response(status_code=reply.status, headers=headers), h11.Data(reply.body), h11.EndOfMessage())
        await self.send(RawData(b"".join(self.connection.send(event) or b"" for event in events)))


class HttpConnection(Connection):
    """One caller's, spoken to by Hypercorn and the framework. `first`: what was read of it before."""

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        patience: Patience,
        ids: Identifiers,
        stream: trio.SocketStream,
        first: bytes = b"",
    ) -> None:
        super().__init__(patience, stream)
        self._app = app
        self._config = config
        self._context = context
        self._ids = ids
        self._first = first
        self._reader = _Reader(h11.SERVER, max_incomplete_event_size=config.h11_max_incomplete_size)
        self._sending = trio.Lock()

    async def _serve(self) -> None:
        client, server = self._addresses()
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
            self._protocol.connection = self._reader
            await self._read()
            await self._protocol.handle(Closed())

    async def _read(self) -> None:
        if self._first:
            await self._heard(self._first)
        while True:
            try:
                octets = await self._stream.receive_some(MOST_READ)
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                return
            if not self._closing:
                await self._heard(bytes(octets))
            if not octets:
                return

    async def _heard(self, octets: bytes) -> None:
        if self._between and self.idle_since is not None and octets:
            self._begin_head()
        if not (self._reader.has_ended and octets):
            await self._protocol.handle(RawData(octets))

    async def _take(self, event: Event) -> None:
        """What the protocol wants done with the connection."""
        if isinstance(event, RawData):
            await self._send(event.data)
        elif isinstance(event, Updated):
            if event.idle:
                self._begin_idle()
            else:
                self._begin_request()
        elif isinstance(event, Closed):
            await self._leave()

    async def _send(self, octets: bytes) -> None:
        """Whole or not at all: half an answer would be taken for the beginning of the next."""
        async with self._sending:
            try:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + self._patience.send) as limit:
                    await self._stream.send_all(octets)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                # Not told to the protocol: that would wait for a call that takes no more of its body, behind a shield.
                self.cut()
                return
        if limit.cancelled_caught:
            self._unread()

    async def _leave(self) -> None:
        """The last answer is written: the caller is told so, and what it still sends is read and dropped."""
        self._begin_leave()
        # A call that the caller was told the end of meanwhile may still be writing: neither may meet the other.
        async with self._sending:
            try:
                await self._stream.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.cut()
        await self._protocol.handle(Closed())
