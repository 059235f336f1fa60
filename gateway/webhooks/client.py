"""One webhook POST over HTTP/1.1, on a connection kept alive; whatever the peer does comes back as a PostResult.

Addresses are judged by gateway.webhooks.addresses, open connections are kept by gateway.webhooks.pool. Signing,
retrying, and how many POSTs run at a time are for gateway.flows.notify.
"""

import logging
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import h11
import trio

from gateway.webhooks.addresses import AddressError, AddressGuard, Resolve, open_checked
from gateway.webhooks.answers import plain_success
from gateway.webhooks.encrypted import TlsStream
from gateway.webhooks.failures import error_of, in_words, internal_error, tls_reason
from gateway.webhooks.lookups import Lookups
from gateway.webhooks.pool import Pool, Pooled
from gateway.webhooks.quick import Quick, QuickPosts
from gateway.webhooks.reading import READ_BYTES, NoAnswerError, drain, is_done, read_body, read_head
from gateway.webhooks.requests import aimed_at, request
from gateway.webhooks.signing import Header
from gateway.webhooks.urls import Origin, UrlError
from gateway.webhooks.wires import PlainWire

log = logging.getLogger("sluice.notify")
_DRAIN_SECONDS = 1.0
_OK = 200
_GONE = 410


@dataclass(slots=True, frozen=True)
class PostResult:
    """What one POST came to."""

    http_status: int | None
    """None: no answer."""
    error: str | None
    """In words, for the account; without the URL, and without anything that the peer sent. None on success."""
    retry_after_seconds: int | None
    latency_ms: int
    """From the start of the try to the head of the answer."""

    @property
    def is_taken(self) -> bool:
        return self.error is None

    @property
    def is_gone(self) -> bool:
        """410: the endpoint wants no more of them."""
        return self.http_status == _GONE


class Said(NamedTuple):
    """What a question was answered."""

    body: bytes
    error: str | None
    """In words, without the URL; None where the answer is a 200, whole and not too long."""


@dataclass(slots=True, eq=False)
class _Connection(Pooled):
    stream: trio.abc.Stream
    is_reusable: bool = True


@dataclass(slots=True)
class _Answer:
    connection: _Connection
    status: int
    retry_after_seconds: int | None = None
    rest: h11.Connection | None = None
    """What reads the rest of it; None when it was read whole."""


class _Begun(NamedTuple):
    """A request on a connection."""

    connection: _Connection
    send: Callable[[], Awaitable[None]] | None
    """Writes what is not written yet; None where all is."""
    received: bytes | None = None
    """Where all is written: what came back first; nothing where the connection ended or broke instead."""


class _StaleError(Exception):
    """A kept connection ended before the first byte of an answer: the peer had closed it."""


