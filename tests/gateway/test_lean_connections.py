"""The listener for the calls that send alone: how long it waits, what may follow on a connection, what the app gets."""

import hashlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio

from gateway.api.account.limits import LimitsOfAll
from gateway.api.direct import Call, Direct
from gateway.api.refusals import Refusals
from gateway.api.submissions import Created, Post
from gateway.api.tokens import Grant, Tokens
from gateway.identifiers import Identifiers
from gateway.metrics import REGISTRY
from gateway.serving.server import Limits, Server, listener
from gateway.serving.waits import Patience
from gateway.settings import AccountLimits
from gateway.store.allowances.interface import AccountUse

HEAD = b"POST /v1/sms HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer shop\r\nContent-Type: application/json\r\n"
ASK = HEAD + b"Content-Length: 2\r\n\r\n{}"
LAST = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
STREAM = CHUNKED.replace(b"/v1/sms", b"/v1/sms/stream")
LONG = b"x" * (32 << 20)
"""More than the kernel takes for a caller that reads nothing."""
BODY_LIMIT = 100_000
GRANT = Grant(hashlib.sha256(b"shop").hexdigest(), "shop", frozenset({"send"}))


class NoUse:
    def account_use(self, account: str) -> AccountUse:
        raise AssertionError(account)


class Place:
    """A server whose direct calls answer with what they were sent, and whose app says what a test tells it to."""

    def __init__(self, limits: Limits, body_timeout: float) -> None:
        self.posts: list[Post] = []
        self.may_answer = trio.Event()
        self.may_answer.set()
        self.tokens = Tokens([GRANT])
        self.limits = LimitsOfAll({}, NoUse())
        self.scopes: list[Any] = []
        self.app: Callable[..., Any] | None = None
        ids = Identifiers()
        direct = Direct(
            {"/v1/sms": Call(self._answer, "send")},
            self.tokens,
            ids,
            Refusals(),
            self.limits,
            body_limit=BODY_LIMIT,
            body_timeout=body_timeout,
        )
        self.server = Server(self._asgi, ids, limits, direct)
        self.port = 0

    async def _answer(self, post: Post) -> Created:
        self.posts.append(post)
        await self.may_answer.wait()
        return Created(LONG if post.body == b'"long"' else post.body or b"{}", {})

    async def _asgi(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
            return
        self.scopes.append(scope)
        assert self.app is not None
        await self.app(scope, receive, send)

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def until(self, condition: Callable[[], bool]) -> None:
        """For what the server tells nobody."""
        with trio.fail_after(30):
            while not condition():  # noqa: ASYNC110
                await trio.sleep(0.005)

    async def open(self, count: int) -> None:
        """Until so many are open."""
        await self.until(lambda: self.server.connections == count)


@asynccontextmanager
async def serving(
    *, connections: int = 10, stop_seconds: float = 1.0, body: float = 60.0, **patience: float
) -> AsyncIterator[Place]:
    place = Place(Limits(connections, stop_seconds, replace(Patience(linger=0.2, settle=0.0), **patience)), body)
    async with trio.open_nursery() as nursery:
        lean = listener("127.0.0.1:0")
        place.port = lean.getsockname()[1]
        await nursery.start(place.server.run, [], [lean])
        yield place
        place.server.stop.set()
        with trio.fail_after(30):
            await place.server.ended.wait()


async def rest(stream: trio.SocketStream) -> bytes:
    """All until the server's end of it."""
    with trio.fail_after(30):
        try:
            return b"".join([octets async for octets in stream])
        except trio.BrokenResourceError:
            return b""


async def said_until(stream: trio.SocketStream, end: bytes) -> bytes:
    said = b""
    with trio.fail_after(30):
        while not said.endswith(end):
            octets = await stream.receive_some(65_536)
            assert octets, said
            said += octets
    return said


async def say_to_the_end(place: Place, *pieces: bytes) -> list[bytes]:
    """Heads and bodies of all that is answered."""
    async with await place.connect() as stream:
        for piece in pieces:
            await stream.send_all(piece)
        return (await rest(stream)).split(b"\r\n\r\n")


def counted(waited_for: str) -> float:
    value = REGISTRY.get_sample_value("sluice_http_timeouts_total", {"waited_for": waited_for})
    assert value is not None
    return value


async def test_a_connection_is_kept_for_the_next_call() -> None:
    async with serving() as place, await place.connect() as stream:
        for _ in range(3):
            await stream.send_all(ASK)
            said = await said_until(stream, b"\r\n\r\n{}")
            assert said.startswith(b"HTTP/1.1 201 ")
            assert b"connection: close" not in said
    assert [(post.account, post.body) for post in place.posts] == [("shop", b"{}")] * 3


async def test_what_comes_ahead_of_its_turn_is_answered_in_order() -> None:
    bodies = [b"%d" % number for number in range(40)]
    asks = [HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies]
    async with serving() as place:
        said = await say_to_the_end(place, b"".join(asks) + LAST + ASK)
    assert [part.partition(b"HTTP/1.1")[0] for part in said[1:]] == [*bodies, b"{}"]
    # Nothing is done of what comes behind the last one.
    assert [post.body for post in place.posts] == [*bodies, b"{}"]


async def test_a_body_may_come_late_and_in_pieces() -> None:
    body = json.dumps(["x" * 70_000]).encode()
    ask = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with serving() as place:
        said = await say_to_the_end(place, ask[:50], ask[50:190], ask[190:60_000], ask[60_000:])
    assert said[1] == body


async def test_a_body_in_chunks_is_put_together() -> None:
    async with serving() as place, await place.connect() as stream:
        await stream.send_all(CHUNKED + b"1\r\n{\r\n")
        await stream.send_all(b"1;a=b\r\n}\r\n0\r\nX-Sum: 1\r\n\r\n" + LAST)
        assert (await rest(stream)).count(b"\r\n\r\n{}") == 2
    assert [post.body for post in place.posts] == [b"{}", b"{}"]


async def test_chunks_above_the_limit_are_refused_before_their_end() -> None:
    piece = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    async with serving() as place:
        head, body = await say_to_the_end(place, CHUNKED, piece, piece)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head
    assert json.loads(body)["limit_bytes"] == BODY_LIMIT
    assert place.posts == []


async def test_a_caller_that_waits_for_100_is_told_to_go_on() -> None:
    async with serving() as place, await place.connect() as stream:
        await stream.send_all(HEAD + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        assert (await said_until(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"{}")
        assert (await said_until(stream, b"\r\n\r\n{}")).startswith(b"HTTP/1.1 201 ")


async def test_a_body_that_does_not_arrive_is_408() -> None:
    before = counted("body")
    async with serving(body=0.1) as place:
        head, body = await say_to_the_end(place, HEAD + b"Content-Length: 2\r\n\r\n{")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "request_timeout"
    assert place.posts == []
    assert counted("body") == before + 1


async def test_of_a_caller_that_leaves_within_its_body_nothing_is_taken() -> None:
    async with serving() as place:
        for head in (HEAD + b"Content-Length: 3\r\n\r\n{}", CHUNKED + b"2\r\n{}"):
            async with await place.connect() as stream:
                await stream.send_all(head)
                await place.open(1)
                await stream.send_eof()
                assert await rest(stream) == b""
            await place.open(0)
    assert place.posts == []


async def test_a_head_has_to_come_whole_in_time() -> None:
    before = counted("head")
    async with serving(head=0.2) as place, await place.connect() as stream, trio.open_nursery() as nursery:

        async def trickle() -> None:
            for octet in HEAD + b"X: " + b"x" * 1000:
                try:
                    await stream.send_all(bytes([octet]))
                except trio.BrokenResourceError:
                    return
                await trio.sleep(0.01)

        nursery.start_soon(trickle)
        assert await rest(stream) == b""
        nursery.cancel_scope.cancel()
    assert counted("head") == before + 1


async def test_a_connection_that_asks_nothing_is_closed_in_the_end() -> None:
    async with serving(idle=0.1) as place, await place.connect() as stream:
        await stream.send_all(ASK)
        await said_until(stream, b"\r\n\r\n{}")
        assert await rest(stream) == b""
        await place.open(0)


async def test_a_caller_that_does_not_read_its_answer_is_cut() -> None:
    before = counted("answer")
    async with serving(send=0.2) as place, await place.connect() as stream:
        await stream.send_all(HEAD + b'Content-Length: 6\r\n\r\n"long"')
        await place.open(1)
        await place.open(0)
    assert counted("answer") == before + 1


async def test_a_caller_that_reads_slowly_gets_the_whole_answer() -> None:
    async with serving() as place, await place.connect() as stream:
        await stream.send_all(LAST.replace(b"Content-Length: 2\r\n\r\n{}", b'Content-Length: 6\r\n\r\n"long"'))
        await place.until(lambda: bool(place.posts))
        assert (await rest(stream)).endswith(b"\r\n\r\n" + LONG)


async def test_above_the_limit_of_connections_a_caller_is_refused_in_words() -> None:
    async with serving(connections=1) as place, await place.connect() as one:
        place.may_answer = trio.Event()
        await one.send_all(ASK)
        await place.until(lambda: bool(place.posts))
        head, body = await say_to_the_end(place)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(body)["code"] == "too_many_connections"
        place.may_answer.set()
        await said_until(one, b"\r\n\r\n{}")


async def test_the_connection_idle_for_longest_makes_room() -> None:
    async with serving(connections=1) as place, await place.connect() as one:
        await one.send_all(ASK)
        await said_until(one, b"\r\n\r\n{}")
        async with await place.connect() as other:
            await other.send_all(ASK)
            await said_until(other, b"\r\n\r\n{}")
            assert await rest(one) == b""


async def test_a_stop_answers_what_is_under_way_and_what_is_about_to_come() -> None:
    async with serving() as place, await place.connect() as under_way, await place.connect() as fresh:
        place.may_answer = trio.Event()
        await under_way.send_all(ASK)
        await place.until(lambda: bool(place.posts))
        await place.open(2)
        place.server.stop.set()
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        await fresh.send_all(ASK)
        await place.until(lambda: len(place.posts) == 2)
        place.may_answer.set()
        for stream in (under_way, fresh):
            said = await rest(stream)
            assert said.startswith(b"HTTP/1.1 201 ")
            assert b"connection: close" in said


async def test_a_stop_waits_for_no_head_that_is_not_whole() -> None:
    async with serving(stop_seconds=90.0, head=90.0) as place, await place.connect() as stream:
        await stream.send_all(ASK[:40])
        await place.open(1)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        place.server.stop.set()
        assert await rest(stream) == b""


async def test_a_caller_that_does_not_read_its_answer_does_not_hold_up_a_stop() -> None:
    async with serving(stop_seconds=0.2) as place, await place.connect() as stream:
        await stream.send_all(HEAD + b'Content-Length: 6\r\n\r\n"long"')
        await place.until(lambda: bool(place.posts))


async def test_a_stop_ends_a_connection_whose_caller_is_slow_to_take_its_answer() -> None:
    async with serving(stop_seconds=90.0) as place, await place.connect() as stream:
        await stream.send_all(HEAD + b'Content-Length: 6\r\n\r\n"long"')
        await place.until(lambda: bool(place.posts))
        said = await stream.receive_some(1)
        place.server.stop.set()
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        assert (said + await rest(stream)).endswith(LONG)


async def test_a_caller_that_resets_its_connection_before_the_answer_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as place:
        for count in (1, 2):
            place.may_answer = trio.Event()
            stream = await place.connect()
            await stream.send_all(ASK)
            await place.until(lambda count=count: len(place.posts) == count)  # type: ignore[misc]
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await stream.aclose()
            place.may_answer.set()
            await place.open(0)
    assert caplog.text == ""


async def test_a_token_that_is_taken_away_ends_on_a_connection_that_used_it() -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async with serving() as place, await place.connect() as stream:
        place.app = refuse
        for _ in range(2):
            await stream.send_all(ASK)
            assert (await said_until(stream, b"\r\n\r\n{}")).startswith(b"HTTP/1.1 201 ")
        place.tokens.replace([])
        await stream.send_all(ASK)
        assert (await said_until(stream, b"no")).startswith(b"HTTP/1.1 401 ")
        place.tokens.replace([GRANT])
        await stream.send_all(ASK)
        assert (await said_until(stream, b"\r\n\r\n{}")).startswith(b"HTTP/1.1 201 ")


async def test_a_request_too_many_is_refused_and_its_body_passed_over() -> None:
    async with serving() as place, await place.connect() as stream:
        place.limits.clock = lambda: 0
        place.limits.reconfigure({"shop": AccountLimits(requests_per_second=1)})
        await stream.send_all(ASK + ASK + LAST)
        said = await rest(stream)
    assert said.count(b"HTTP/1.1 429 ") == 2
    assert len(place.posts) == 1


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (b"GET /v1/sms HTTP/1.1", 405, "takes POST here, not GET"),
        (b"PUT /send HTTP/1.1", 405, "takes POST here, not PUT"),
        (b"POST /v1/campaigns/sms HTTP/1.1", 404, "http.listen"),
        (b"GET /healthz HTTP/1.1", 404, "http.submit_listen"),
        (b"POST /v1/sms/ HTTP/1.1", 404, "http.listen"),
        (b"OPTIONS * HTTP/1.1", 404, "http.listen"),
    ],
)
async def test_all_other_calls_are_told_where_they_are_taken(line: bytes, status: int, words: str) -> None:
    async with serving() as place:
        head, body = await say_to_the_end(place, LAST.replace(b"POST /v1/sms HTTP/1.1", line))
    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert (problem["status"], words in problem["detail"]) == (status, True)
    assert f"request-id: {problem['request_id']}".encode() in head
    assert place.scopes == []


async def test_what_is_unusual_is_given_to_the_app_as_the_front_gives_it() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        event = await receive()
        while event["more_body"]:
            event = {**(more := await receive()), "body": event["body"] + more["body"]}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": event["body"]})

    ask = ASK.replace(b"/v1/sms", b"/v1/sms?a=b%20c").replace(b"\r\n\r\n", b"\r\nX-A: 1\r\nx-a:  2 \r\n\r\n")
    async with serving() as place, await place.connect() as stream:
        place.app = answer
        await stream.send_all(ask + ASK)
        said = await said_until(stream, b"\r\n\r\n{}")
    assert b"2\r\n{}\r\n0\r\n\r\nHTTP/1.1 201 " in said
    (scope,) = place.scopes
    assert (scope["path"], scope["query_string"], scope["method"]) == ("/v1/sms", b"a=b%20c", "POST")
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1"
    assert scope["headers"] == [
        (b"host", b"a"),
        (b"authorization", b"Bearer shop"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
    ]


async def test_an_answer_may_begin_before_its_body_has_ended() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (event := await receive())["more_body"]:
            await send({"type": "http.response.body", "body": event["body"], "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})

    async with serving() as place, await place.connect() as stream:
        place.app = echo
        await stream.send_all(STREAM)
        for word in (b"one", b"three", b"twelve"):
            # Several chunks that are read together are one event.
            await stream.send_all(b"1\r\n-\r\n%x\r\n%b\r\n" % (len(word), word))
            assert (await said_until(stream, word + b"\r\n")).endswith(b"\r\n-%b\r\n" % word)
        await stream.send_all(b"0\r\n\r\n" + ASK)
        assert b"3\r\nend\r\n0\r\n\r\nHTTP/1.1 201 " in await said_until(stream, b"\r\n\r\n{}")


async def test_nothing_is_read_that_the_app_does_not_ask_for() -> None:
    asked = trio.Event()

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        await asked.wait()
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"end"})

    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with serving() as place, await place.connect() as stream:
        place.app = wait
        await stream.send_all(STREAM)
        with trio.move_on_after(0.5) as held:
            for _ in range(400):
                await stream.send_all(chunk)
        assert held.cancelled_caught
        asked.set()


async def test_a_caller_that_leaves_is_told_to_the_app() -> None:
    events: list[Any] = []

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        while not events or events[-1]["type"] != "http.disconnect":
            events.append(await receive())

    async with serving() as place:
        place.app = listen
        async with await place.connect() as stream:
            await stream.send_all(STREAM + b"1\r\nx\r\n")
            await place.until(lambda: bool(events))
        await place.open(0)
    assert [event.get("body") for event in events] == [b"x", None]


async def test_a_fault_of_the_app_ends_no_other_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ExceptionGroup("ours", [ZeroDivisionError()])

    async with serving() as place, await place.connect() as other:
        place.app = broken
        head, body = await say_to_the_end(place, STREAM)
        assert head.startswith(b"HTTP/1.1 500 ")
        assert json.loads(body)["code"] == "internal_error"
        await other.send_all(ASK)
        await said_until(other, b"\r\n\r\n{}")
    assert "ZeroDivisionError" in caplog.text


async def test_a_chunk_that_is_none_ends_a_call_that_has_begun_to_answer() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (event := await receive())["type"] == "http.request":
            await send({"type": "http.response.body", "body": event["body"], "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})

    async with serving() as place, await place.connect() as stream:
        place.app = echo
        await stream.send_all(STREAM + b"1\r\nx\r\n")
        said = await said_until(stream, b"1\r\nx\r\n")
        await stream.send_all(b"secret\r\n")
        assert await rest(stream) == b""
    assert said.startswith(b"HTTP/1.1 200 ")
