"""What the lean listener takes of a head and of chunks means to it what it means to h11, which reads the front's."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.problems import Problem
from gateway.serving.chunks import Chunks
from gateway.serving.heads import Head, Mould, all_headers, read_head
from gateway.serving.waits import MOST_HEAD

LINES = (
    "POST /v1/sms HTTP/1.1",
    "POST /send HTTP/1.1",
    "POST /v1/sms/bulk?a=b%20 HTTP/1.1",
    "POST /v1/sms HTTP/1.0",
    "GET /v1/sms HTTP/1.1",
)
NAMES = (
    "Host",
    "host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Expect",
    "Upgrade",
    "X-A",
    "X_b!",
    "Content-Type",
    "",
)
VALUES = (
    "a",
    "2",
    "02",
    "2, 2",
    "chunked",
    "gzip, chunked",
    "close",
    "keep-alive",
    "100-continue",
    "h2c",
    "",
    "\t a \xe9 b ",
    "a\x0bb",
    "\x00",
)
headers = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from(["", " ", "  ", "\t"]), st.sampled_from(VALUES) | st.text(max_size=5)
    ),
    max_size=6,
)
heads = st.builds(
    lambda line, given, end: "\r\n".join([line, *(f"{name}:{gap}{value}" for name, gap, value in given), "", end]),
    st.sampled_from(LINES),
    headers.map(lambda given: [("Host", " ", "a"), ("Content-Length", " ", "2"), *given]) | headers,
    st.sampled_from(["", "\r\n"]),
)


def seen_by_h11(octets: bytes) -> h11.Request:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(octets)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    return request


@given(heads)
def test_a_head_that_is_taken_means_the_same_to_h11(text: str) -> None:
    octets = text.encode("latin-1", "replace")
    octets = octets[: octets.find(b"\r\n\r\n") + 4]
    head = read_head(octets) if octets.endswith(b"\r\n\r\n") else None
    if head is None:
        return
    request = seen_by_h11(octets)
    assert request.method == b"POST"
    assert request.target == head.path.encode() + (b"?" + head.query if b"?" in request.target else b"")
    assert list(request.headers) == all_headers(head)
    lengths = [value for name, value in request.headers if name == b"content-length"]
    codings = [value for name, value in request.headers if name == b"transfer-encoding"]
    assert (lengths, codings) == (([], [b"chunked"]) if head.length is None else ([head.values[b"content-length"]], []))
    assert head.length is None or head.length == int(lengths[0])
    if head.is_plain:
        assert dict(request.headers) == head.values
        assert len(request.headers) == len(head.values)


def test_a_usual_head_is_taken() -> None:
    octets = b"POST /v1/sms HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-A:\r\n\r\n"
    values = {b"host": b"a", b"content-length": b"2", b"x-a": b""}
    assert read_head(octets) == Head("/v1/sms", b"", values, True, 2, False, octets)


CHANGED = st.sampled_from(
    ["2", "02", "170", "order-7", "a b", "", " 9", "1\t", "x" * 13, "1" * 13, "\xe9", "2\r\nX-A: b", "2\r"]
)


@given(
    st.permutations(["Host: a", "Content-Length: {0}", "idempotency-KEY:{1}", "X-A: {2}", "traceparent:  {1}"]),
    st.tuples(CHANGED, CHANGED, CHANGED),
    st.tuples(CHANGED, CHANGED, CHANGED),
    st.sampled_from(["", "body", "\r\n"]),
)
def test_a_head_that_differs_as_usual_from_the_one_before_is_read_as_if_it_were_the_first(
    lines: list[str], first: tuple[str, ...], then: tuple[str, ...], behind: str
) -> None:
    def head_of(values: tuple[str, ...]) -> bytes:
        given_lines = [line.format(*values) for line in lines]
        return "\r\n".join(["POST /v1/sms HTTP/1.1", *given_lines, "", ""]).encode("latin-1")

    before = read_head(head_of(first))
    if before is None:
        return
    octets = head_of(then)
    found = Mould(before).read(octets + behind.encode())
    assert found is None or found == read_head(octets)


def test_the_next_head_of_a_caller_is_known_by_its_mould() -> None:
    lines = "POST /v1/sms HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nIdempotency-Key: {}\r\nX-A: b\r\n\r\n"
    first, then, other = (lines.format(*values).encode() for values in ((2, "k-1"), (170, "k-22"), (2, "k\r\nX-B: c")))
    mould = Mould(read_head(first))
    assert mould.read(then + b"{}") == read_head(then)
    assert mould.read(first + b"{}") == read_head(first)
    assert mould.read(other) is None
    assert mould.read(then[:-2]) is None


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=6),
    st.binary(max_size=8),
    st.integers(1, 9),
    st.sampled_from([b"", b"X: 1\r\n"]),
)
def test_chunks_are_put_together_however_they_come(
    chunks: list[bytes], behind: bytes, step: int, trailer: bytes
) -> None:
    octets = b"".join(b"%x;a\r\n%b\r\n" % (len(one), one) for one in chunks) + b"00\r\n" + trailer + b"\r\n"
    reader, body = Chunks(), b""
    for at in range(0, len(octets), step):
        assert not reader.is_whole
        body += reader.feed(octets[at : at + step])
    assert (reader.is_whole, body, reader.rest) == (True, b"".join(chunks), b"")
    reader = Chunks()
    assert reader.feed(octets + behind) == body
    assert (reader.is_whole, reader.rest) == (True, behind)


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"g\r\n", 400),
        (b"\r\n", 400),
        (b"-1\r\n", 400),
        (b"0x1\r\n", 400),
        (b"1 2\r\n", 400),
        (b"1" * 21 + b"\r\n", 400),
        (b"1\r\nxy\r\n", 400),
        (b"1\r\nx\n\n", 400),
        (b"0\r\nno header\r\n\r\n", 400),
        (b"1" * (MOST_HEAD + 1), 431),
        (b"0\r\nX: " + b"x" * MOST_HEAD, 431),
    ],
)
def test_what_is_no_chunk_is_refused(octets: bytes, status: int) -> None:
    with pytest.raises(Problem) as refused:
        Chunks().feed(octets)
    assert refused.value.kind.status == status
