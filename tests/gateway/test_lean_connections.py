"""The listener for the calls that send alone: what may follow on a connection, and how its bodies come."""

import json
from typing import Any

from lean_places import ASK, BODY_LIMIT, CHUNKED, GRANT, HEAD, LAST, said_until, say_to_the_end, serving
from served_places import rest

from gateway.settings import AccountLimits


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
