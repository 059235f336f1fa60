"""The head of a POST on the lean listener, read by httptools; whatever it will not have is for the front.

A head that is taken here means the same to h11, which reads the front's: a test holds the two equal.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from httptools import HttpRequestParser
from httptools.parser.errors import HttpParserError, HttpParserUpgrade

from gateway.api.direct import length_of
from gateway.api.submit_calls import SUBMIT_PATHS

_LINES = {f"POST {path} HTTP/1.1".encode(): path for path in SUBMIT_PATHS}
_WITH_QUERY = re.compile(rb"POST (%b)\?([!-~]*) HTTP/1\.1" % b"|".join(path.encode() for path in SUBMIT_PATHS))
_KEPT = frozenset({b"keep-alive", b"Keep-Alive"})
_CLOSED = b"close"
_BLANKS = b" \t"
_OPEN = re.compile(
    rb"\r\n(content-length|idempotency-key|traceparent|x-request-id):[ \t]*([!-~]+)(?=\r\n)", re.IGNORECASE
)
_VALUE = re.compile(rb"[!-~]+")
_SINGLE = (b"host", b"connection", b"content-length", b"transfer-encoding", b"expect")


class Head(NamedTuple):
    """Of one request whose body's end is known."""

    path: str
    query: bytes
    values: Mapping[bytes, bytes]
    """By their names in small letters; of a name that came more than once, one."""
    is_plain: bool
    """No name came twice, and there is no query."""
    length: int | None
    """Octets of the body; None: it comes in chunks."""
    is_last: bool
    """The caller wants the connection closed after the answer."""
    octets: bytes

    @property
    def is_to_be_continued(self) -> bool:
        """The caller waits to be told so before it sends the body (RFC 9110 §10.1.1)."""
        return self.values.get(b"expect", b"").strip().lower() == b"100-continue"


class _Taking:
    """What httptools calls, with nothing of ours in between."""

    __slots__ = ("on_header",)

    def __init__(self, on_header: Callable[[bytes, bytes], None]) -> None:
        self.on_header = on_header


def read_head(octets: bytes) -> Head | None:
    """The head, up to and with its empty line; None: it is for the front, to take or to refuse."""
    line = octets[: octets.find(b"\r\n")]
    path, query = _LINES.get(line), b""
    if path is None:
        found = _WITH_QUERY.fullmatch(line)
        if found is None:
            return None
        path, query = found[1].decode(), found[2]
    given: dict[bytes, bytes] = {}
    try:
        HttpRequestParser(_Taking(given.__setitem__)).feed_data(octets)
    except (HttpParserError, HttpParserUpgrade):
        return None
    values = {name.lower(): value.strip(_BLANKS) for name, value in given.items()}
    connection, chunked = values.get(b"connection"), values.get(b"transfer-encoding")
    is_last = connection is not None and connection not in _KEPT
    length = length_of(values)
    if (
        b"host" not in values
        or b"upgrade" in values
        or (is_last and connection != _CLOSED)
        or ((length is None) if chunked is None else chunked != b"chunked")
    ):
        return None
    # The empty line and that of the request are no headers.
    is_once = len(values) == octets.count(b"\r\n") - 2
    head = Head(path, query, values, is_once and not query, length, is_last, octets)
    if not is_once:
        names = [name for name, _ in all_headers(head)]
        if any(names.count(name) > 1 for name in _SINGLE):
            return None
    return head


class Mould:
    """A head with the values left open that differ from call to call: the next of its kind is read in a tenth of the
    time."""

    __slots__ = ("_end", "_head", "_names", "_pieces")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._names: list[bytes] = []
        self._pieces: list[bytes] = []
        at = 0
        for found in _OPEN.finditer(head.octets) if head.is_plain and head.length is not None else ():
            self._names.append(found[1].lower())
            self._pieces.append(head.octets[at : found.start(2)])
            at = found.end(2)
        self._end = head.octets[at:]

    def read(self, octets: bytes) -> Head | None:
        """The head that the octets begin with, if it is of this kind; what `read_head` says of it."""
        head = self._head
        if octets.startswith(head.octets):
            return head
        at, values = 0, dict(head.values)
        for name, piece in zip(self._names, self._pieces, strict=True):
            start = at + len(piece)
            at = octets.find(b"\r", start)
            value = octets[start:at]
            if not octets.startswith(piece, start - len(piece)) or not _VALUE.fullmatch(value):
                return None
            values[name] = value
        length = length_of(values)
        if length is None or not octets.startswith(self._end, at):
            return None
        return head._replace(values=values, length=length, octets=octets[: at + len(self._end)])


def all_headers(head: Head) -> list[tuple[bytes, bytes]]:
    """As an ASGI server gives them: in their order, and those that came twice, twice."""
    headers: list[tuple[bytes, bytes]] = []
    HttpRequestParser(_Taking(lambda name, value: headers.append((name.lower(), value.strip(_BLANKS))))).feed_data(
        head.octets
    )
    return headers
