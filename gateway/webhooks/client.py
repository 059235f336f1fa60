"""One webhook POST over HTTP/1.1, on a connection kept alive; whatever the peer does comes back as a PostResult.

Addresses are judged by gateway.webhooks.addresses, open connections are kept by gateway.webhooks.pool. Signing,
retrying, and how many POSTs run at a time are for gateway.flows.notify.
"""

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NamedTuple

import h11
import trio

from gateway.identifiers import now_ms
from gateway.webhooks.addresses import AddressError, AddressGuard, Resolve, open_checked
from gateway.webhooks.answers import plain_success
from gateway.webhooks.failures import error_of, in_words, tls_reason
from gateway.webhooks.lookups import Lookups
from gateway.webhooks.pool import Pool, Pooled
from gateway.webhooks.signing import Header
from gateway.webhooks.urls import Origin, Target, UrlError, parse_url

USER_AGENT = f"Sluice/{version('sluice-smpp')}".encode()
_FIXED_HEADERS = b"user-agent: %b\r\ncontent-type: application/json\r\n" % USER_AGENT
_READ_BYTES = 65_536
_DRAINED_BYTES = 65_536
_DRAIN_SECONDS = 1.0
_HEADER_BYTES = 16_384  # h11's own default: what most servers take
_OK = 200
_GONE = 410
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


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


class _NoAnswerError(Exception):
    """There will be no answer to this try; the text is the PostResult's error."""


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
        self._pool: Pool[_Connection] = Pool(connections)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Close what idles for too long, until cancelled; then close all that idle."""
        await self._pool.run(task_status=task_status)

    def reconfigure(self, guard: AddressGuard, timeout: float) -> None:
        """Other networks that may be connected to, and another time-out in seconds; for what begins from now on."""
        self._guard = guard
        self._timeout = timeout

    async def post(self, url: str, body: bytes, headers: Sequence[Header]) -> PostResult:
        """POST a JSON body once. Never raises for what the URL, DNS, the network or the peer does."""
        started = trio.current_time()
        answer: _Answer | None = None
        error = f"no answer within {self._timeout:g} s"
        try:
            target = parse_url(url)
            with trio.move_on_after(self._timeout):
                answer = await self._ask(target.origin, _request(target, body, headers))
        except UrlError as refused:
            error = f"the URL {refused}"
        except _NoAnswerError as failure:
            error = str(failure)
        latency_ms = round((trio.current_time() - started) * 1000)
        if answer is None:
            return PostResult(None, error, None, latency_ms)
        await self._finish(answer)
        return PostResult(answer.status, error_of(answer.status), answer.retry_after_seconds, latency_ms)

    async def ask(self, url: str, body: bytes, headers: Sequence[Header], *, most: int) -> Said:
        """POST a JSON question once and read its answer, of at most so many octets; never raises, as `post`."""
        error = f"no answer within {self._timeout:g} s"
        try:
            target = parse_url(url)
            with trio.move_on_after(self._timeout):
                answer = await self._ask(target.origin, _request(target, body, headers), may_be_plain=False)
                return await self._content(answer, most)
        except UrlError as refused:
            error = f"the URL {refused}"
        except _NoAnswerError as failure:
            error = str(failure)
        return Said(b"", error)

    async def _content(self, answer: _Answer, most: int) -> Said:
        """The body of an answer; the connection is kept where all was in order."""
        connection, http = answer.connection, answer.rest
        is_whole, content = http is None, b""
        try:
            if http is not None:
                content = await _read_body(connection, http, most)
                is_whole = len(content) <= most and _is_done(http)
        except (h11.RemoteProtocolError, trio.BrokenResourceError):
            raise _NoAnswerError("the connection broke within the answer") from None
        finally:
            if is_whole and connection.is_reusable:
                self._pool.keep(connection)
            else:
                self._pool.drop(connection)
        if len(content) > most:
            return Said(b"", f"answered with more than {most} octets")
        return Said(content, None if answer.status == _OK else error_of(answer.status) or f"answered {answer.status}")

    async def _ask(self, origin: Origin, request: bytes, *, may_be_plain: bool = True) -> _Answer:
        """`may_be_plain`: a success need not be read by h11, and its body is not wanted. Raises _NoAnswerError."""
        kept = self._pool.take(origin)
        if kept is not None:
            try:
                return await self._exchange(kept, request, may_be_plain)
            except _StaleError:
                pass
        try:
            return await self._exchange(await self._connect(origin), request, may_be_plain)
        except _StaleError:
            raise _NoAnswerError("the connection was closed before an answer came") from None

    async def _connect(self, origin: Origin) -> _Connection:
        self._pool.opening()
        try:
            tcp = await self._open(origin)
            stream = await self._encrypt(tcp, origin.host) if origin.encrypted else tcp
        except BaseException:
            self._pool.not_opened()
            raise
        return _Connection(origin, tcp.socket, stream)

    async def _open(self, origin: Origin) -> trio.SocketStream:
        host, port, encrypted = origin
        try:
            return await open_checked(
                host, port, encrypted=encrypted, guard=self._guard, resolve=self._resolve, timeout=self._timeout
            )
        except AddressError as refused:
            raise _NoAnswerError(str(refused)) from None
        except socket.gaierror as error:
            raise _NoAnswerError(
                f"the name {host} was not resolved: {(error.strerror or str(error)).lower()}"
            ) from None
        except OSError as error:
            raise _NoAnswerError(f"no connection to {host} port {port}: {in_words(error)}") from None

    async def _encrypt(self, tcp: trio.SocketStream, host: str) -> trio.SSLStream[trio.SocketStream]:
        stream = trio.SSLStream(tcp, self._tls, server_hostname=host, https_compatible=True)
        encrypted = False
        try:
            await stream.do_handshake()
            encrypted = True
        except trio.BrokenResourceError as error:
            raise _NoAnswerError(f"no TLS with {host}: {tls_reason(error)}") from None
        finally:
            if not encrypted:
                tcp.socket.close()
        return stream

    async def _exchange(self, connection: _Connection, request: bytes, may_be_plain: bool) -> _Answer:
        """Closes the connection unless it returns. Raises _StaleError when not one byte came back, _NoAnswerError."""
        stream = connection.stream
        answered = heard = False
        try:
            try:
                await stream.send_all(request)
            except trio.BrokenResourceError:
                # A peer that refuses early closes while we still write: its answer may lie in the buffer.
                connection.is_reusable = False
            received = bytes(await stream.receive_some(_READ_BYTES))
            if not received:
                raise _StaleError
            heard = True
            status = plain_success(received) if may_be_plain else None
            if status is not None:
                answer = _Answer(connection, status)
            else:
                answer = await _read_head(connection, received)
            answered = True
            return answer
        except trio.BrokenResourceError:
            if heard:
                raise _NoAnswerError("the connection broke before an answer came") from None
            raise _StaleError from None
        except h11.RemoteProtocolError:
            raise _NoAnswerError("what came back is no answer in HTTP/1.1") from None
        finally:
            if not answered:
                self._pool.drop(connection)

    async def _finish(self, answer: _Answer) -> None:
        """Read the rest of the answer and keep the connection; drop it when the rest is long, late or wrong."""
        connection, is_whole = answer.connection, answer.rest is None
        try:
            if answer.rest is not None:
                with trio.move_on_after(min(_DRAIN_SECONDS, self._timeout)):
                    is_whole = await _drain(connection, answer.rest)
        finally:
            if is_whole and connection.is_reusable:
                self._pool.keep(connection)
            else:
                self._pool.drop(connection)


def _request(target: Target, body: bytes, headers: Sequence[Header]) -> bytes:
    """By hand, since h11 takes 60 µs for it; parse_url left no space or control character in what is not ours."""
    more = b"".join([b"%b: %b\r\n" % header for header in headers])
    return b"POST %b HTTP/1.1\r\nhost: %b\r\n%bcontent-length: %d\r\n%b\r\n%b" % (
        target.path,
        target.authority,
        _FIXED_HEADERS,
        len(body),
        more,
        body,
    )


async def _read_head(connection: _Connection, received: bytes) -> _Answer:
    """Any answer at all, by h11. Raises RemoteProtocolError, BrokenResourceError, _NoAnswerError."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_BYTES)
    http.send(h11.Request(method=b"POST", target=b"/", headers=[(b"host", b""), (b"content-length", b"0")]))
    http.send(h11.EndOfMessage())
    http.receive_data(received)
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return _Answer(connection, event.status_code, _retry_after(event), http)
        if event is h11.NEED_DATA:
            received = bytes(await connection.stream.receive_some(_READ_BYTES))
            if not received:
                raise _NoAnswerError("the connection was closed within the answer")
            http.receive_data(received)
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("neither an answer nor the way to one")


