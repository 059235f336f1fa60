"""Usual calls on the listener for them alone, asked for by a callback: in their order, one at a time, and none lost."""

import gc
import logging
import weakref
from typing import Any

import pytest
import trio
import trio.testing
from lean_places import ASK, BODY_LIMIT, HEAD, LAST, LeanPlace, said_until, serving
from served_places import LONG, one_answer, rest

from gateway.api.problem_types import DUPLICATE
from gateway.api.problems import Problem
from gateway.api.submissions import Created
from gateway.serving import lean_connection
from gateway.serving.waits import MOST_HEAD
from gateway.settings import AccountLimits


def ask(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def takes_all(place: LeanPlace) -> None:
    place.takes = lambda post: True


async def test_many_callers_at_once_are_each_answered_with_their_own() -> None:
    bodies = [b"%03d" % number for number in range(100)]
    async with serving(connections=200) as place:
        takes_all(place)
        streams = [await place.connect() for _ in bodies]
        for _ in range(3):
            for stream, body in zip(streams, bodies, strict=True):
                await stream.send_all(ask(body))
            await place.asked_for(len(bodies))
            while place.asked:
                place.tell(-1)
            for stream, body in zip(streams, bodies, strict=True):
                assert (await said_until(stream, b"\r\n\r\n" + body)).startswith(b"HTTP/1.1 201 ")
        for stream in streams:
            await stream.aclose()
    assert place.posts == []


async def test_what_comes_while_a_call_is_under_way_waits_for_its_turn() -> None:
    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        await stream.send_all(ask(b"1"))
        await place.asked_for(1)
        await stream.send_all(ask(b"2") + ask(b"3"))
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert (len(place.asked), place.posts) == (1, [])
        place.tell()
        said = await said_until(stream, b"\r\n\r\n3")
        # Two at once are no usual call any more.
        assert [post.body for post in place.posts] == [b"2", b"3"]
        assert [part[:1] for part in said.split(b"\r\n\r\n")[1:]] == [b"1", b"2", b"3"]
        await stream.send_all(ask(b"4"))
        await place.asked_for(1)
        place.tell()
        await said_until(stream, b"\r\n\r\n4")


async def test_a_body_that_comes_a_moment_after_its_head_is_asked_for_with_it() -> None:
    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        for body in (b"1", b"22"):
            await stream.send_all(ask(body)[: -len(body)])
            await trio.testing.wait_all_tasks_blocked(0.01)
            await stream.send_all(body)
            await place.asked_for(1)
            place.tell()
            await said_until(stream, b"\r\n\r\n" + body)
    assert place.posts == []


async def test_a_body_that_comes_bit_by_bit_is_waited_for() -> None:
    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        octets = ask(b"12345")
        for piece in (octets[:-5], b"1", b"2"):
            await stream.send_all(piece)
            await trio.testing.wait_all_tasks_blocked(0.01)
        await stream.send_all(b"345")
        await said_until(stream, b"\r\n\r\n12345")
    assert [post.body for post in place.posts] == [b"12345"]


async def test_what_is_not_taken_by_a_callback_is_answered_and_admitted_once() -> None:
    async with serving() as place, await place.connect() as stream:
        place.limits.clock = lambda: 0
        place.limits.reconfigure({"shop": AccountLimits(requests_per_second=2)})
        place.takes = lambda post: post.body == b"1"
        await stream.send_all(ask(b"{}"))
        await said_until(stream, b"\r\n\r\n{}")
        await stream.send_all(ask(b"1"))
        await place.asked_for(1)
        place.tell()
        await said_until(stream, b"\r\n\r\n1")
        await stream.send_all(LAST)
        assert (await rest(stream)).startswith(b"HTTP/1.1 429 ")
    assert [post.body for post in place.posts] == [b"{}"]


async def test_a_request_too_many_is_refused_at_once_and_the_connection_kept() -> None:
    async with serving() as place, await place.connect() as stream:
        now = 0
        place.limits.clock = lambda: now
        place.limits.reconfigure({"shop": AccountLimits(requests_per_second=1)})
        takes_all(place)
        for status in (b"201", b"429"):
            await stream.send_all(ASK)
            if status == b"201":
                await place.asked_for(1)
                place.tell()
            said = await said_until(stream, b"}")
            assert said.startswith(b"HTTP/1.1 " + status)
            assert b"connection: close" not in said
        now = 1_000
        await stream.send_all(ASK)
        await place.asked_for(1)


async def test_an_answer_that_has_to_be_found_out_is_waited_for() -> None:
    async def refused() -> Created:
        await trio.lowlevel.checkpoint()
        raise Problem(DUPLICATE, "It came before.")

    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        await stream.send_all(ASK)
        await place.asked_for(1)
        place.asked.pop()[1](refused)
        assert (await said_until(stream, b"}")).startswith(b"HTTP/1.1 409 ")
        await stream.send_all(ASK)
        await place.asked_for(1)
        place.tell()
        assert (await said_until(stream, b"\r\n\r\n{}")).startswith(b"HTTP/1.1 201 ")


async def test_a_caller_that_reads_slowly_gets_the_whole_answer_and_the_next() -> None:
    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        for _ in range(2):
            await stream.send_all(ask(b'"long"'))
            await place.asked_for(1)
            place.tell()
            await trio.testing.wait_all_tasks_blocked(0.01)
            head = await said_until(stream, b"\r\n\r\n", at_a_time=1)
            assert head.startswith(b"HTTP/1.1 201 ")
            left = len(LONG)
            while left:
                left -= len(await stream.receive_some(min(left, 1 << 20)))


async def test_a_stop_waits_for_what_is_under_way_and_tells_the_caller_to_close() -> None:
    async with serving(stop_seconds=20.0) as place, await place.connect() as stream:
        takes_all(place)
        await stream.send_all(ASK)
        await place.asked_for(1)
        place.server.stop.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        place.tell()
        said = await rest(stream)
    assert said.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close" in said


async def test_a_caller_that_says_no_more_after_its_call_is_answered() -> None:
    async with serving() as place, await place.connect() as stream:
        takes_all(place)
        await stream.send_all(ASK)
        await stream.send_eof()
        await place.asked_for(1)
        await trio.testing.wait_all_tasks_blocked(0.01)
        place.tell()
        assert (await rest(stream)).endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize("resets", [False, True])
async def test_a_caller_that_leaves_before_its_answer_is_no_fault(
    caplog: pytest.LogCaptureFixture, resets: bool
) -> None:
    async with serving(connections=2) as place:
        takes_all(place)
        stream = await place.connect()
        await stream.send_all(ASK)
        await place.asked_for(1)
        if resets:
            stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.01)
        place.tell()
        await place.open(0)
        async with await place.connect() as other:
            await other.send_all(ASK)
            await place.asked_for(1)
            place.tell()
            await said_until(other, b"\r\n\r\n{}")
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_a_connection_that_was_cut_takes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(connections=1, stop_seconds=0.05) as place:
        takes_all(place)
        stream = await place.connect()
        await stream.send_all(ASK)
        await place.asked_for(1)
        await place.end()
        caplog.clear()
        place.tell()
        await stream.aclose()
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_after_its_answer_a_connection_idles_as_others_do() -> None:
    async with serving(connections=1) as place:
        takes_all(place)
        async with await place.connect() as first:
            await first.send_all(ASK)
            await place.asked_for(1)
            place.tell()
            await said_until(first, b"\r\n\r\n{}")
            async with await place.connect() as second:
                # The first has been idle longest, and makes room.
                await second.send_all(ASK)
                await place.asked_for(1)
                place.tell()
                await said_until(second, b"\r\n\r\n{}")
            assert await rest(first) == b""
        await place.open(0)
        assert place.server.watch.is_empty
    async with serving(idle=0.1) as place, await place.connect() as stream:
        takes_all(place)
        await stream.send_all(ASK)
        await place.asked_for(1)
        place.tell()
        assert (await rest(stream)).startswith(b"HTTP/1.1 201 ")


