"""POST /v1/sms/stream over a real socket, on both kinds of listeners: lines go in while answers come out."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11
import pytest
import trio

from gateway.identifiers import Identifiers
from gateway.serving.server import Limits, Server, listener

Message = Callable[..., dict[str, Any]]


class Conversation:
    """One request whose two sides are open."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._parser = h11.Connection(h11.CLIENT)
        self._rest = b""

    async def begin(self, token: str, *, behind: bytes = b"", **more: str) -> int:
        """The status. `behind`: octets that go with the head."""
        headers = [("host", "x"), ("authorization", f"Bearer {token}"), ("content-type", "application/x-ndjson")]
        headers += [
            ("transfer-encoding", "chunked"),
            *((name.replace("_", "-"), value) for name, value in more.items()),
        ]
        head = self._parser.send(h11.Request(method="POST", target="/v1/sms/stream", headers=headers))
        await self._stream.send_all(head + behind)
        return await self.status()

    async def status(self) -> int:
        """Of the next head."""
        event = await self._next()
        assert isinstance(event, h11.Response | h11.InformationalResponse)
        return event.status_code

    async def say(self, *messages: Any) -> None:
        """Each a line, and a chunk of its own."""
        for message in messages:
            await self._put(h11.Data(json.dumps(message).encode() + b"\n"))

    async def finish(self) -> None:
        await self._put(h11.EndOfMessage())

    async def heard(self) -> Any:
        """The next line; None at the end."""
        while b"\n" not in self._rest:
            event = await self._next()
            if isinstance(event, h11.EndOfMessage):
                assert self._rest == b""
                return None
            assert isinstance(event, h11.Data)
            self._rest += bytes(event.data)
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    async def body(self) -> bytes:
        """Of an answer that ends."""
        pieces = []
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            pieces.append(bytes(event.data))
        return b"".join(pieces)

    async def _put(self, event: Any) -> None:
        await self._stream.send_all(self._parser.send(event))

    async def _next(self) -> Any:
        with trio.fail_after(30):
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                self._parser.receive_data(await self._stream.receive_some(65_536))
        return event


@pytest.fixture(params=["front", "lean"])
async def connect(request: pytest.FixtureRequest, house: Any) -> AsyncIterator[Callable[[], Any]]:
    """Opens a conversation with the listener."""
    server = Server(house.app, Identifiers(), Limits(20), house.app.direct)
    sockets = [listener("127.0.0.1:0") for _ in range(2)]
    port = sockets[request.param == "lean"].getsockname()[1]

    @asynccontextmanager
    async def opened() -> AsyncIterator[Conversation]:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            yield Conversation(stream)

    async with trio.open_nursery() as nursery:
        await nursery.start(server.run, sockets[:1], sockets[1:])
        yield opened
        server.stop.set()
        with trio.fail_after(30):
            await server.ended.wait()


async def test_each_line_is_answered_while_the_stream_goes_on(connect: Any, a_message: Message) -> None:
    async with connect() as stream:
        assert await stream.begin("shop") == 200
        for number in range(1, 4):
            await stream.say(a_message(client_id=f"a-{number}"))
            answer = await stream.heard()
            assert (answer["line"], answer["entity"]["client_id"]) == (number, f"a-{number}")
        await stream.say({"to": "+3460"})
        assert "error" in await stream.heard()
        await stream.finish()
        assert await stream.heard() is None


async def test_many_lines_ahead_are_answered_in_their_order(connect: Any, a_message: Message) -> None:
    async with connect() as stream, trio.open_nursery() as nursery:
        assert await stream.begin("shop", idempotency_key="a-stream") == 200

        async def say_all() -> None:
            await stream.say(*[a_message(client_id=f"m-{number}") for number in range(1, 1_501)])
            await stream.finish()

        nursery.start_soon(say_all)
        for number in range(1, 1_501):
            answer = await stream.heard()
            assert (answer["line"], answer["entity"]["client_id"]) == (number, f"m-{number}")
        assert await stream.heard() is None


async def test_a_caller_who_waits_for_leave_to_send_its_body_is_given_it_at_once(
    connect: Any, a_message: Message
) -> None:
    async with connect() as stream:
        assert await stream.begin("shop", expect="100-continue") == 100
        assert await stream.status() == 200
        await stream.say(a_message())
        assert "entity" in await stream.heard()
        await stream.finish()
        assert await stream.heard() is None


async def test_of_two_answers_to_a_head_with_no_chunk_behind_it_only_one_is_begun(connect: Any) -> None:
    async with connect() as stream:
        status = await stream.begin("shop", behind=b"zz\r\n")
        if status == 400:
            assert json.loads(await stream.body())["code"] == "bad_request"
        else:
            assert status == 200  # its head was out before the body was looked at


async def test_a_stream_without_its_scope_is_refused_at_once(connect: Any) -> None:
    async with connect() as stream:
        assert await stream.begin("shop-read") == 403


async def test_what_was_read_of_a_stream_that_broke_off_is_filed(connect: Any, house: Any, a_message: Message) -> None:
    async with connect() as stream:
        assert await stream.begin("shop") == 200
        await stream.say(a_message(client_id="first"))
        assert (await stream.heard())["line"] == 1
    async with connect() as stream:
        assert await stream.begin("shop") == 200
        await stream.say(a_message(client_id="first"), a_message(client_id="second"))
        first, second = await stream.heard(), await stream.heard()
    assert first["error"]["codes"] == {"client_id": ["client_id_in_use"]}
    assert "entity" in second
