"""The lean path says nothing that h11 would not say."""

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.webhooks.answers import plain_success


def by_h11(received: bytes) -> int | None:
    """The status of one final answer that is whole and leaves the connection fit for the next; None for all else."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="POST", target="/", headers=[("host", "a"), ("content-length", "0")]))
    http.send(h11.EndOfMessage())
    http.receive_data(received)
    status = None
    try:
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif not isinstance(event, h11.Data):
                return None
    except h11.RemoteProtocolError:
        return None
    return status if http.their_state is h11.DONE and not http.trailing_data[0] else None


LINES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 200",
            b"HTTP/1.1 204 No Content",
            b"HTTP/1.1 299 \xe9",
            b"HTTP/1.1 100 Continue",
        ),
        *(b"HTTP/1.0 200 OK", b"HTTP/1.1 304 x", b"HTTP/1.1 500 x", b"HTTP/1.1  200 OK", b"HTTP/1.1 2000 x"),
    ]
)
FIELDS = st.sampled_from(
    [
        *(
            b"Content-Length: 2",
            b"content-length:2",
            b"Content-Length: 02 ",
            b"Content-Length: 0",
            b"Content-Length: +2",
        ),
        *(b"Content-Length: 2, 2", b"Content-Length : 2", b" Content-Length: 2", b"X-Content-Length: 2"),
        *(b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: close", b"Connection: keep-alive, close"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Server: nginx", b"X: \xff", b"X: \x00"),
        *(b" folded", b": empty", b"X", b"Upgrade: h2c", b"X:Connection: close", b"Content-Length:", b"Retry-After: 5"),
    ]
)
BODIES = st.sampled_from([b"", b"ok", b"o", b"okk", b"2\r\nok\r\n0\r\n\r\n", b"okHTTP/1.1 200 OK\r\n\r\n"])
END = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])


@given(LINES, st.lists(FIELDS, max_size=4), BODIES, END)
@example(b"HTTP/1.1 200 OK", [b"Content-Length: 2"], b"ok", b"\r\n")
def test_what_is_plain_is_the_same_to_h11(line: bytes, fields: list[bytes], body: bytes, end: bytes) -> None:
    received = end.join([line, *fields, b"", body])
    status = plain_success(received)
    assert status is None or status == by_h11(received)


@given(st.binary(max_size=200))
def test_nothing_else_is_plain(received: bytes) -> None:
    assert plain_success(received) is None or by_h11(received) is not None


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nDate: x\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202),
        (b"HTTP/1.1 204 No Content\r\nServer: a\r\n\r\n", 204),
        (b"HTTP/1.1 204\r\n\r\n", 204),
    ],
)
def test_what_servers_mostly_say_is_plain(received: bytes, status: int) -> None:
    assert plain_success(received) == status == by_h11(received)
