"""HTTP within limits, over real sockets: how many connections there are, and how long each is waited for."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from served_places import LONG, Place, one_answer, rest

from gateway.identifiers import Identifiers
from gateway.metrics import REGISTRY
from gateway.serving.server import Limits, Server, listener, most_connections
from gateway.serving.waits import MOST_HEAD, Patience

ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class App:
    """Answers each call at once, or once it is let; `/long` at length."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_answer = trio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
            return
        self.begun += 1
        if scope["path"] == "/fault":
            raise ExceptionGroup("ours", [ZeroDivisionError()])
        await self.may_answer.wait()
        body = LONG if scope["path"] == "/long" else b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.fixture
def app() -> App:
    return App()


@asynccontextmanager
async def serving(
    app: App, *, connections: int = 10, stop_seconds: float = 1.0, **patience: float
) -> AsyncIterator[Place]:
    limits = Limits(connections, stop_seconds, replace(Patience(linger=0.2, settle=0.0), **patience))
    server = Server(app, Identifiers(), limits)
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(server.run, [listener("127.0.0.1:0")])
        place = Place(server, int(url.rpartition(":")[2]))
        yield place
        await place.end()


async def answer(stream: trio.SocketStream) -> bytes:
    await stream.send_all(ASK)
    return await one_answer(stream, b"ok")


async def test_a_connection_is_kept_for_the_next_call(app: App) -> None:
    async with serving(app) as place, await place.connect() as stream:
        for _ in range(3):
            said = await answer(stream)
            assert said.startswith(b"HTTP/1.1 200")
            assert b"connection: close" not in said.lower()


async def test_above_the_limit_a_caller_is_refused_in_words(app: App) -> None:
    app.may_answer = trio.Event()
    async with serving(app, connections=2) as place, await place.connect() as one, await place.connect() as two:
        await one.send_all(ASK)
        await two.send_all(ASK)
        await place.until(lambda: app.begun == 2)
        async with await place.connect() as third:
            await third.send_all(ASK)
            head, _, body = (await rest(third)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1" in head
        assert json.loads(body)["code"] == "too_many_connections"
        app.may_answer.set()
        assert (await one_answer(one, b"ok")).startswith(b"HTTP/1.1 200")


async def test_the_connection_idle_for_longest_makes_room(app: App) -> None:
    async with serving(app, connections=2) as place, await place.connect() as one, await place.connect() as two:
        for stream in (one, two, one):
            assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        async with await place.connect() as third:
            assert (await answer(third)).startswith(b"HTTP/1.1 200")
            assert await rest(two) == b""
            assert (await answer(one)).startswith(b"HTTP/1.1 200")


async def test_a_head_has_to_come_whole_in_time(app: App) -> None:
    async with serving(app, head=0.3) as place, await place.connect() as stream, trio.open_nursery() as nursery:

        async def trickle() -> None:
            for octet in ASK[:-2] * 100:
                try:
                    await stream.send_all(bytes([octet]))
                except trio.BrokenResourceError:
                    return
                await trio.sleep(0.02)

        nursery.start_soon(trickle)
        assert await rest(stream) == b""
        nursery.cancel_scope.cancel()
    assert app.begun == 0


async def test_a_connection_that_asks_nothing_is_closed_in_the_end(app: App) -> None:
    async with serving(app, idle=0.1) as place, await place.connect() as stream:
        assert (await answer(stream)).startswith(b"HTTP/1.1 200")
        assert await rest(stream) == b""
        await place.open(0)


async def test_a_caller_that_does_not_read_its_answer_is_cut(app: App) -> None:
    async with serving(app, send=0.2) as place, await place.connect() as stream:
        await stream.send_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        await place.open(1)
        await place.open(0)


async def test_a_caller_that_does_not_read_its_answer_does_not_hold_up_a_stop(app: App) -> None:
    async with serving(app, stop_seconds=0.2) as place, await place.connect() as stream:
        await stream.send_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        await place.open(1)
        await place.until(lambda: app.begun == 1)
        place.server.stop.set()
        with trio.fail_after(30):
            await place.server.ended.wait()


async def test_a_caller_that_does_not_read_its_answer_does_not_hold_up_a_server_that_is_cancelled(app: App) -> None:
    server = Server(app, Identifiers(), Limits(10))
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            (url,) = await nursery.start(server.run, [listener("127.0.0.1:0")])
            async with await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2])) as stream:
                await stream.send_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
                await stream.receive_some(1)
                nursery.cancel_scope.cancel()


async def test_an_answer_arrives_although_the_caller_still_sends(app: App) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
    async with serving(app) as place, await place.connect() as stream:
        await stream.send_all(head + b"x" * 200_000)
        said = await rest(stream)
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"ok")


async def test_a_stop_answers_what_is_under_way_and_what_is_about_to_come(app: App) -> None:
    app.may_answer = trio.Event()
    async with serving(app) as place, await place.connect() as under_way, await place.connect() as fresh:
        await under_way.send_all(ASK)
        await place.open(2)
        place.server.stop.set()
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        await fresh.send_all(ASK)
        app.may_answer.set()
        for stream in (under_way, fresh):
            said = await rest(stream)
            assert said.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in said.lower()
    with pytest.raises(OSError, match="all attempts to connect"):
        await place.connect()