async def test_a_call_on_a_connection_that_makes_room_is_answered_or_not_begun() -> None:
    answered = 0
    async with serving(connections=1) as place:
        stream = await place.connect()
        await place.open(1)
        for _ in range(100):
            await stream.send_all(LAST)
            async with await place.connect() as another:
                answered += (await rest(stream)).startswith(b"HTTP/1.1 201 ")
                await stream.aclose()
                await another.send_eof()
                await rest(another)
            await place.open(0)
            stream = await place.connect()
            await place.open(1)
        await stream.aclose()
    assert len(place.posts) == answered


async def test_an_ended_connection_leaves_nothing_to_the_collector() -> None:
    async with serving() as place:
        takes_all(place)
        ended = []
        for octets in (ASK, LAST):
            async with await place.connect() as stream:
                await place.open(1)
                ended += [weakref.ref(one) for one in place.server._open]
                await stream.send_all(octets)
                if octets == ASK:
                    await place.asked_for(1)
                    place.tell()
                await said_until(stream, b"\r\n\r\n{}")
            await place.open(0)
        gc.disable()
        try:
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert [one() for one in ended] == [None, None]
        finally:
            gc.enable()


async def test_an_answer_that_needs_no_body_does_not_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean_connection, "_BODY_MOMENT", 60.0)

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async with serving() as place, await place.connect() as stream:
        place.app = refuse
        await stream.send_all(HEAD.replace(b"Bearer shop", b"Bearer none") + b"Content-Length: 2\r\n\r\n")
        assert (await said_until(stream, b"no")).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("takes", [False, True])
async def test_a_longer_body_behind_a_head_alike_is_held_to_the_limit(takes: bool) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"no"})

    async with serving() as place, await place.connect() as stream:
        place.app = refuse
        place.takes = lambda post: takes
        await stream.send_all(ASK)
        if takes:
            await place.asked_for(1)
            place.tell()
        await said_until(stream, b"\r\n\r\n{}")
        await stream.send_all(HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1) + b"x" * 1_000)
        assert (await said_until(stream, b"no")).startswith(b"HTTP/1.1 413 ")
    assert [post.body for post in place.posts] == ([] if takes else [b"{}"])


async def test_a_head_alike_is_held_to_the_limit_of_heads() -> None:
    def with_id(name: bytes) -> bytes:
        return HEAD + b"X-Request-Id: %b\r\nContent-Length: 2\r\n\r\n{}" % name

    async with serving() as place, await place.connect() as stream:
        await stream.send_all(with_id(b"1"))
        await said_until(stream, b"\r\n\r\n{}")
        await stream.send_all(with_id(b"1" * MOST_HEAD))
        assert (await rest(stream)).startswith(b"HTTP/1.1 431 ")


async def test_a_fault_of_ours_ends_its_own_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as place, await place.connect() as stream, await place.connect() as other:
        takes_all(place)
        for one in (stream, other):
            await one.send_all(ASK)
        await place.asked_for(2)
        broken: Any = None
        place.asked.pop(0)[1](Created(broken, {}))
        place.tell()
        ended = [await one_answer(one, b"\r\n\r\n{}") for one in (stream, other)]
    assert sorted(said[:12] for said in ended) == [b"", b"HTTP/1.1 201"]
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "a connection ended by a fault of ours"
    ]
