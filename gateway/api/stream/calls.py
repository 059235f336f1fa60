"""POST /v1/sms/stream: what its head may say, how many streams there are, and when the gateway ends one.

What goes to and fro on it is conversation.py's.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import parse_qsl

import trio
from quart import Request, Response, g, request

from gateway.api.bodies import idempotency_key, refuse_compressed, refuse_other_charsets, wrong_type
from gateway.api.problem_types import STOPPING, TOO_MANY_STREAMS
from gateway.api.problems import Problem, invalid_field
from gateway.api.refusals import Refusals, draining_problem
from gateway.api.stream.conversation import Conversation, Receive, Send, Terms
from gateway.api.tokens import Tokens
from gateway.api.uploads.streamed import NDJSON
from gateway.desk.draining import DrainingDesk
from gateway.flows.accept_lines import AcceptLines
from gateway.rules.faults import FaultCode
from gateway.settings import Scope, Settings
from gateway.store.lines.interface import MOST_LINES

PATH = "/v1/sms/stream"
FIRST_LINE = "first_line"
MOST_STREAMS = 128
MOST_OF_ACCOUNT = 32
LARGE_AT_A_TIME = 8
"""Asks of 64 KiB or more worked on at a time, which bounds their memory."""
HEADERS = {"Content-Type": "application/x-ndjson", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The last tells nginx to hand on each answer as it comes."""
_MOST_FIRST_LINE = 1 << 53


class Stream:
    """One that is open; `run` it once. Counted until then."""

    def __init__(
        self, account: str, verify: Callable[[], object], conversation: Conversation, streams: "StreamCalls"
    ) -> None:
        """`verify` raises a Problem once the token may not do this any more."""
        self.account = account
        self.verify = verify
        self.conversation = conversation
        self._streams = streams

    async def run(self, begin: Callable[[], Awaitable[None]], receive: Receive, send: Send) -> None:
        """Until all is answered, or the caller has gone. `begin` sends the head."""
        with self._streams.opened(self):
            await begin()
            await self.conversation.run(receive, send)


class StreamResponse(Response):
    """A 200 whose body is a stream's: the app's connections run it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(b"", 200, HEADERS)
        del self.headers["Content-Length"]
        self.timeout = None
        self.stream = stream


class StreamCalls:
    """All streams of one daemon, whichever listener they came by."""

    def __init__(
        self,
        lines: AcceptLines,
        settings: Settings,
        refusals: Refusals,
        tokens: Tokens,
        draining: DrainingDesk,
    ) -> None:
        self._lines = lines
        self._refusals = refusals
        self._tokens = tokens
        self._large = trio.Semaphore(LARGE_AT_A_TIME)
        self._open: dict[Stream, None] = {}
        self._is_stopping = False
        self._draining = draining
        draining.begins.append(self._drain)
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other limits for streams to come; those whose token was taken away end."""
        self._most_lines = min(settings.limits.bulk_items, MOST_LINES)
        self._idle_seconds = settings.http.stream_idle
        for stream in list(self._open):
            try:
                stream.verify()
            except Problem as problem:
                stream.conversation.close(problem)

    def stop(self) -> None:
        """End all streams, each with its last answers; none is begun any more."""
        self._is_stopping = True
        for stream in list(self._open):
            stream.conversation.close(_stopping())

    def _drain(self) -> None:
        """End all streams, each with its last answers; another may be opened when the drain is over."""
        for stream in list(self._open):
            stream.conversation.close(draining_problem())

    async def submit_stream(self, account: str) -> Response:
        """A stream to be run. Raises a Problem 415, 422 or 503."""
        # What the proxy stands for: it is asked again after the framework has put the request away.
        head = cast(Request, request._get_current_object())  # type: ignore[attr-defined]
        _check_type(head)
        key = idempotency_key(head, b"")
        first_line = _first_line(head.query_string)
        if self._is_stopping:
            raise _stopping()
        if self._draining.is_draining:
            raise draining_problem()
        of_account = Counter(stream.account for stream in self._open)[account]
        if len(self._open) >= MOST_STREAMS or of_account >= MOST_OF_ACCOUNT:
            words = "Too many streams are open. Nothing was read."
            raise Problem(TOO_MANY_STREAMS, words, headers={"Retry-After": "1"})
        terms = Terms(
            account,
            g.request_id,
            None if key is None else key.key,
            first_line,
            self._most_lines,
            self._idle_seconds,
        )
        conversation = Conversation(terms, self._lines, self._refusals, self._large)
        return StreamResponse(Stream(account, lambda: self._tokens.owner(head, Scope.SEND), conversation, self))

    @contextmanager
    def opened(self, stream: Stream) -> Iterator[None]:
        """Counted and looked after for so long."""
        self._open[stream] = None
        if self._is_stopping:
            stream.conversation.close(_stopping())
        elif self._draining.is_draining:
            stream.conversation.close(draining_problem())
        try:
            yield
        finally:
            del self._open[stream]


def _stopping() -> Problem:
    return Problem(STOPPING, "The gateway stops. Lines without an answer were not taken.", headers={"Retry-After": "1"})


def _check_type(head: Request) -> None:
    if head.mimetype not in NDJSON:
        raise wrong_type(head, "application/x-ndjson")
    refuse_other_charsets(head)
    refuse_compressed(head)


def _first_line(query: bytes) -> int:
    """The number of the first line: 1 unless the query says otherwise. Raises a Problem 422."""
    if not query:
        return 1
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, _ in given:
        if name != FIRST_LINE:
            words = f"is not a parameter of this call; it takes {FIRST_LINE}"
            raise invalid_field(name[:40], words, FaultCode.UNKNOWN_FIELD.value)
    if len(given) > 1:
        raise invalid_field(FIRST_LINE, "is given more than once", FaultCode.GIVEN_TWICE.value)
    number = given[0][1] if given else ""
    if not (number.isascii() and number.isdigit() and len(number) <= 16 and 1 <= int(number) <= _MOST_FIRST_LINE):
        raise invalid_field(FIRST_LINE, "must be a number from 1", FaultCode.WRONG_TYPE.value)
    return int(number)
