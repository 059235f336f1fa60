"""Bodies that are read as they are worked on: a caller sends no faster than its recipients are checked and on disk.

For the paths that an app names in `streamed`; all other bodies are the framework's, read whole before their call.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Request
from quart_trio.asgi import TrioASGIHTTPConnection

from gateway.api.problem_types import REQUEST_TIMEOUT
from gateway.api.problems import Problem, body_too_large
from gateway.metrics import HTTP_TIMEOUTS
from gateway.store.interface import StoreBusy, StoreFull

JSON = frozenset({"application/json"})
NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
CSV = frozenset({"text/csv"})
PIECE = 16 * 1024
"""Octets read of an upload without a pause."""
DRAIN_SECONDS = 2.0
DRAIN_OCTETS = 128 * 1024 * 1024
"""What is read and dropped of a body that was refused before its end, so that its caller reads the refusal."""


class Upload:
    """One body. `wait_seconds`: for the next piece of it. `start` goes before the body into its digest."""

    def __init__(self, *, wait_seconds: float, start: bytes) -> None:
        self._send, self._receive = trio.open_memory_channel[bytes](0)
        self._wait_seconds = wait_seconds
        self._digest = hashlib.sha256(start)
        self.size = 0
        """Octets read so far."""
        self.is_whole = False
        """Whether its last octet was read."""

    async def feed(self, receive: ASGIReceiveCallable) -> None:
        """Hand on what comes, a piece as the one before it is taken; until the caller goes away."""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return
            if event["type"] != "http.request" or self._send.statistics().open_send_channels == 0:
                continue
            if event.get("body"):
                await self._send.send(event["body"])
            if not event.get("more_body", False):
                await self._send.aclose()

    async def next(self) -> bytes:
        """The next piece; empty at the end. Raises a Problem 408 when none comes in time."""
        with trio.move_on_after(self._wait_seconds):
            try:
                piece = await self._receive.receive()
            except trio.EndOfChannel:
                self.is_whole = True
                return b""
            self._digest.update(piece)
            self.size += len(piece)
            return piece
        HTTP_TIMEOUTS.labels("body").inc()
        raise Problem(REQUEST_TIMEOUT, "Nothing more of the body arrived in time.")

    async def whole(self, limit: int, hint: str = "") -> bytearray:
        """All of it, to be held in memory. Raises a Problem 408, or 413 with the hint above `limit` octets."""
        octets = bytearray()
        while piece := await self.next():
            octets += piece
            if len(octets) > limit:
                raise body_too_large(limit, hint)
        return octets

    async def drain(self) -> None:
        """Read and drop the rest, as far as that is quickly done."""
        most = self.size + DRAIN_OCTETS
        with trio.move_on_after(DRAIN_SECONDS):
            while not self.is_whole and self.size < most:
                await self.next()

    async def finish(self) -> bytes:
        """Read and drop the rest, all of it: the digest of the whole. Raises a Problem 408."""
        while not self.is_whole:
            await self.next()
        return self._digest.digest()


class Connection(TrioASGIHTTPConnection):
    """One request; the body of a streamed one is an Upload."""

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        request = super()._create_request_from_scope(send)
        if request.method == "POST" and request.path in getattr(self.app, "streamed", ()):
            query = self.scope["query_string"]
            start = f"POST {request.path} {request.mimetype}\n".encode() + query + b"\n"
            upload = Upload(wait_seconds=request.body_timeout or float("inf"), start=start)
            request.body = upload  # type: ignore[assignment]
        return request

    async def handle_messages(  # type: ignore[override]
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        body: object = request.body
        if not isinstance(body, Upload):
            await super().handle_messages(nursery, request, receive)
            return
        await body.feed(receive)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def upload_of(request: Request) -> AsyncIterator[Upload]:
    """The body of a streamed path's request. What is left of it when the call is refused is drained."""
    body: object = request.body
    assert isinstance(body, Upload)  # noqa: S101 - the path stands among the app's streamed ones
    try:
        yield body
    except (Problem, StoreFull, StoreBusy):
        # A caller that is still sending would not read the refusal.
        await body.drain()
        raise
