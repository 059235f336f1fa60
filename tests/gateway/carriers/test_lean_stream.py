"""A stream that needs fewer turns of the loop, and is Trio's own in all else."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio
import trio.testing

from gateway.carriers.lean_stream import LeanStream

LONG = bytes(range(256)) * 40_000


def a_connection() -> tuple[LeanStream, trio.SocketStream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    streams = [trio.SocketStream(trio.socket.from_stdlib_socket(end)) for end in (ours, theirs)]
    return LeanStream(streams[0]), streams[1]


@pytest.fixture
async def ends() -> AsyncIterator[tuple[LeanStream, trio.SocketStream]]:
    ours, theirs = a_connection()
    yield ours, theirs
    await ours.aclose()
    await theirs.aclose()


async def test_what_fits_is_written_at_once_and_read_when_it_comes(ends: tuple[LeanStream, trio.SocketStream]) -> None:
    ours, theirs = ends
    with trio.testing.assert_no_checkpoints():
        sending = ours.send_all(b"enquire_link")
        with pytest.raises(StopIteration):
            sending.send(None)
    assert await theirs.receive_some() == b"enquire_link"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(theirs.send_all, b"enquire_link_resp")
        assert await ours.receive_some(7) == b"enquire"
    assert await ours.receive_some() == b"_link_resp"
    await theirs.send_eof()
    assert await ours.receive_some() == b""


async def test_what_is_more_than_the_peer_has_room_for_follows_once_it_reads(
    ends: tuple[LeanStream, trio.SocketStream],
) -> None:
    ours, theirs = ends
    read = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, LONG)
        while len(read) < len(LONG):
            read += await theirs.receive_some()
    assert bytes(read) == LONG
    await ours.wait_send_all_might_not_block()


async def test_a_peer_that_is_gone_is_a_broken_stream(ends: tuple[LeanStream, trio.SocketStream]) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await theirs.aclose()
    with pytest.raises(trio.BrokenResourceError, match="reset"):
        await ours.receive_some()
    with pytest.raises(trio.BrokenResourceError, match="pipe"):
        await ours.send_all(b"enquire_link")


async def test_one_that_was_closed_touches_no_descriptor_any_more(ends: tuple[LeanStream, trio.SocketStream]) -> None:
    ours, _ = ends
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await ours.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some()
    with pytest.raises(trio.ClosedResourceError):
        await ours.send_all(b"enquire_link")


async def test_one_that_is_closed_while_octets_come_touches_its_descriptor_no_more() -> None:
    for _ in range(20):  # which of two tasks that one turn wakes is first is chance
        ours, theirs = a_connection()
        closer, closers_peer = a_connection()

        async def read(ours: LeanStream = ours) -> None:
            with suppress(trio.ClosedResourceError):
                assert await ours.receive_some() == b"ours"

        async def close(ours: LeanStream = ours, closer: LeanStream = closer) -> None:
            await closer.receive_some()
            await ours.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            nursery.start_soon(close)
            await trio.testing.wait_all_tasks_blocked()
            # Without giving way in between, so that one turn wakes both.
            os.write(theirs.socket.fileno(), b"ours")
            os.write(closers_peer.socket.fileno(), b"close")
        for end in (theirs, closer, closers_peer):
            await end.aclose()


async def test_two_tasks_never_write_into_each_others_midst(ends: tuple[LeanStream, trio.SocketStream]) -> None:
    ours, theirs = ends
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, LONG)
        await trio.testing.wait_all_tasks_blocked()
        # There is room again before who waits for it was woken.
        assert LONG.startswith(os.read(theirs.socket.fileno(), len(LONG)))
        with pytest.raises(trio.BusyResourceError):
            await ours.send_all(b"unbind_resp")
        nursery.cancel_scope.cancel()


async def test_a_write_that_was_cut_short_says_nothing_of_those_that_follow(
    ends: tuple[LeanStream, trio.SocketStream],
) -> None:
    ours, theirs = ends
    with trio.move_on_after(0):
        await ours.send_all(LONG)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.send_all, b"unbind_resp")
        received = b""
        while not received.endswith(b"unbind_resp"):
            received += await theirs.receive_some()
