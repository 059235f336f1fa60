"""Posts by https whose first connection ends, or is answered on, in unusual moments."""

import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client, PostResult
from gateway.webhooks.encrypted import TlsStream

LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])
REFUSED = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Serve = Callable[[trio.SocketStream], Awaitable[None]]
Post = Callable[..., Awaitable[PostResult]]


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def client(nursery: trio.Nursery, certificates: Any) -> Client:
    tls = ssl.create_default_context(cafile=certificates.authority)
    client = Client(LOOPBACK, timeout=5.0, tls=tls, resolve=to_loopback)
    nursery.start_soon(client.run)
    return client


@pytest.fixture
def post(client: Client, nursery: trio.Nursery) -> Post:
    """To one who serves as told."""

    async def post(serve: Serve, body: bytes = b"{}") -> PostResult:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        result = await client.post(f"https://shop.example:{port}/", body, [])
        assert client._pool.open == 0
        return result

    return post


async def agreed(tcp: trio.SocketStream, context: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """A server that has yet to send its last word of the handshake, and what tells it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            await tcp.send_all(outgoing.read())
            incoming.write(bytes(await tcp.receive_some()))
        else:
            return tls, outgoing


async def test_one_who_leaves_within_the_handshake_is_a_failure_in_words(post: Post) -> None:
    async def leaves(tcp: trio.SocketStream) -> None:
        await tcp.receive_some()
        await tcp.aclose()

    assert (await post(leaves)).error == "no TLS with shop.example: unexpected eof while reading"


async def test_an_early_answer_to_a_large_body_is_heard(post: Post, certificates: Any) -> None:
    context = certificates.server()

    async def refuse(tcp: trio.SocketStream) -> None:
        stream = trio.SSLStream(tcp, context, server_side=True, https_compatible=True)
        await stream.receive_some(1)
        await stream.send_all(REFUSED)
        await stream.aclose()

    assert (await post(refuse, b"x" * 10_000_000)).http_status == 413


async def test_an_answer_that_comes_with_the_end_of_the_handshake_is_heard(post: Post, certificates: Any) -> None:
    context = certificates.server()
    # Only there the last word of the handshake is the server's.
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def refuse(tcp: trio.SocketStream) -> None:
        tls, outgoing = await agreed(tcp, context)
        tls.write(REFUSED)
        await tcp.send_all(outgoing.read())
        await trio.sleep_forever()

    assert (await post(refuse)).http_status == 413


@pytest.mark.parametrize("piece", [1, 2, 5, 7, 100, 10_000])
async def test_nothing_may_be_asked_between_the_pieces_of_a_record(
    certificates: Any, nursery: trio.Nursery, piece: int
) -> None:
    server = certificates.server()
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    ours, theirs = (trio.SocketStream(socket) for socket in trio.socket.socketpair())
    stream = TlsStream(ours, ssl.create_default_context(cafile=certificates.authority), "shop.example")
    nursery.start_soon(stream.do_handshake)
    _, outgoing = await agreed(theirs, server)
    await trio.testing.wait_all_tasks_blocked()
    tickets = outgoing.read()
    ends = {0}
    while max(ends) < len(tickets):
        header = tickets[max(ends) :][:5]
        ends.add(max(ends) + 5 + int.from_bytes(header[3:], "big"))
    assert len(ends) == 3
    assert stream.may_be_asked
    for at in range(0, len(tickets), piece):
        await theirs.send_all(tickets[at : at + piece])
        with pytest.raises(BlockingIOError):
            stream.read()
        assert stream.may_be_asked is (min(at + piece, len(tickets)) in ends)
    await ours.aclose()
    await theirs.aclose()
