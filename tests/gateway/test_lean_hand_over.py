"""The listener for the calls that send alone: what it leaves to others, and what the app gets of it."""

import json
from typing import Any

import pytest
import trio
from lean_places import ASK, LAST, STREAM, said_until, say_to_the_end, serving
from served_places import rest


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
