"""One caller's connection on the lean listener: one read and one write for a usual POST that sends.

A single message as most are is not even a step of the connection's task: it is checked and asked for where it is read
(lean_watch.py), and answered where its commit is told of. The task sees to all others. A POST with anything unusual
about its head goes to the ASGI app, as the front would hand it over (asgi_call.py). What is not a POST that sends, or
not quite HTTP, is left to the front's own connection with all that was read of it: what is refused, and how, is the
front's.
"""

import logging
import os
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import trio
from hypercorn.typing import ASGIFramework

from gateway.api.direct import Direct, PlainPost, Replied
from gateway.api.problems import Problem
from gateway.api.replies import Reply, refusal_of
from gateway.identifiers import Identifiers
from gateway.serving.asgi_call import AsgiCall, Wire
from gateway.serving.chunks import Chunks
from gateway.serving.heads import Head, Mould, read_head
from gateway.serving.lean_answers import CONTINUE, octets_of
from gateway.serving.lean_watch import Watch, Watched
from gateway.serving.waits import END_OF_HEAD, MOST_HEAD, MOST_READ, Connection, Patience

log = logging.getLogger("sluice.http")

_END = b"\r\n\r\n"
_MOST_KEPT = 1_024
"""Octets of a head that is kept for the next one."""
_BODY_MOMENT = 0.25
"""Seconds for the rest of a body, before the connection's own task waits for it."""
Woken: TypeAlias = bytes | Replied | memoryview
"""What the task goes on with: what was read, an answer, what finds one out, or what of one could not be written yet."""


