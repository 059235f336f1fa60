"""Reading an answer of any kind, by h11; gateway.webhooks.answers knows the plain ones at a tenth of the cost."""

from datetime import UTC, datetime
from typing import NamedTuple

import h11
import trio

from gateway import h11_lines
from gateway.identifiers import now_ms

h11_lines.read_in_time()

READ_BYTES = 65_536
_DRAINED_BYTES = 65_536
_HEADER_BYTES = 16_384  # h11's own default: what most servers take
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


class NoAnswerError(Exception):
    """There will be no answer to this try; the text is the PostResult's error."""


class Head(NamedTuple):
    """What an answer begins with."""

    status: int
    retry_after_seconds: int | None
    rest: h11.Connection
    """What reads the rest of it."""


async def read_head(stream: trio.abc.Stream, received: bytes) -> Head:
    """Any answer at all, by h11. Raises RemoteProtocolError, BrokenResourceError, NoAnswerError."""
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_BYTES)
    http.send(h11.Request(method=b"POST", target=b"/", headers=[(b"host", b""), (b"content-length", b"0")]))
    http.send(h11.EndOfMessage())
    http.receive_data(received)
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return Head(event.status_code, _retry_after(event), http)
        if event is h11.NEED_DATA:
            received = bytes(await stream.receive_some(READ_BYTES))
            if not received:
                raise NoAnswerError("the connection was closed within the answer")
            http.receive_data(received)
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("neither an answer nor the way to one")


async def drain(stream: trio.abc.Stream, http: h11.Connection) -> bool:
    """Whether the connection can carry another request, once the body is read."""
    try:
        await read_body(stream, http, _DRAINED_BYTES)
    except (h11.RemoteProtocolError, trio.BrokenResourceError):
        return False
    return is_done(http)


async def read_body(stream: trio.abc.Stream, http: h11.Connection, most: int) -> bytes:
    """The body, or its beginning once it is longer than `most`. Raises RemoteProtocolError, BrokenResourceError."""
    body = bytearray()
    while len(body) <= most:
        event = http.next_event()
        if isinstance(event, h11.Data):
            body += event.data
        elif event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(READ_BYTES)))
        else:
            break
    return bytes(body)


def is_done(http: h11.Connection) -> bool:
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
