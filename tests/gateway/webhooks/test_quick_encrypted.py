"""POSTs begun without a task of their own on TLS, against a server on loopback that speaks it in unusual ways."""

import gc
import ipaddress
import os
import ssl
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client, PostResult

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
HEADERS = [(b"webhook-id", b"evt_1")]
FULL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD_RECORD = b"\x17\x03\x03\x00\x30" + bytes(48)
QUICK = "gateway.webhooks.quick.QuickPosts.run"


class Carriage(trio.abc.Stream):
    """Below TLS at the server: hands its octets on as told."""

    def __init__(self, tcp: trio.SocketStream) -> None:
        self.tcp = tcp
        self.octet_by_octet = False
        self.held: bytes | None = None
        self.stays_open = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.held is not None:
            self.held += bytes(data)
            await trio.lowlevel.checkpoint()
        elif self.octet_by_octet:
            for octet in bytes(data):
                await self.tcp.send_all(bytes([octet]))
                await wait_all_tasks_blocked()
        else:
            await self.tcp.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.tcp.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self.tcp.receive_some(max_bytes))

    async def aclose(self) -> None:
        if self.stays_open:
            await trio.lowlevel.checkpoint()
        else:
            await self.tcp.aclose()


Stream = trio.SSLStream[Carriage]
Script = Callable[[Stream], Awaitable[None]]


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def tls_endpoint(nursery: trio.Nursery, certificates: Any, endpoint: Any, request: Any) -> Any:
    """The endpoint under TLS of this version."""
    context = certificates.server()
    context.minimum_version = context.maximum_version = request.param

    async def serve(tcp: trio.SocketStream) -> None:
        await endpoint.serve(trio.SSLStream(Carriage(tcp), context, server_side=True))

    listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
    endpoint.port = listeners[0].socket.getsockname()[1]
    return endpoint


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def trusting(certificates: Any, timeout: float = 5.0) -> Client:
    tls = ssl.create_default_context(cafile=certificates.authority)
    return Client(LOOPBACK, timeout=timeout, tls=tls, resolve=to_loopback)


@pytest.fixture
async def client(nursery: trio.Nursery, certificates: Any) -> Client:
    client = trusting(certificates)
    await nursery.start(client.run)
    return client


