"""What TLS says for itself while a connection idles is no end of it; against OpenSSL's own server, told by hand."""

import ipaddress
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.client import Client, PostResult

ANSWER = b"HTTP/1.1 204 No Content\n\n"
LOOPBACK = AddressGuard([ipaddress.ip_network("127.0.0.1/32")])


class Server:
    """It prints what it gets and does, and says what is typed, but for lines of one letter, which are its commands."""

    def __init__(self, process: trio.Process, letter: bytes, begun: bytes, agreed: bytes) -> None:
        """`letter`: the command that renews keys; `begun`, `agreed`: what is printed then, and once we did our part
        where that has to come before all else.
        """
        self._process = process
        self._letter = letter
        self._begun = begun
        self._agreed = agreed
        self._printed = b""
        self.port = 0
        self.renews_first = False
        self.renewals = 0

    async def printed(self, what: bytes) -> bytes:
        """What follows it, to the end of the line; forgets all before."""
        assert self._process.stdout is not None
        while b"\n" not in self._printed.partition(what)[2]:
            more = await self._process.stdout.receive_some()
            assert more, f"ended without {what!r}"
            self._printed += more
        line, _, self._printed = self._printed.partition(what)[2].partition(b"\n")
        return line

    async def asks_for_keys(self) -> None:
        await self._type(self._letter + b"\n")
        await self.printed(self._begun)

    async def renews_keys(self) -> None:
        await self.asks_for_keys()
        if self._agreed:
            await self.printed(self._agreed)

    async def renews_keys_on_and_on(self) -> None:
        while True:
            await self.renews_keys()
            self.renewals += 1

    async def answers(self, number: int) -> None:
        await self.printed(b'{"n":%d}' % number)
        if self.renews_first:
            await self.renews_keys()
        await self._type(ANSWER)

    async def answers_with_the_end_of_renewal(self) -> None:
        """Before it is asked."""
        await self.printed(self._agreed)
        await self._type(ANSWER)

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """It does nothing meanwhile."""
        self._process.send_signal(signal.SIGSTOP)
        yield
        self._process.send_signal(signal.SIGCONT)

    async def _type(self, line: bytes) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send_all(line)


CHANGE_CIPHER_SPEC, APPLICATION_DATA = 20, 23
RENEWALS = {
    "1.2": ("-tls1_2", b"r", b"write hello request", b"read finished"),
    "1.3": ("-tls1_3", b"k", b"write server key update", b""),
    "1.3 of both": ("-tls1_3", b"K", b"write server key update", b""),
}

ANEW = ("-tls1_2 -no_ticket -no_cache", *RENEWALS["1.2"][1:])
"""Where nothing is remembered the last word of a renewal is the server's."""


