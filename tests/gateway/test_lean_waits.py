"""The listener for the calls that send alone: how long it waits, how many it takes, and what a stop still answers."""

import json
import socket
import struct

import pytest
import trio
from lean_places import ASK, CHUNKED, HEAD, LAST, counted, said_until, say_to_the_end, serving
from served_places import LONG, rest


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