class Shop:
    """Events for the endpoint, each begun on a connection that is kept."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url
        self.told_by: str | None = None
        """The task in which the last POST ended."""

    async def post(self, body: bytes = b"{}") -> PostResult:
        return await self.client.post(self.url, body, HEADERS)

    async def begin(self, body: bytes = b"{}") -> PostResult:
        ended, results = trio.Event(), []

        def done(result: PostResult) -> None:
            self.told_by = trio.lowlevel.current_task().name
            results.append(result)
            ended.set()

        assert self.client.begin(self.url, body, HEADERS, done)
        await ended.wait()
        return results[0]


@pytest.fixture
async def shop(client: Client, tls_endpoint: Any) -> Shop:
    """One connection is kept."""
    shop = Shop(client, tls_endpoint.url(host="shop.example", scheme="https"))
    assert (await shop.post()).is_taken
    return shop


def says(*pieces: bytes) -> Script:
    async def act(stream: Stream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
            await wait_all_tasks_blocked()

    return act


def says_in_one_write(*pieces: bytes) -> Script:
    """A record each."""

    async def act(stream: Stream) -> None:
        carriage = stream.transport_stream
        carriage.held = b""
        for piece in pieces:
            await stream.send_all(piece)
        octets, carriage.held = carriage.held, None
        await carriage.send_all(octets)

    return act


def breaks_tls_after(*pieces: bytes) -> Script:
    async def act(stream: Stream) -> None:
        await says(*pieces)(stream)
        await stream.transport_stream.send_all(BAD_RECORD)
        await wait_all_tasks_blocked()

    return act


def leaves_after(*pieces: bytes, goodbye: bool) -> Script:
    async def act(stream: Stream) -> None:
        await says(*pieces)(stream)
        if goodbye:
            await stream.aclose()
        else:
            await trio.aclose_forcefully(stream)

    return act


async def says_goodbye_and_stays(stream: Stream) -> None:
    await says(FULL)(stream)
    stream.transport_stream.stays_open = True
    await stream.aclose()
    await trio.sleep_forever()


async def says_nothing(stream: Stream) -> None:
    await trio.sleep_forever()


async def test_posts_follow_one_another_on_a_connection_that_is_kept(shop: Shop, tls_endpoint: Any) -> None:
    for number in range(3):
        body = b'{"n":%d}' % number
        result = await shop.begin(body)
        assert (result.http_status, result.error, shop.told_by) == (200, None, QUICK)
        assert (tls_endpoint.requests[-1].body, tls_endpoint.requests[-1].headers["webhook-id"]) == (body, "evt_1")
    assert tls_endpoint.connections == 1


async def test_ways_with_and_without_a_task_take_turns_on_one_connection(shop: Shop, tls_endpoint: Any) -> None:
    for _ in range(3):
        assert (await shop.begin()).is_taken
        assert (await shop.post()).is_taken
    assert tls_endpoint.connections == 1


async def test_an_answer_in_several_records_of_one_write_is_read_at_once(shop: Shop, tls_endpoint: Any) -> None:
    tls_endpoint.script.append(says_in_one_write(FULL[:9], FULL[9:-2], FULL[-2:]))
    assert ((await shop.begin()).http_status, shop.told_by) == (200, QUICK)
    assert (await shop.begin()).is_taken
    assert tls_endpoint.connections == 1


async def test_a_record_that_comes_octet_by_octet_is_waited_for(shop: Shop, tls_endpoint: Any) -> None:
    async def octet_by_octet(stream: Stream) -> None:
        stream.transport_stream.octet_by_octet = True
        await stream.send_all(FULL)
        stream.transport_stream.octet_by_octet = False

    tls_endpoint.script.append(octet_by_octet)
    assert ((await shop.begin()).http_status, shop.told_by) == (200, QUICK)
    assert (await shop.begin()).is_taken
    assert tls_endpoint.connections == 1


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((FULL[:20], FULL[20:]), 200),
        ((FULL[:1], *[FULL[at : at + 1] for at in range(1, len(FULL))]), 200),
        ((b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",), 503),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", FULL), 200),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",), 200),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000,), 200),
    ],
)
async def test_answers_that_are_not_plain_are_read_with_care_and_the_connection_is_kept(
    shop: Shop, tls_endpoint: Any, pieces: tuple[bytes, ...], status: int
) -> None:
    tls_endpoint.script.append(says(*pieces))
    result = await shop.begin()
    assert (result.http_status, result.retry_after_seconds) == (status, 7 if status == 503 else None)
    assert shop.told_by != QUICK
    assert (await shop.begin()).is_taken
    assert tls_endpoint.connections == 1


@pytest.mark.parametrize("way", ["begin", "post"])
async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(
    shop: Shop, tls_endpoint: Any, way: str
) -> None:
    tls_endpoint.script.append(says_in_one_write(FULL, FULL.replace(b"200", b"202")))
    assert (await getattr(shop, way)()).http_status == 200
    await wait_all_tasks_blocked()
    assert (await shop.post()).http_status == 200
    assert tls_endpoint.connections == 2


CUTS = [1, 5, 20, -1]
"""Octets of a record that come before the rest."""


class AnswersTwice:
    """And the second answer's record comes in two pieces."""

    def __init__(self, cut: int) -> None:
        self._cut = cut
        self.is_within = trio.Event()
        self.go_on = trio.Event()

    async def __call__(self, stream: Stream) -> None:
        carriage = stream.transport_stream
        carriage.held = b""
        await stream.send_all(FULL)
        asked, carriage.held = carriage.held, b""
        await stream.send_all(FULL.replace(b"200", b"202"))
        unasked, carriage.held = carriage.held, None
        await carriage.send_all(asked)
        await wait_all_tasks_blocked()
        await carriage.send_all(unasked[: self._cut])
        self.is_within.set()
        await self.go_on.wait()
        await carriage.send_all(unasked[self._cut :])
        await trio.sleep_forever()


