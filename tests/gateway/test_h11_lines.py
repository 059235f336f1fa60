"""Whatever line comes, h11 has read it in no time; and what it reads is what it read before."""

import time

import h11
import pytest

from gateway.h11_lines import read_in_time

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"
BLANKS = b" " * 60_000
"""As much as one read may bring."""


def events_of(octets: bytes) -> list[object]:
    read_in_time()
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(octets)
    events: list[object] = []
    while not events or events[-1] not in (h11.NEED_DATA, h11.PAUSED):
        events.append(reader.next_event())
    return events


@pytest.mark.parametrize(
    "octets",
    [
        HEAD + b"a:" + BLANKS + b"\0\r\n\r\n",
        HEAD + b"a:x" + BLANKS + b"\0\r\n\r\n",
        CHUNKED + b"\r\n1;" + BLANKS + b"\n\r\n",
        CHUNKED + b"\r\n1" + BLANKS + b"\0\r\n",
        CHUNKED + b"\r\n0\r\na:" + BLANKS + b"\0\r\n\r\n",
    ],
    ids=["a header", "a header's end", "a chunk's extension", "a chunk's size", "a trailer"],
)
def test_a_row_of_blanks_is_refused_at_once(octets: bytes) -> None:
    before = time.process_time()
    with pytest.raises(h11.RemoteProtocolError, match="llegal"):
        events_of(octets)
    assert time.process_time() - before < 1.0  # it took from 4 to 26 s


def test_blanks_are_read_as_ever() -> None:
    request, one, two, end, _ = events_of(
        CHUNKED + b"b:\r\nc: \t \r\nd:  x \t y  \r\n\r\n1;a=b \r\nx\r\n1 \t\r\ny\r\n0\r\nt:  z \r\n\r\n"
    )
    assert isinstance(request, h11.Request)
    assert list(request.headers)[2:] == [(b"b", b""), (b"c", b""), (b"d", b"x \t y")]
    assert isinstance(one, h11.Data)
    assert isinstance(two, h11.Data)
    assert bytes(one.data) + bytes(two.data) == b"xy"
    assert isinstance(end, h11.EndOfMessage)
    assert list(end.headers) == [(b"t", b"z")]