async def _drain(connection: _Connection, http: h11.Connection) -> bool:
    """Whether the connection can carry another request, once the body is read."""
    try:
        await _read_body(connection, http, _DRAINED_BYTES)
    except (h11.RemoteProtocolError, trio.BrokenResourceError):
        return False
    return _is_done(http)


async def _read_body(connection: _Connection, http: h11.Connection, most: int) -> bytes:
    """The body, or its beginning once it is longer than `most`. Raises RemoteProtocolError, BrokenResourceError."""
    body = bytearray()
    while len(body) <= most:
        event = http.next_event()
        if isinstance(event, h11.Data):
            body += event.data
        elif event is h11.NEED_DATA:
            http.receive_data(bytes(await connection.stream.receive_some(_READ_BYTES)))
        else:
            break
    return bytes(body)


def _is_done(http: h11.Connection) -> bool:
    """Whether all of an answer came, and nothing more: bytes beyond it would be taken for the next one."""
    return http.our_state is h11.DONE and http.their_state is h11.DONE and not http.trailing_data[0]


def _retry_after(response: h11.Response) -> int | None:
    """Seconds from now, of a Retry-After in seconds or as a date (RFC 9110 §10.2.3); None when it makes no sense."""
    value = next((value for name, value in response.headers if name == b"retry-after"), None)
    if value is None:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        date = datetime.strptime(text, _HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0, round(date.timestamp() - now_ms() / 1000))
