"""Answers as octets, for the lean listener: a head in one piece, with the body behind it. The front has Hypercorn's."""

import time
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.handlers import format_date_time

from gateway import identifiers
from gateway.api.replies import Reply

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_CLOSE = "connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 \r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class _Date:
    """The Date header's value, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, format_date_time(second)
        return self._text


_date = _Date()


def octets_of(reply: Reply, *, is_last: bool) -> bytes:
    """The whole answer. `is_last`: the connection is closed behind it."""
    more = "".join([f"{name.lower()}: {value}\r\n" for name, value in reply.headers.items()])
    head = (
        f"{_STATUS_LINES[reply.status]}{more}content-type: {reply.content_type}\r\n"
        f"content-length: {len(reply.body)}\r\n"
        f"request-id: {identifiers.public(identifiers.REQUEST, reply.request_id)}\r\n"
        f"x-content-type-options: nosniff\r\ncache-control: no-store\r\ndate: {_date.now()}\r\n"
        f"{_CLOSE if is_last else ''}\r\n"
    )
    return head.encode("latin-1") + reply.body


def head_octets(status: int, headers: Iterable[tuple[bytes, bytes]], *, is_chunked: bool, is_last: bool) -> bytes:
    """The head of an answer that an ASGI app gives."""
    lines = [_STATUS_LINES[status].encode()]
    lines += [b"%b: %b\r\n" % (bytes(name), bytes(value)) for name, value in headers]
    if is_chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    lines.append(f"date: {_date.now()}\r\n".encode())
    if is_last:
        lines.append(_CLOSE.encode())
    return b"".join(lines) + b"\r\n"


def chunk(octets: bytes) -> bytes:
    """A piece of an answer whose length is not known before its end."""
    return b"%x\r\n%b\r\n" % (len(octets), octets)
