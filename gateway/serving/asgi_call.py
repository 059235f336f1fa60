"""One request of the lean listener, handed to the ASGI app: its body as it is read, the answer as the app gives it.

Both go on at once, so an answer may begin before the body has ended; nothing is read that the app did not ask for.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import trio
from hypercorn.typing import ASGIFramework, ASGIReceiveEvent, ASGISendEvent, HTTPScope

from gateway.api import problem_types
from gateway.api.problems import Problem
from gateway.api.replies import refusal_of
from gateway.identifiers import Identifiers
from gateway.serving import lean_answers
from gateway.serving.chunks import Chunks
from gateway.serving.heads import Head, all_headers
from gateway.serving.waits import MOST_READ, Address

log = logging.getLogger("sluice.http")


class Wire(NamedTuple):
    """The connection of a call."""

    read: Callable[[], Awaitable[bytes]]
    """Empty once the caller has left."""
    write: Callable[[bytes], Awaitable[None]]
    is_stopping: Callable[[], bool]
    client: Address
    server: Address


class AsgiCall:
    """`rest`: what was read behind the head; after `run`, what was read behind the body."""

    def __init__(self, head: Head, rest: bytes, wire: Wire, ids: Identifiers) -> None:
        self.rest = rest
        self.may_go_on = False
        """Whether another request may follow on the connection."""
        self._head = head
        self._wire = wire
        self._ids = ids
        self._chunks = Chunks() if head.length is None else None
        self._left = head.length or 0
        self._is_waited_for = head.is_to_be_continued
        self._is_read = False
        """The app had the end of the body."""
        self._start: Any = None
        self._is_begun = self._is_chunked = self._is_over = False

    async def run(self, app: ASGIFramework) -> None:
        """Until the app has answered. Raises what it raises as an answer of 500, where it has not begun one."""
        try:
            await app(self._scope(), self._receive, self._send)
        except Exception:  # the supervisor of the app's calls: logged, and answered
            log.exception("a call ended by a fault of ours")
        if not self._is_over and not self._is_begun:
            await self._refuse(Problem(problem_types.INTERNAL_ERROR, "Something went wrong inside; it was logged."))

    def _scope(self) -> HTTPScope:
        head, wire = self._head, self._wire
        return {
            "type": "http",
            "http_version": "1.1",
            "asgi": {"spec_version": "2.1", "version": "3.0"},
            "method": "POST",
            "scheme": "http",
            "path": head.path,
            "raw_path": head.path.encode(),
            "query_string": head.query,
            "root_path": "",
            "headers": all_headers(head),
            "client": wire.client,
            "server": wire.server,
            "state": {},  # type: ignore[typeddict-item]
            "extensions": {},
        }

    async def _receive(self) -> ASGIReceiveEvent:
        if self._is_over:
            return {"type": "http.disconnect"}
        if self._is_read:
            return await self._departure()
        try:
            piece = self._piece()
            while not piece and not self._is_read:
                if self._is_waited_for and not self._is_begun:
                    self._is_waited_for = False
                    await self._wire.write(lean_answers.CONTINUE)
                octets = await self._wire.read()
                if not octets:
                    self._is_read = self._is_over = True
                    return {"type": "http.disconnect"}
                self.rest += octets
                piece = self._piece()
        except Problem as problem:
            self._is_read = True
            await self._refuse(problem)
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": not self._is_read}

    def _piece(self) -> bytes:
        """Of the body, as far as it was read. Raises a Problem."""
        rest = self.rest
        if self._chunks is not None:
            self.rest = b""
            piece = self._chunks.feed(rest)
            if self._chunks.is_whole:
                self._is_read, self.rest = True, self._chunks.rest
            return piece
        piece, self.rest = (rest, b"") if len(rest) <= self._left else (rest[: self._left], rest[self._left :])
        self._left -= len(piece)
        self._is_read = self._left == 0
        return piece

    async def _departure(self) -> ASGIReceiveEvent:
        while not self._is_over and len(self.rest) < MOST_READ:
            octets = await self._wire.read()
            if not octets:
                return {"type": "http.disconnect"}
            # The next request: the caller does not wait for the answer to this one.
            self.rest += octets
        if not self._is_over:
            await trio.sleep_forever()
        return {"type": "http.disconnect"}

    async def _send(self, event: ASGISendEvent) -> None:
        if self._is_over:
            return
        if event["type"] == "http.response.start":
            self._start = event
            self._is_chunked = all(name != b"content-length" for name, _ in event["headers"])
            if self._is_chunked:
                # Its caller may wait for the head before it says more; any other head goes with its body.
                go_on = lean_answers.CONTINUE if self._is_waited_for else b""
                await self._wire.write(go_on + self._head_octets(is_last=self._head.is_last))
        elif event["type"] == "http.response.body":
            await self._wire.write(self._octets_of(event.get("body", b""), more=event.get("more_body", False)))

    def _head_octets(self, *, is_last: bool) -> bytes:
        self._is_begun = True
        return lean_answers.head_octets(
            self._start["status"], self._start["headers"], is_chunked=self._is_chunked, is_last=is_last
        )

    def _octets_of(self, body: bytes, *, more: bool) -> bytes:
        pieces = []
        goes_on = not self._head.is_last if more else self._goes_on()
        if not self._is_begun:
            pieces.append(self._head_octets(is_last=not goes_on))
        if body:
            pieces.append(lean_answers.chunk(body) if self._is_chunked else body)
        if not more:
            self.may_go_on, self._is_over = goes_on, True
            if self._is_chunked:
                pieces.append(lean_answers.LAST_CHUNK)
        return b"".join(pieces)

    def _goes_on(self) -> bool:
        """Whether a request may follow: not behind a body that has not ended."""
        if self._head.is_last or self._wire.is_stopping():
            return False
        try:
            if not self._is_read and self.rest:
                self._piece()
        except Problem:
            return False
        return self._is_read

    async def _refuse(self, problem: Problem) -> None:
        """What is no body is refused where the app has not answered already; nothing may follow."""
        if not self._is_over and not self._is_begun:
            await self._wire.write(lean_answers.octets_of(refusal_of(problem, self._ids.next(), {}), is_last=True))
        self._is_over = True
