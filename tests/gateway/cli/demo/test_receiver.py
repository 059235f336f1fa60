"""The demo's customer takes what is signed right, by the rules of Standard Webhooks, and knows each event once."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import trio
from standardwebhooks.webhooks import Webhook

from gateway.cli.demo.receiver import Receiver
from gateway.cli.demo.signature import fault_of
from gateway.webhooks.signing import Signer

KEY = b"k" * 32
NOW = 1_795_304_268
EVENT = {"id": "evt_1", "type": "message.delivered", "message_id": "msg_1", "data": {"to": "+15551234567"}}


def headers_of(body: bytes, *keys: bytes, at: int = NOW) -> dict[bytes, bytes]:
    return dict(Signer(keys).headers("evt_1", body, at))


def test_what_the_gateway_signs_is_right() -> None:
    assert fault_of(headers_of(b"{}", KEY), b"{}", KEY, NOW) is None


def test_what_the_reference_library_signs_is_right() -> None:
    stamp = datetime.fromtimestamp(NOW, UTC)
    signature = Webhook(KEY).sign("evt_1", stamp, "{}")
    headers = {b"webhook-id": b"evt_1", b"webhook-timestamp": b"%d" % NOW, b"webhook-signature": signature.encode()}
    assert fault_of(headers, b"{}", KEY, NOW) is None


def test_one_right_signature_of_several_is_enough() -> None:
    assert fault_of(headers_of(b"{}", b"o" * 32, KEY), b"{}", KEY, NOW) is None


@pytest.mark.parametrize(
    ("headers", "body", "told"),
    [
        (headers_of(b"{}", b"o" * 32), b"{}", "not signed with our secret"),
        (headers_of(b"{}", KEY), b"{ }", "not signed with our secret"),
        (headers_of(b"{}", KEY, at=NOW - 301), b"{}", "too old"),
        (headers_of(b"{}", KEY, at=NOW + 301), b"{}", "from the future"),
        ({**headers_of(b"{}", KEY), b"webhook-timestamp": b"soon"}, b"{}", "too old"),
        ({}, b"{}", "a header is missing"),
    ],
)
def test_what_is_signed_wrong_is_told(headers: dict[bytes, bytes], body: bytes, told: str) -> None:
    assert told in (fault_of(headers, body, KEY, NOW) or "")


class Poster:
    """Posts over one connection that is kept."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def post(self, body: bytes, key: bytes = KEY) -> bytes:
        headers = Signer([key]).headers("evt_1", body, int(datetime.now(UTC).timestamp()))
        lines = [b"%b: %b\r\n" % header for header in headers]
        head = b"POST /sms HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n" % (len(body), b"".join(lines))
        await self._stream.send_all(head + body)
        return bytes(await self._stream.receive_some()).splitlines()[0]


@pytest.fixture
async def receiver(nursery: trio.Nursery) -> AsyncIterator[tuple[Receiver, Poster]]:
    receiver = Receiver()
    receiver.expect(KEY)
    port = await nursery.start(receiver.serve)
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        yield receiver, Poster(stream)


async def test_an_event_that_comes_again_is_counted_and_not_told_again(receiver: tuple[Receiver, Poster]) -> None:
    customer, poster = receiver
    told = []
    customer.on_told = told.append
    for _ in range(2):
        assert await poster.post(json.dumps(EVENT).encode()) == b"HTTP/1.1 204 "
    assert [event.id for event in told] == ["evt_1"]
    assert (list(customer.events), customer.repeats) == (["evt_1"], 1)


async def test_a_batch_is_taken_apart(receiver: tuple[Receiver, Poster]) -> None:
    customer, poster = receiver
    await poster.post(json.dumps([EVENT, {**EVENT, "id": "evt_2", "message_id": "msg_2"}]).encode())
    assert list(customer.of_type("message.delivered")) == ["msg_1", "msg_2"]
    assert customer.of_type("message.sent") == {}


async def test_a_wrong_signature_is_refused_and_remembered(receiver: tuple[Receiver, Poster]) -> None:
    customer, poster = receiver
    assert await poster.post(json.dumps(EVENT).encode(), b"o" * 32) == b"HTTP/1.1 401 "
    assert customer.faults == ["it is not signed with our secret"]
    assert customer.events == {}


async def test_whoever_waits_wakes_with_the_next_event(
    receiver: tuple[Receiver, Poster], nursery: trio.Nursery
) -> None:
    customer, poster = receiver
    nursery.start_soon(poster.post, json.dumps(EVENT).encode())
    with trio.fail_after(30):
        await customer.wait()
    assert list(customer.events) == ["evt_1"]


async def test_a_gateway_killed_in_the_middle_of_a_post_does_no_harm(nursery: trio.Nursery) -> None:
    customer = Receiver()
    customer.expect(KEY)
    port = await nursery.start(customer.serve)
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(b"POST /sms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        assert await Poster(stream).post(json.dumps(EVENT).encode()) == b"HTTP/1.1 204 "