@pytest.fixture(params=RENEWALS.values(), ids=RENEWALS)
async def server(certificates: Any, request: Any) -> AsyncIterator[Server]:
    version, *renewal = request.param
    command = f"openssl s_server -accept 127.0.0.1:0 -crlf -state {version} -cert {certificates.authority}"
    process = await trio.lowlevel.open_process(
        [*command.split(), "-key", certificates.key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    server = Server(process, *renewal)
    server.port = int(await server.printed(b"ACCEPT 127.0.0.1:"))
    yield server
    process.kill()
    await process.wait()


class Shop:
    """Whose endpoint that server is."""

    def __init__(self, server: Server, certificates: Any, port: int | None = None) -> None:
        """`port`: another way to it."""
        tls = ssl.create_default_context(cafile=certificates.authority)
        self._server = server
        self.client = Client(LOOPBACK, timeout=5.0, tls=tls, resolve=self._resolve)
        self.connections = 0
        self.url = f"https://shop.example:{port or server.port}/"

    async def _resolve(self, host: str, port: int) -> list[str]:
        self.connections += 1
        return ["127.0.0.1"]

    async def is_asked_for_keys(self) -> None:
        """And has not looked."""
        await self._server.asks_for_keys()
        (kept,) = self.client._pool._oldest_first
        await trio.lowlevel.wait_readable(kept.socket.fileno())

    async def post(self, number: int) -> PostResult:
        results: list[PostResult] = []

        async def ask() -> None:
            results.append(await self.client.post(self.url, b'{"n":%d}\n' % number, []))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await self._server.answers(number)
        return results[0]

    async def begin(self, number: int) -> PostResult:
        return await self.begun(number)()

    def begun(self, number: int) -> Callable[[], Awaitable[PostResult]]:
        results: list[PostResult] = []
        assert self.client.begin(self.url, b'{"n":%d}\n' % number, [], results.append)

        async def ended() -> PostResult:
            await self._server.answers(number)
            while not results:
                await trio.lowlevel.checkpoint()
            return results[0]

        return ended


def kinds(records: bytes) -> set[int]:
    """Of records of TLS, of which the last may be cut."""
    found = set()
    while records:
        found.add(records[0])
        records = records[5 + int.from_bytes(records[3:5], "big") :]
    return found


class Way:
    """To the server, on which the end of a renewal is held until an answer follows it, so that both come as one."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.holds = False

    async def __call__(self, tcp: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", self._server.port) as server, trio.open_nursery() as nursery:
            nursery.start_soon(self._back, server, tcp)
            async for octets in tcp:
                await server.send_all(octets)
            nursery.cancel_scope.cancel()

    async def _back(self, server: trio.SocketStream, tcp: trio.SocketStream) -> None:
        held = b""
        async for octets in server:
            held += octets
            if not self.holds or CHANGE_CIPHER_SPEC not in kinds(held) or APPLICATION_DATA in kinds(held):
                await tcp.send_all(held)
                held = b""


@pytest.fixture
async def shop(server: Server, certificates: Any, nursery: trio.Nursery) -> Shop:
    shop = Shop(server, certificates)
    await nursery.start(shop.client.run)
    return shop


async def test_a_connection_whose_keys_were_renewed_carries_the_next_post(server: Server, shop: Shop) -> None:
    for number in range(4):
        assert (await shop.post(number)).is_taken
        await shop.is_asked_for_keys()
    assert shop.connections == 1


async def test_a_connection_whose_keys_were_renewed_carries_the_next_post_without_a_task(
    server: Server, shop: Shop
) -> None:
    assert (await shop.post(0)).is_taken
    for number in range(1, 4):
        assert (await shop.begin(number)).is_taken
        await server.renews_keys()
        await wait_all_tasks_blocked(0.01)
    assert shop.connections == 1


@pytest.mark.parametrize("server", [RENEWALS["1.3"]], indirect=True)
async def test_a_connection_on_which_keys_are_renewed_on_and_on_is_let_go(server: Server, shop: Shop) -> None:
    assert (await shop.post(0)).is_taken
    assert (await shop.begin(1)).is_taken
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.renews_keys_on_and_on)
        while shop.client._pool.open:
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert server.renewals > 1_000


async def test_what_is_begun_where_keys_are_to_be_renewed_first_goes_on_in_a_task(server: Server, shop: Shop) -> None:
    assert (await shop.post(0)).is_taken
    await shop.is_asked_for_keys()
    with server.held_up():
        ended = shop.begun(1)
    assert (await ended()).is_taken
    assert (await shop.begin(2)).is_taken
    assert shop.connections == 1


@pytest.mark.parametrize("server", [ANEW], indirect=True)
async def test_an_early_answer_that_comes_with_the_end_of_renewal_is_heard(
    server: Server, certificates: Any, nursery: trio.Nursery
) -> None:
    way, results = Way(server), []
    listeners = await nursery.start(partial(trio.serve_tcp, way, 0, host="127.0.0.1"))
    shop = Shop(server, certificates, listeners[0].socket.getsockname()[1])
    await nursery.start(shop.client.run)
    assert (await shop.post(0)).is_taken
    await shop.is_asked_for_keys()
    with server.held_up():
        assert shop.client.begin(shop.url, b'{"n":1}\n', [], results.append)
        way.holds = True
    await server.answers_with_the_end_of_renewal()
    while not results:
        await trio.lowlevel.checkpoint()
    assert results[0].http_status == 204


@pytest.mark.parametrize("server", [RENEWALS["1.3"]], indirect=True)
async def test_how_often_keys_may_be_renewed_is_counted_from_post_to_post(server: Server, shop: Shop) -> None:
    for number in range(3):
        assert (await shop.post(number)).is_taken
        for _ in range(800):
            await server.renews_keys()
    assert (await shop.post(3)).is_taken
    assert shop.connections == 1


async def test_keys_may_be_renewed_while_an_answer_is_waited_for(server: Server, shop: Shop) -> None:
    assert (await shop.post(0)).is_taken
    server.renews_first = True
    for number in range(1, 4):
        assert (await shop.begin(number)).is_taken
        assert (await shop.post(number)).is_taken
    assert shop.connections == 1