class LeanConnection(Connection):
    """One caller's. What `run` leaves to the front is then in `left`, and the socket open."""

    def __init__(
        self,
        app: ASGIFramework,
        direct: Direct,
        patience: Patience,
        ids: Identifiers,
        stream: trio.SocketStream,
        watch: Watch,
    ) -> None:
        super().__init__(patience, stream)
        self._watched: Watched[Woken] = Watched(watch, stream.socket)
        self.left: bytes | None = None
        self._app = app
        self._direct = direct
        self._ids = ids
        self._body: trio.CancelScope | None = None
        """Of the wait for one that did not come with its head."""
        self._is_writing = False
        self._begun = b""
        """A head, and what came with it of its body; the rest is heard next."""
        self._mould: Mould | None = None
        """Of the head before: most callers send the same octets again and again, but for the body and its length."""
        self._last_post: PlainPost | None = None

    def give_up(self) -> None:
        if self._begun:
            begun, self._begun = self._begun, b""
            self._watched.wake(begun)
        elif self._is_writing:
            self._unread()
        elif self._body is not None:
            self._body.cancel()
        else:
            super().give_up()

    def _end(self) -> None:
        if self.left is None:
            super()._end()

    async def _serve(self) -> None:
        rest = b""
        while (rest := await self._read_head(rest)) and (end := rest.find(_END)) >= 0:
            head = self._head_of(rest, end)
            if head is None:
                break
            self._begin_request()
            following = await self._answer(head, rest[end + 4 :])
            if following is None:
                await self._leave()
                return
            rest = following
            self._begin_idle()
            if rest:
                await trio.lowlevel.checkpoint()  # others are served between two answers
        self.left = rest or None

    def _head_of(self, octets: bytes, end: int) -> Head | None:
        """The head that ends there; None: it is for the front."""
        if end + 4 > MOST_HEAD:
            return None
        head = None if self._mould is None else self._mould.read(octets)
        if head is None:
            head, self._last_post = read_head(octets[: end + 4]), None
            self._mould = Mould(head) if head is not None and end < _MOST_KEPT else None
        return head

    def _request_of(self, head: Head) -> PlainPost | None:
        """The POST of the head that was read last; None: it is for the app."""
        direct, length = self._direct, head.length
        if not head.is_plain or (length is not None and length > direct.body_limit):
            return None
        request = None if self._last_post is None else direct.again(self._last_post, head.values)
        if request is None:
            request = self._last_post = direct.plain(head.path, head.values)
        return request

    def _heard(self, octets: bytes) -> None:
        """What came after a time without requests: asked for at once, if it is one whole POST that is usual."""
        begun, self._begun = self._begun, b""
        whole = begun + octets if begun else octets
        end = whole.find(_END)
        if end < 0:
            if whole:
                self._begin_head()
            self._watched.wake(whole)
            return
        self._begin_request()
        head = self._head_of(whole, end)
        if head is None or head.length is None or head.is_last or self._stopping:
            self._watched.wake(whole)
            return
        missing = end + 4 + head.length - len(whole)
        request = self._request_of(head) if missing >= 0 else None
        if request is None or (missing and (begun or head.is_to_be_continued)):
            self._watched.wake(whole)
        elif missing:
            # Many clients write head and body apart, so that the one is read a moment before the other.
            self._begun = whole
            self.deadline = trio.current_time() + _BODY_MOMENT
        else:
            self._ask(request, whole[end + 4 :])

    def _ask(self, request: PlainPost, body: bytes) -> None:
        self._watched.is_under_way = True
        refusal = self._direct.admit(request)
        if refusal is not None:
            self._answered(refusal)
        elif not self._direct.ask(request, body, self._answered):
            self._watched.wake(partial(self._direct.answer, request, body))

    def _answered(self, reply: Replied) -> None:
        """What was asked for is on disk, or else there is more to be done for its answer. Raises nothing."""
        try:
            if not self._closing:  # else the caller has left
                self._answer_at_once(reply)
        except Exception:  # as in `run`
            log.exception("a connection ended by a fault of ours")
            self.cut()

    def _answer_at_once(self, reply: Replied) -> None:
        if self._stopping or not isinstance(reply, Reply):
            self._watched.wake(reply)
            return
        octets = octets_of(reply, is_last=False)
        sent = self._send(octets)
        if sent == len(octets):
            self._begin_idle()
            self._watched.go_on()
        elif not self._closing:
            self._watched.wake(memoryview(octets)[sent:])

    async def _first_octets(self) -> bytes:
        """Of a request that is for this task; empty once no more is served."""
        while True:
            woken = await self._watched.next(self._heard, self.cut)
            if woken is None or isinstance(woken, bytes):
                return woken or b""
            if isinstance(woken, memoryview):
                await self._write_on(woken)
            else:
                reply = woken if isinstance(woken, Reply) else await woken()
                await self._write(octets_of(reply, is_last=self._stopping))
            if self._stopping:
                await self._leave()
                return b""
            self._begin_idle()

    async def _read_head(self, rest: bytes) -> bytes:
        """Until a head is whole, or no head any more; empty once the caller has left."""
        while rest.find(_END) < 0:
            if rest:
                if self.idle_since is not None:
                    self._begin_head()
                if len(rest) > MOST_HEAD or rest[0] < 0x21 or END_OF_HEAD.search(rest):
                    return rest
            octets = await (self._read() if rest else self._first_octets())
            if not octets:
                return rest
            rest += octets
        return rest

    async def _answer(self, head: Head, rest: bytes) -> bytes | None:
        """What was read behind the request; None: nothing may follow it."""
        direct, length = self._direct, head.length
        request = self._request_of(head)
        if request is None:
            return await self._hand_over(head, rest)
        following: bytes | None = None
        reply = direct.admit(request)
        if length is not None and len(rest) >= length:
            body, following = rest[:length], rest[length:]
            reply = reply or await direct.answer(request, body)
        elif reply is None:
            reply, following = await self._answer_read(request, head, rest)
        is_last = head.is_last or self._stopping or following is None
        if reply is not None:
            await self._write(octets_of(reply, is_last=is_last))
        # A stop may have come while the caller was slow to take its answer.
        return None if is_last or self._stopping else following

    async def _answer_read(self, request: PlainPost, head: Head, rest: bytes) -> tuple[Reply | None, bytes | None]:
        """To a request whose body is still to come, and what was read behind that."""
        if not rest and head.is_to_be_continued:
            await self._write(CONTINUE)
        self.deadline = trio.current_time() + self._direct.body_timeout
        self._body = trio.CancelScope()
        try:
            with self._body as reading:
                if head.length is None:
                    whole = await self._read_chunks(rest)
                else:
                    whole = await self._read_length(head.length, rest)
        except Problem as problem:
            return refusal_of(problem, self._ids.next(), {}), None
        finally:
            self._body = None
            self.deadline = float("inf")
        if reading.cancelled_caught:
            return self._direct.late(request), None
        if whole is None:
            return None, None
        body, following = whole
        if len(body) > self._direct.body_limit:
            return self._direct.too_large(request), None
        return await self._direct.answer(request, body), following

    async def _read_length(self, length: int, rest: bytes) -> tuple[bytes, bytes] | None:
        """The body and what was read behind it; None: the caller left."""
        pieces, there = [rest], len(rest)
        while there < length:
            octets = await self._read()
            if not octets:
                return None
            pieces.append(octets)
            there += len(octets)
        whole = b"".join(pieces)
        return whole[:length], whole[length:]

    async def _read_chunks(self, rest: bytes) -> tuple[bytes, bytes] | None:
        """As _read_length, but no more than just above the limit. Raises a Problem."""
        chunks, pieces, there, most = Chunks(), [], 0, self._direct.body_limit
        octets = rest
        while True:
            piece = chunks.feed(octets)
            pieces.append(piece)
            there += len(piece)
            if chunks.is_whole or there > most:
                return b"".join(pieces), chunks.rest
            octets = await self._read()
            if not octets:
                return None

    async def _hand_over(self, head: Head, rest: bytes) -> bytes | None:
        wire = Wire(self._read, self._write, lambda: self._stopping, *self._addresses())
        call = AsgiCall(head, rest, wire, self._ids)
        await call.run(self._app)
        return call.rest if call.may_go_on else None

    async def _read(self) -> bytes:
        """Once there is something; empty at the end. Without the checkpoints that a stream's own call adds."""
        socket = self._stream.socket
        while socket.fileno() >= 0:  # Trio's event loop knows of no socket that was cut
            try:
                await trio.lowlevel.wait_readable(socket)
                return os.read(socket.fileno(), MOST_READ)
            except BlockingIOError:
                continue
            except (OSError, trio.ClosedResourceError):
                break
        return b""

    async def _write(self, octets: bytes) -> None:
        """All of it; a caller that has left, or takes nothing in time, is cut."""
        sent = self._send(octets)
        if sent < len(octets) and not self._closing:
            await self._write_on(memoryview(octets)[sent:])

    def _send(self, octets: bytes) -> int:
        """How many octets went out at once; a caller that has left is cut."""
        try:
            return os.write(self._stream.socket.fileno(), octets)
        except BlockingIOError:
            return 0
        except OSError:
            self.cut()
            return 0

    async def _write_on(self, octets: memoryview) -> None:
        socket, before = self._stream.socket, self.deadline
        self._is_writing, self.deadline = True, trio.current_time() + self._patience.send
        try:
            while octets:
                await trio.lowlevel.wait_writable(socket)
                with suppress(BlockingIOError):  # short of memory, a kernel takes back what it said
                    octets = octets[os.write(socket.fileno(), octets) :]
        except (OSError, trio.ClosedResourceError):
            self.cut()
        self._is_writing, self.deadline = False, before

    async def _leave(self) -> None:
        """The last answer is written: the caller is told so, and what it still sends is read and dropped."""
        if self._closing:
            return
        self._begin_leave()
        try:
            await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        while await self._read():
            pass
