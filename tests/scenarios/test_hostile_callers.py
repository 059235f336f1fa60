"""Callers that drip, hang, smuggle or never read, on real ports: none costs another caller more than a moment."""

import json
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import urlsplit

import pytest
from arrivals import wait_until
from daemons import TOKEN, carrier

pytestmark = pytest.mark.scenario

SLOW = 50
CONNECTIONS = 40
OTHER_FILES = 500
"""As gateway/serving.py keeps free of the limit of files."""
BODY = b'{"to":"+34600000001","text":"H","client_id":"x"}'
HEAD = f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n".encode()


def connected(gateway, stack: ExitStack) -> socket.socket:
    address = urlsplit(gateway.url)
    return stack.enter_context(closing(socket.create_connection((address.hostname, address.port), timeout=20)))


def answer_to(gateway, *pieces: bytes, seconds: float = 30.0) -> bytes:
    """All that comes back until the gateway closes, or so many seconds pass without an octet."""
    with ExitStack() as stack:
        stream = connected(gateway, stack)
        stream.settimeout(seconds)
        told = b""
        try:
            for piece in pieces:
                stream.sendall(piece)
            while octets := stream.recv(65536):
                told += octets
        except (TimeoutError, ConnectionError):
            return told
        return told


@contextmanager
def dripping(streams: list[socket.socket], octets: bytes) -> Iterator[list[int]]:
    """An octet a second on each, in the background. How many of the streams the gateway has closed."""
    over = threading.Event()
    closed = [0]

    def drip() -> None:
        left = list(streams)
        for octet in octets:
            for stream in list(left):
                try:
                    stream.sendall(bytes((octet,)))
                except OSError:
                    left.remove(stream)
                    closed[0] += 1
            if over.wait(1.0):
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield closed
    finally:
        over.set()
        thread.join()


@pytest.fixture
def served(gateway_with, simulator):
    return gateway_with(carriers={"telco": carrier(simulator.port)})


def test_heads_and_bodies_that_drip_hinder_nobody(served, webhooks):
    served.wait_able("telco")
    with ExitStack() as stack:
        heads = [connected(served, stack) for _ in range(SLOW)]
        bodies = [connected(served, stack) for _ in range(SLOW)]
        for stream in bodies:
            stream.sendall(b"POST /v1/sms HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n")
        with dripping(heads, b"GET /v1/sms HTTP/1.1\r\nX-Slow: " + b"x" * 60) as closed, dripping(bodies, b" " * 60):
            webhooks.wait(served.send("+34600000001"), "delivered")
            assert closed[0] == 0, "nobody waits for one that drips to end"
            for n in range(20):
                webhooks.wait(served.send("+34600000001", f"Hello {n}"), "delivered")
            # A head has ten seconds in all, however often an octet comes.
            wait_until(lambda: closed[0] == SLOW, "all dripped heads are closed")


def test_above_the_limit_of_connections_a_caller_is_told_so(gateway_with, simulator):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OTHER_FILES + CONNECTIONS, hard))
    try:
        gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with ExitStack() as stack:
        busy = [connected(gateway, stack) for _ in range(CONNECTIONS)]
        for stream in busy:
            stream.sendall(b"POST /v1/sms HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n")
        told = wait_until(lambda: refused(gateway), "a caller above the limit is refused")
        assert b"Retry-After: 1" in told
        assert b"too_many_connections" in told
    # Those that are gone, and those that are idle, make room.
    wait_until(lambda: not refused(gateway), "there is room again")
    with ExitStack() as stack:
        for _ in range(3 * CONNECTIONS):
            connected(gateway, stack)
        wait_until(lambda: not refused(gateway), "idle connections make room")