@pytest.mark.parametrize("cut", CUTS)
async def test_the_rest_of_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(
    shop: Shop, tls_endpoint: Any, cut: int
) -> None:
    answers_twice, results = AnswersTwice(cut), []
    tls_endpoint.script.append(answers_twice)
    assert (await shop.begin()).http_status == 200
    await answers_twice.is_within.wait()

    async def post() -> None:
        results.append(await shop.post(b'{"n":2}'))

    async with trio.open_nursery() as posting:
        posting.start_soon(post)
        await wait_all_tasks_blocked()
        answers_twice.go_on.set()
    assert [result.http_status for result in results] == [200]
    assert (tls_endpoint.connections, tls_endpoint.requests[-1].body) == (2, b'{"n":2}')


@pytest.mark.parametrize("cut", CUTS)
async def test_nothing_is_begun_where_the_rest_of_an_answer_may_come_that_nobody_asked_for(
    shop: Shop, tls_endpoint: Any, cut: int
) -> None:
    answers_twice, told = AnswersTwice(cut), []
    tls_endpoint.script.append(answers_twice)
    assert (await shop.begin()).http_status == 200
    await answers_twice.is_within.wait()
    is_begun = shop.client.begin(shop.url, b"{}", HEADERS, told.append)
    answers_twice.go_on.set()
    await wait_all_tasks_blocked(0.01)
    assert (is_begun, told, shop.client._pool.open) == (False, [], 0)


async def test_the_answer_to_one_may_close_another_that_the_same_look_found(shop: Shop, tls_endpoint: Any) -> None:
    """As it does that begins the next POST, where the only other connection is within a record."""
    streams: list[Stream] = []
    begun: list[bool] = []

    async def waits_for_the_other(stream: Stream) -> None:
        streams.append(stream)
        while len(streams) % 2:
            await trio.lowlevel.checkpoint()
        await stream.send_all(FULL)

    async def is_the_last_as_the_other_begins_a_record(stream: Stream) -> None:
        (other,) = {one.transport_stream for one in streams} - {stream.transport_stream}
        carriage = stream.transport_stream
        carriage.held = b""
        await stream.send_all(FULL)
        # Without a checkpoint between them.
        os.write(carriage.tcp.socket.fileno(), carriage.held + BAD_RECORD)
        os.write(other.tcp.socket.fileno(), BAD_RECORD[:3])
        await trio.sleep_forever()

    def next_one(result: PostResult) -> None:
        begun.append(shop.client.begin(shop.url, b"{}", HEADERS, lambda result: None))

    tls_endpoint.script.extend([waits_for_the_other] * 4)
    for way in (shop.post, shop.begin):
        async with trio.open_nursery() as both:
            both.start_soon(way)
            both.start_soon(way)
    tls_endpoint.script.append(is_the_last_as_the_other_begins_a_record)
    assert shop.client.begin(shop.url, b"{}", HEADERS, next_one)
    await wait_all_tasks_blocked(0.01)
    assert (begun, shop.client._pool.open) == ([False], 0)
    assert (await shop.post()).is_taken
    assert (await shop.begin()).is_taken


async def test_a_connection_that_is_closed_leaves_nothing_in_memory(shop: Shop) -> None:
    assert (await shop.begin()).is_taken
    (kept,) = shop.client._pool._oldest_first
    stream = weakref.ref(kept.stream)
    shop.client._pool.discard(kept)
    del kept
    gc.collect()
    assert stream() is None


@pytest.mark.parametrize("goodbye", [True, False])
async def test_where_the_kept_connection_ends_it_is_posted_anew(shop: Shop, tls_endpoint: Any, goodbye: bool) -> None:
    tls_endpoint.script.append(leaves_after(goodbye=goodbye))
    assert (await shop.begin(b'{"n":1}')).is_taken
    assert (tls_endpoint.connections, tls_endpoint.requests[-1].body) == (2, b'{"n":1}')
    assert shop.client._pool.open == 1


@pytest.mark.parametrize("goodbye", [True, False])
async def test_an_answer_cut_short_is_no_success(shop: Shop, tls_endpoint: Any, goodbye: bool) -> None:
    tls_endpoint.script.append(leaves_after(b"HTTP/1.1 200", goodbye=goodbye))
    result = await shop.begin()
    assert (result.http_status, result.error) == (None, "the connection was closed within the answer")
    assert (len(tls_endpoint.requests), shop.client._pool.open) == (2, 0)