class Client:
    """Posts to any number of endpoints. `run` closes connections that idle; without it they stay open."""

    def __init__(
        self,
        guard: AddressGuard,
        *,
        timeout: float,
        connections: int = 256,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """`timeout`: seconds for a whole try. `connections`: how many are open at most, those that idle included.

        `resolve`: the system's resolver where not said.
        """
        self._guard = guard
        self._timeout = timeout
        self._resolve = resolve if resolve is not None else Lookups()
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._pool: Pool[_Connection] = Pool(connections, lambda connection: self._quick.let_go(connection))
        self._quick: QuickPosts[_Connection] = QuickPosts(self._pool.discard)
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See to what was begun, and close what idles for too long, until cancelled; then close all that idle."""
        try:
            async with trio.open_nursery() as self._nursery:
                if hasattr(select, "epoll"):
                    await self._nursery.start(self._quick.run)
                await self._pool.run(task_status=task_status)
        finally:
            self._nursery = None

    def reconfigure(self, guard: AddressGuard, timeout: float) -> None:
        """Other networks that may be connected to, and another time-out in seconds; for what begins from now on."""
        self._guard = guard
        self._timeout = timeout

    async def post(self, url: str, body: bytes, headers: Sequence[Header]) -> PostResult:
        """POST a JSON body once. Never raises for what the URL, DNS, the network or the peer does."""
        started = trio.current_time()
        try:
            origin, head = aimed_at(url)
        except UrlError as refused:
            return PostResult(None, f"the URL {refused}", None, 0)
        ask = partial(self._ask, origin, request(head, body, headers))
        return await self._posted(started, self._timeout, ask)

    def may_begin(self, url: str) -> bool:
        """Whether `begin` is worth the signing: a connection is kept."""
        try:
            origin, _ = aimed_at(url)
        except UrlError:
            return False
        return self._quick.runs and self._pool.keeps(origin)

    def begin(self, url: str, body: bytes, headers: Sequence[Header], done: Callable[[PostResult], None]) -> bool:
        """`post` without a task of its own, where a connection is kept; False: it is not begun.

        `done` is called with what it came to, later than this returns.
        """
        nursery = self._nursery
        if nursery is None or not self.may_begin(url):
            return False
        origin, head = aimed_at(url)
        connection = self._pool.take(origin)
        if connection is None:
            return False
        started, timeout, octets = trio.current_time(), self._timeout, request(head, body, headers)

        def taken(status: int, latency_ms: int) -> None:
            self._pool.keep(connection)
            done(PostResult(status, None, None, latency_ms))

        def go_on(received: bytes | None, send: Callable[[], Awaitable[None]] | None = None) -> None:
            ask = partial(self._ask, origin, octets, _Begun(connection, send, received))
            nursery.start_soon(self._go_on, partial(self._posted, started, timeout, ask), done)

        def late() -> None:
            self._pool.drop(connection)
            latency_ms = round((trio.current_time() - started) * 1000)
            done(PostResult(None, _no_answer_within(timeout), None, latency_ms))

        try:
            is_out = self._quick.begin(Quick(connection, octets, started, started + timeout, taken, go_on, late))
        except OSError:
            self._pool.drop(connection)
            return False
        if not is_out:
            self._quick.let_go(connection)
            go_on(None, connection.wire.send_rest)
        return True

    async def _go_on(self, posted: Callable[[], Awaitable[PostResult]], done: Callable[[PostResult], None]) -> None:
        try:
            result = await posted()
        except Exception as error:
            # The one supervisor of what was begun: our fault over one POST must not end the others.
            log.exception("webhook fault")
            result = PostResult(None, internal_error(error), None, 0)
        done(result)

    async def _posted(self, started: float, timeout: float, ask: Callable[[], Awaitable[_Answer]]) -> PostResult:
        answer: _Answer | None = None
        error = _no_answer_within(timeout)
        try:
            with trio.move_on_at(started + timeout):
                answer = await ask()
        except NoAnswerError as failure:
            error = str(failure)
        latency_ms = round((trio.current_time() - started) * 1000)
        if answer is None:
            return PostResult(None, error, None, latency_ms)
        await self._finish(answer)
        return PostResult(answer.status, error_of(answer.status), answer.retry_after_seconds, latency_ms)

    async def ask(self, url: str, body: bytes, headers: Sequence[Header], *, most: int) -> Said:
        """POST a JSON question once and read its answer, of at most so many octets; never raises, as `post`."""
        error = _no_answer_within(self._timeout)
        try:
            origin, head = aimed_at(url)
            with trio.move_on_after(self._timeout):
                answer = await self._ask(origin, request(head, body, headers), may_be_plain=False)
                return await self._content(answer, most)
        except UrlError as refused:
            error = f"the URL {refused}"
        except NoAnswerError as failure:
            error = str(failure)
        return Said(b"", error)

    async def _content(self, answer: _Answer, most: int) -> Said:
        """The body of an answer; the connection is kept where all was in order."""
        connection, http = answer.connection, answer.rest
        is_whole, content = http is None, b""
        try:
            if http is not None:
                content = await read_body(connection.stream, http, most)
                is_whole = len(content) <= most and is_done(http)
        except (h11.RemoteProtocolError, trio.BrokenResourceError):
            raise NoAnswerError("the connection broke within the answer") from None
        finally:
            if is_whole and connection.is_reusable:
                self._pool.keep(connection)
            else:
                self._pool.drop(connection)
        if len(content) > most:
            return Said(b"", f"answered with more than {most} octets")
        return Said(content, None if answer.status == _OK else error_of(answer.status) or f"answered {answer.status}")

    async def _ask(
        self, origin: Origin, request: bytes, begun: _Begun | None = None, *, may_be_plain: bool = True
    ) -> _Answer:
        """`may_be_plain`: a success need not be read by h11, and its body is not wanted. Raises NoAnswerError."""
        if begun is None:
            kept = self._pool.take(origin)
            if kept is not None:
                self._quick.let_go(kept)
                begun = _Begun(kept, partial(kept.stream.send_all, request))
        if begun is not None:
            try:
                return await self._exchange(begun, may_be_plain)
            except _StaleError:
                pass
        try:
            opened = await self._connect(origin)
            return await self._exchange(_Begun(opened, partial(opened.stream.send_all, request)), may_be_plain)
        except _StaleError:
            raise NoAnswerError("the connection was closed before an answer came") from None

    async def _connect(self, origin: Origin) -> _Connection:
        self._pool.opening()
        try:
            tcp = await self._open(origin)
            encrypted = await self._encrypt(tcp, origin.host) if origin.encrypted else None
        except BaseException:
            self._pool.not_opened()
            raise
        if encrypted is not None:
            return _Connection(origin, tcp.socket, encrypted, encrypted)
        return _Connection(origin, tcp.socket, PlainWire(tcp), tcp)

    async def _open(self, origin: Origin) -> trio.SocketStream:
        host, port, encrypted = origin
        try:
            return await open_checked(
                host, port, encrypted=encrypted, guard=self._guard, resolve=self._resolve, timeout=self._timeout
            )
        except AddressError as refused:
            raise NoAnswerError(str(refused)) from None
        except socket.gaierror as error:
            raise NoAnswerError(f"the name {host} was not resolved: {(error.strerror or str(error)).lower()}") from None
        except OSError as error:
            raise NoAnswerError(f"no connection to {host} port {port}: {in_words(error)}") from None

    async def _encrypt(self, tcp: trio.SocketStream, host: str) -> TlsStream:
        stream = TlsStream(tcp, self._tls, host)
        encrypted = False
        try:
            await stream.do_handshake()
            encrypted = True
        except trio.BrokenResourceError as error:
            raise NoAnswerError(f"no TLS with {host}: {tls_reason(error)}") from None
        finally:
            if not encrypted:
                tcp.socket.close()
        return stream

    async def _exchange(self, begun: _Begun, may_be_plain: bool) -> _Answer:
        """Closes the connection unless it returns. Raises _StaleError when not one byte came back, NoAnswerError."""
        connection, received = begun.connection, begun.received
        stream = connection.stream
        answered, heard = False, bool(received)
        try:
            if begun.send is not None:
                try:
                    await begun.send()
                except trio.BrokenResourceError:
                    # A peer that refuses early closes while we still write: its answer may lie in the buffer.
                    connection.is_reusable = False
                received = bytes(await stream.receive_some(READ_BYTES))
            if not received:
                raise _StaleError
            heard = True
            status = plain_success(received) if may_be_plain else None
            if status is not None:
                answer = _Answer(connection, status)
            else:
                answer = _Answer(connection, *await read_head(stream, received))
            answered = True
            return answer
        except trio.BrokenResourceError:
            if heard:
                raise NoAnswerError("the connection broke before an answer came") from None
            raise _StaleError from None
        except h11.RemoteProtocolError:
            raise NoAnswerError("what came back is no answer in HTTP/1.1") from None
        finally:
            if not answered:
                self._pool.drop(connection)

    async def _finish(self, answer: _Answer) -> None:
        """Read the rest of the answer and keep the connection; drop it when the rest is long, late or wrong."""
        connection, is_whole = answer.connection, answer.rest is None
        try:
            if answer.rest is not None:
                with trio.move_on_after(min(_DRAIN_SECONDS, self._timeout)):
                    is_whole = await drain(connection.stream, answer.rest)
        finally:
            if is_whole and connection.is_reusable:
                self._pool.keep(connection)
            else:
                self._pool.drop(connection)


def _no_answer_within(seconds: float) -> str:
    return f"no answer within {seconds:g} s"
