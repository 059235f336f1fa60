"""Keeping connections, on socket pairs under a clock that jumps."""

from collections.abc import AsyncIterator, Callable

import pytest
import trio
from trio.testing import MockClock

from gateway.webhooks.pool import IDLE_SECONDS, Pool, Pooled
from gateway.webhooks.urls import Origin
from gateway.webhooks.wires import PlainWire

SHOP = Origin("shop.example", 443, True)
Opened = Callable[..., Pooled]


@pytest.fixture
async def peers() -> AsyncIterator[list[trio.socket.SocketType]]:
    """The far ends, in the order of opening."""
    built: list[trio.socket.SocketType] = []
    yield built
    for peer in built:
        peer.close()


@pytest.fixture
def opened(peers: list[trio.socket.SocketType]) -> Opened:
    def open_in(pool: Pool[Pooled], origin: Origin = SHOP) -> Pooled:
        pool.opening()
        ours, theirs = trio.socket.socketpair()
        peers.append(theirs)
        return Pooled(origin, ours, PlainWire(trio.SocketStream(ours)))

    return open_in


async def is_closed(peer: trio.socket.SocketType) -> bool:
    with trio.move_on_after(0.01):
        return not await peer.recv(1)
    return False


async def test_a_connection_is_closed_once_it_has_idled_for_long(
    opened: Opened, peers: list[trio.socket.SocketType], nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    pool: Pool[Pooled] = Pool(10)
    await nursery.start(pool.run)
    pool.keep(opened(pool))
    await trio.sleep(IDLE_SECONDS * 0.9)
    pool.keep(opened(pool))
    assert pool.open == 2
    await trio.sleep(IDLE_SECONDS * 0.5)
    assert pool.open == 1
    assert [await is_closed(peer) for peer in peers] == [True, False]


async def test_a_whole_crowd_that_idles_is_closed(
    opened: Opened, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    pool: Pool[Pooled] = Pool(200)
    await nursery.start(pool.run)
    for number in range(120):
        pool.keep(opened(pool, Origin(f"host{number}.example", 443, True)))
    assert pool.open == 120
    await trio.sleep(IDLE_SECONDS * 1.5)
    assert pool.open == 0


async def test_each_is_told_of_before_it_is_closed(
    opened: Opened, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    told: list[tuple[str, bool]] = []

    def closing(connection: Pooled) -> None:
        told.append((connection.origin.host, connection.socket.fileno() >= 0))

    pool: Pool[Pooled] = Pool(2, closing)
    await nursery.start(pool.run)
    used, discarded, crowded_out, expired = (
        opened(pool, Origin(host, 443, True)) for host in ("used", "discarded", "crowded-out", "expired")
    )
    pool.drop(used)
    pool.keep(discarded)
    pool.discard(discarded)
    pool.keep(crowded_out)
    pool.keep(expired)
    pool.opening()
    await trio.sleep(IDLE_SECONDS * 1.5)
    assert told == [("used", True), ("discarded", True), ("crowded-out", True), ("expired", True)]


async def test_the_one_used_last_is_taken_first(opened: Opened) -> None:
    pool: Pool[Pooled] = Pool(10)
    first, second = opened(pool), opened(pool)
    pool.keep(first)
    pool.keep(second)
    assert [pool.take(SHOP), pool.take(SHOP), pool.take(SHOP)] == [second, first, None]
    pool.drop(first)
    pool.drop(second)
    assert pool.open == 0


@pytest.mark.parametrize("farewell", [b"", b"408"])
async def test_one_that_the_peer_closed_or_wrote_to_is_not_taken(
    opened: Opened, peers: list[trio.socket.SocketType], farewell: bytes
) -> None:
    pool: Pool[Pooled] = Pool(10)
    pool.keep(opened(pool))
    if farewell:
        await peers[0].send(farewell)
    else:
        peers[0].close()
    assert pool.take(SHOP) is None
    assert pool.open == 0


async def test_none_is_taken_for_another_port_name_or_scheme(opened: Opened) -> None:
    pool: Pool[Pooled] = Pool(10)
    connection = opened(pool)
    pool.keep(connection)
    for other in (
        Origin("shop.example", 444, True),
        Origin("a.example", 443, True),
        Origin("shop.example", 443, False),
    ):
        assert pool.take(other) is None
    assert pool.take(SHOP) is connection
    pool.drop(connection)


async def test_only_so_many_of_one_origin_are_kept(opened: Opened) -> None:
    pool: Pool[Pooled] = Pool(100)
    connections = [opened(pool) for _ in range(40)]
    for connection in connections:
        pool.keep(connection)
    assert pool.open == 16
    while (kept := pool.take(SHOP)) is not None:
        pool.drop(kept)
    assert pool.open == 0


async def test_the_one_that_idled_longest_makes_room(opened: Opened) -> None:
    pool: Pool[Pooled] = Pool(2)
    old, new = Origin("old.example", 443, True), Origin("new.example", 443, True)
    pool.keep(opened(pool, old))
    pool.keep(opened(pool, new))
    third = opened(pool)
    assert pool.open == 2
    assert pool.take(old) is None
    kept = pool.take(new)
    assert kept is not None
    for connection in (kept, third):
        pool.drop(connection)