@pytest.mark.parametrize(
    "farewell",
    [
        leaves_after(FULL, goodbye=True),
        leaves_after(FULL, goodbye=False),
        says_goodbye_and_stays,
        breaks_tls_after(FULL),
        says(FULL, b"HTTP/1.1 408 Late\r\n\r\n"),
    ],
    ids=["goodbye", "none", "goodbye alone", "no TLS", "unasked"],
)
async def test_a_kept_connection_that_ends_while_it_idles_is_let_go(
    shop: Shop, tls_endpoint: Any, farewell: Script
) -> None:
    tls_endpoint.script.append(farewell)
    assert ((await shop.begin()).is_taken, shop.told_by) == (True, QUICK)
    while shop.client._pool.open:
        await wait_all_tasks_blocked()
    assert (await shop.post()).is_taken
    assert tls_endpoint.connections == 2


async def test_an_answer_with_a_goodbye_behind_it_is_the_last_of_its_connection(shop: Shop, tls_endpoint: Any) -> None:
    async def answers_and_leaves(stream: Stream) -> None:
        carriage = stream.transport_stream
        carriage.held, carriage.stays_open = b"", True
        await stream.send_all(FULL)
        await stream.aclose()
        octets, carriage.held = carriage.held, None
        await carriage.send_all(octets)
        await trio.sleep_forever()

    tls_endpoint.script.append(answers_and_leaves)
    assert (await shop.begin()).is_taken
    assert shop.client._pool.open == 0


async def test_where_tls_breaks_before_an_answer_it_is_posted_anew(shop: Shop, tls_endpoint: Any) -> None:
    tls_endpoint.script.append(breaks_tls_after())
    assert (await shop.begin(b'{"n":1}')).is_taken
    assert (tls_endpoint.connections, tls_endpoint.requests[-1].body) == (2, b'{"n":1}')


async def test_where_tls_breaks_within_an_answer_it_is_no_success(shop: Shop, tls_endpoint: Any) -> None:
    tls_endpoint.script.append(breaks_tls_after(b"HTTP/1.1 200"))
    assert (await shop.begin()).error == "the connection broke before an answer came"
    assert (len(tls_endpoint.requests), shop.client._pool.open) == (2, 0)


async def test_a_body_larger_than_the_socket_takes_arrives_whole(shop: Shop, tls_endpoint: Any) -> None:
    body = b'"' + b"x" * 8_000_000 + b'"'
    assert (await shop.begin(body)).is_taken
    assert (await shop.begin()).is_taken
    assert [request.body for request in tls_endpoint.requests] == [b"{}", body, b"{}"]
    assert tls_endpoint.connections == 1


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200", BAD_RECORD[:20]], ids=["nothing", "answer", "record"])
async def test_no_answer_in_time_ends_it(
    nursery: trio.Nursery, certificates: Any, tls_endpoint: Any, autojump_clock: MockClock, begins: bytes
) -> None:
    async def goes_no_further(stream: Stream) -> None:
        await trio.sleep(2)
        if begins.startswith(b"HTTP"):
            await stream.send_all(begins)
        elif begins:
            await stream.transport_stream.send_all(begins)
        await trio.sleep_forever()

    client = trusting(certificates, timeout=3.0)
    await nursery.start(client.run)
    shop = Shop(client, tls_endpoint.url(host="shop.example", scheme="https"))
    assert (await shop.post()).is_taken
    tls_endpoint.script.append(goes_no_further)
    started = trio.current_time()
    assert (await shop.begin()).error == "no answer within 3 s"
    assert trio.current_time() - started == pytest.approx(3.0)
    assert client._pool.open == 0


async def test_what_is_under_way_is_closed_when_the_client_ends(certificates: Any, tls_endpoint: Any) -> None:
    client = trusting(certificates)
    told: list[PostResult] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(client.run)
        shop = Shop(client, tls_endpoint.url(host="shop.example", scheme="https"))
        assert (await shop.post()).is_taken
        tls_endpoint.script.append(says())
        assert client.begin(shop.url, b"{}", HEADERS, told.append)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await tls_endpoint.closed.wait()
    assert told == []