async def test_a_fault_in_one_connection_ends_no_other(app: App, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(app) as place, await place.connect() as one, await place.connect() as other:
        await one.send_all(b"GET /fault HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 500 " in await rest(one)
        assert (await answer(other)).startswith(b"HTTP/1.1 200")
    assert "ZeroDivisionError" in caplog.text


async def test_an_offer_of_http_2_is_not_taken_up(app: App) -> None:
    async with serving(app) as place, await place.connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert (await one_answer(stream, b"ok")).startswith(b"HTTP/1.1 200")


def test_the_limit_leaves_files_for_the_rest() -> None:
    assert 16 <= most_connections() <= 2_000


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use") as refused:
        listener(f"127.0.0.1:{(port := taken.getsockname()[1])}")
    assert f"127.0.0.1:{port}" in str(refused.value)


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
MALFORMED = {
    "no request line": (b"GET\r\n\r\n", 400, "Illegal request line."),
    "octets": (b"\x16\x03\x01\x02\0\x01\r\n\r\n", 400, "Illegal request line."),
    "HTTP/2": (b"PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n", 505, "This is HTTP/1.1."),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, "Missing mandatory Host: header."),
    "a bad header": (HEAD + b"secret : one\r\n\r\n", 400, "Illegal header line."),
    "a bad length": (HEAD + b"Content-Length: -4\r\n\r\n", 400, "Bad Content-Length."),
    "two lengths": (
        HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400, "Conflicting Content-Length headers.",
    ),
    "a length and chunks": (
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "Content-Length and Transfer-Encoding exclude each other.",
    ),
    "a bad chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nsecret\r\n", 400, "Illegal chunk header."),
    "an unknown coding": (
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501, "Only Transfer-Encoding: chunked is supported.",
    ),
    "a large head": (HEAD + b"X: " + b"x" * MOST_HEAD, 431, "Receive buffer too long."),
    "a large head that is whole": (HEAD + b"X: " + b"x" * MOST_HEAD + b"\r\n\r\n", 431, "Receive buffer too long."),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "status", "detail"), MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_http_is_answered_with_a_problem(app: App, octets: bytes, status: int, detail: str) -> None:
    app.may_answer = trio.Event()
    async with serving(app) as place, await place.connect() as stream:
        await stream.send_all(octets)
        head, _, body = (await rest(stream)).partition(b"\r\n\r\n")
        app.may_answer.set()
    line, *headers = head.lower().splitlines()
    assert line.startswith(b"http/1.1 %d " % status)
    problem = json.loads(body)
    assert (problem["status"], problem["detail"], problem["retryable"]) == (status, detail, False)
    assert problem["type"] == f"/problems/{problem['code'].replace('_', '-')}"
    assert f"request-id: {problem['request_id']}".lower().encode() in headers
    assert b"content-type: application/problem+json" in headers
    assert headers.count(b"connection: close") == 1
    assert b"secret" not in body


async def test_an_offer_of_websockets_is_not_taken_up(app: App) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    async with serving(app) as place, await place.connect() as stream:
        for more in (b"", b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"):
            await stream.send_all(b"GET / HTTP/1.1\r\nHost: a\r\n" + upgrade + more + b"\r\n")
            assert (await one_answer(stream, b"ok")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("stop_seconds", [90.0, 0.3])
async def test_a_stop_waits_for_no_head_that_is_not_whole(
    app: App, caplog: pytest.LogCaptureFixture, stop_seconds: float
) -> None:
    async with (
        serving(app, stop_seconds=stop_seconds, head=90.0) as place,
        await place.connect() as fresh,
        await place.connect() as served,
        await place.connect() as late,
    ):
        await fresh.send_all(ASK[:10])
        assert (await answer(served)).startswith(b"HTTP/1.1 200")
        await served.send_all(ASK[:-2])
        await place.open(3)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        place.server.stop.set()
        with trio.fail_after(30):
            assert await rest(fresh) == b""
            assert await rest(served) == b""
        await late.send_all(ASK[:10])
        with trio.fail_after(30):
            await place.server.ended.wait()
    assert app.begun == 1
    assert "unanswered" not in caplog.text


def counted(name: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, name
    return value


async def test_refused_connections_and_callers_that_take_too_long_are_counted(app: App) -> None:
    refused = counted("sluice_http_connections_refused_total")
    heads = counted("sluice_http_timeouts_total", waited_for="head")
    answers = counted("sluice_http_timeouts_total", waited_for="answer")
    async with serving(app, connections=1, head=0.1, send=0.1) as place:
        async with await place.connect() as slow:
            await slow.send_all(ASK[:10])
            await place.open(1)
            async with await place.connect() as second:
                assert (await rest(second)).startswith(b"HTTP/1.1 503 ")
            assert await rest(slow) == b""
        await place.open(0)
        async with await place.connect() as deaf:
            await deaf.send_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
            await place.open(1)
            await place.open(0)
    assert counted("sluice_http_connections_refused_total") == refused + 1
    assert counted("sluice_http_timeouts_total", waited_for="head") == heads + 1
    assert counted("sluice_http_timeouts_total", waited_for="answer") == answers + 1