def refused(gateway) -> bytes:
    """What a caller is told who gets no connection; empty: it got one."""
    told = answer_to(gateway, b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return told if told.startswith(b"HTTP/1.1 503") else b""


def test_a_caller_that_never_reads_its_answers_is_held_no_more_than_a_moment(served):
    with ExitStack() as stack:
        stream = connected(served, stack)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.settimeout(3.0)
        request = b"GET /openapi.json HTTP/1.1\r\n" + HEAD + b"\r\n"
        sent = 0
        try:
            while sent < 64 << 20:
                stream.sendall(request * 100)
                sent += 100 * len(request)
        except (TimeoutError, ConnectionError):
            # It is not read on while its answers wait.
            pass
        assert sent < 32 << 20
        assert served.get("/healthz")


SMUGGLED = b"0\r\n\r\nPOST /v1/sms HTTP/1.1\r\n" + HEAD + b"Content-Length: 48\r\n\r\n" + BODY
REQUESTS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "two lengths": (HEAD + b"Content-Length: 48\r\nContent-Length: 5\r\n\r\n" + BODY, (400,)),
    "two lengths in one": (HEAD + b"Content-Length: 48, 5\r\n\r\n" + BODY, (400,)),
    "a negative length": (HEAD + b"Content-Length: -48\r\n\r\n" + BODY, (400,)),
    "a length with a sign": (HEAD + b"Content-Length: +48\r\n\r\n" + BODY, (400,)),
    "a hexadecimal length": (HEAD + b"Content-Length: 0x30\r\n\r\n" + BODY, (400,)),
    "a length beyond all": (HEAD + b"Content-Length: " + b"9" * 60 + b"\r\n\r\n" + BODY, (400, 413)),
    "10 MB said": (HEAD + b"Content-Length: 10000000\r\n\r\n" + BODY, (413,)),
    "chunks that are none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk\r\n", (400,)),
    "a coding unknown": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + BODY, (400, 501)),
    "a blank before the colon": (HEAD + b"Content-Length : 48\r\n\r\n" + BODY, (400,)),
    "a folded line": (HEAD + b"X: a\r\n b\r\nContent-Length : 48\r\n\r\n" + BODY, (400,)),
    "a bare line end": (HEAD + b"X: a\rb\r\nContent-Length: 48\r\n\r\n" + BODY, (400,)),
    "a NUL in a header": (HEAD + b"X: a\0b\r\nContent-Length: 48\r\n\r\n" + BODY, (400,)),
    "a header of 1 MB": (HEAD + b"X: " + b"x" * (1 << 20) + b"\r\n\r\n", (400, 431)),
    "100,000 headers": (HEAD + b"X: y\r\n" * 100_000 + b"\r\n", (400, 431)),
}


NO_REQUESTS = [
    b"\0\0\0\x10\0\0\0\x09" * 4,
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"G\xffT / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"A" * 9_000 + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
]


def is_problem(told: bytes) -> bool:
    """Whether an answer names its request and says in words what is wrong with it."""
    head, _, body = told.partition(b"\r\n\r\n")
    request_id = json.loads(body)["request_id"].lower().encode()
    return b"application/problem+json" in head.lower() and b"request-id: " + request_id in head.lower()


def filed(gateway) -> int:
    """How many messages there are of what the requests try to smuggle in."""
    assert len(BODY) == 48
    return len(gateway.get("/v1/sms?client_id=x")["entities"])


def test_what_is_no_request_is_refused_and_files_nothing(served):
    for what, (rest, statuses) in REQUESTS.items():
        told = answer_to(served, b"POST /v1/sms HTTP/1.1\r\n" + rest)
        # A head larger than anything may be cut off while it is still sent, which loses the answer.
        is_large = len(rest) > 100_000
        assert told[:9] == b"HTTP/1.1 " or (is_large and not told), (what, told[:200])
        assert is_large or int(told[9:12]) in statuses, (what, told[:200])
        assert told.count(b"HTTP/1.1 ") <= 1, (what, told)
        assert not told or is_problem(told), (what, told)
    for line in NO_REQUESTS:
        # To the beginning of a head that has no end nothing is said for long; silence is right for all of these.
        told = answer_to(served, line, seconds=2.0)
        assert not told or told[9:10] in (b"4", b"5"), (line[:30], told[:200])
        assert b" 500 " not in told[:20], (line[:30], told[:200])
        assert not told or is_problem(told), (line[:30], told)
    assert filed(served) == 0


def test_a_length_and_chunks_at_once_are_never_read_as_two_requests(served):
    head = b"POST /v1/sms HTTP/1.1\r\n" + HEAD
    for both in (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ):
        told = answer_to(served, head + both + SMUGGLED)
        # RFC 9112 §6.3: the chunks count and the connection ends behind them, or it is refused as a whole.
        assert told.count(b"HTTP/1.1 ") == 1, told
        assert told.startswith(b"HTTP/1.1 400"), told
        assert is_problem(told)
        assert filed(served) == 0
