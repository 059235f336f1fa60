"""What comes from many callers at once is waited for a little, and written by one transaction."""

import trio

from gateway.store import gathering
from gateway.store.gathering import MOST_SECONDS, QUIET_TURNS, gather


class Crowd:
    """Asks that come one in a turn of the loop, after the two that are there."""

    def __init__(self, coming, every_seconds=0.0, clock=None):
        self.asked = 2
        self._coming = coming
        self._every_seconds = every_seconds
        self._clock = clock

    async def come(self):
        for _ in range(self._coming):
            self.asked += 1
            if self._clock is not None:
                self._clock.jump(self._every_seconds)
            await trio.lowlevel.checkpoint()

    def count(self):
        return self.asked


async def gathered(crowd):
    """How many were there when no more were waited for."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.come)
        await gather(crowd.count)
        found = crowd.asked
        nursery.cancel_scope.cancel()
    return found


async def turns_of(asked):
    """For how many turns of the loop so many asks are held up that get no company."""
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await gather(lambda: asked)
        nursery.cancel_scope.cancel()
    return turns


async def test_asks_that_come_turn_by_turn_are_waited_for(mock_clock):
    assert await gathered(Crowd(coming=50)) == 52


async def test_a_crowd_without_end_is_not_waited_for_to_its_end(mock_clock):
    found = await gathered(Crowd(coming=1_000, every_seconds=MOST_SECONDS / 10, clock=mock_clock))
    assert 10 <= found - 2 <= 12


async def test_an_ask_that_is_alone_waits_for_nobody():
    assert await turns_of(1) == 0


async def test_asks_without_company_wait_for_some_turns_only():
    assert await turns_of(2) <= QUIET_TURNS + 1


async def test_messages_of_callers_that_come_turn_by_turn_are_one_transaction(bench, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_SECONDS", 60.0)
    statements = []
    await bench.store._writer._connection.call(lambda connection: connection.set_trace_callback(statements.append))

    async def call(turn):
        for _ in range(turn):
            await trio.lowlevel.checkpoint()
        await bench.accept(bench.a_message())

    async with trio.open_nursery() as nursery:
        for caller in range(40):
            nursery.start_soon(call, caller // 2)
    assert bench.sql("SELECT count(*) FROM messages") == [(40,)]
    assert statements.count("COMMIT") == 1
