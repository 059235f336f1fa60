"""What comes from many callers at once is waited for a little, and written by one transaction."""

import pytest
import trio

from gateway.store import gathering
from gateway.store.gathering import MOST_SECONDS, QUIET_SECONDS, QUIET_TURNS, gather
from gateway.store.pending import Pending
from gateway.store.transaction import AnswersIn, Order


class Crowd:
    """Asks that come one in a turn of the loop, after the first two; `turn_seconds`: what a turn takes."""

    def __init__(self, clock, coming=0, turn_seconds=0.0, enough=10_000):
        self.asked = 2
        self.turns = 0
        self._clock = clock
        self._coming = coming
        self._turn_seconds = turn_seconds
        self._enough = enough

    def count(self):
        return self.asked

    def is_full(self):
        return self.asked >= self._enough

    async def come(self):
        while True:
            self.turns += 1
            self.asked += self.turns <= self._coming
            self._clock.jump(self._turn_seconds)
            await trio.lowlevel.checkpoint()


async def gathered(crowd):
    """How many were there when no more were waited for."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.come)
        await gather(crowd)
        found = crowd.asked
        nursery.cancel_scope.cancel()
    return found


async def test_asks_that_come_turn_by_turn_are_waited_for(mock_clock):
    assert await gathered(Crowd(mock_clock, coming=50)) == 52


async def test_a_crowd_without_end_is_not_waited_for_to_its_end(mock_clock):
    found = await gathered(Crowd(mock_clock, coming=1_000, turn_seconds=MOST_SECONDS / 10))
    assert 10 <= found - 2 <= 12


async def test_no_more_are_waited_for_than_a_transaction_takes(mock_clock):
    assert await gathered(Crowd(mock_clock, coming=50, enough=20)) in (20, 21)


async def test_asks_without_company_wait_for_some_turns_only(mock_clock):
    crowd = Crowd(mock_clock)
    await gathered(crowd)
    assert QUIET_TURNS - 1 <= crowd.turns <= QUIET_TURNS + 1


async def test_they_wait_for_one_turn_where_turns_are_long(mock_clock):
    crowd = Crowd(mock_clock, turn_seconds=QUIET_SECONDS)
    await gathered(crowd)
    assert crowd.turns <= 2


async def test_an_ask_that_is_alone_waits_for_nobody(mock_clock):
    crowd = Crowd(mock_clock)
    crowd.asked = 1
    await gathered(crowd)
    assert crowd.turns <= 1


def an_order(rows=1):
    return Order(lambda work: None, rows, lambda result, error: None)


@pytest.mark.parametrize("name", ["urgent_accepts", "accepts", "by_hand", "answers", "receipts", "inbound", "outcomes"])
def test_what_comes_by_itself_may_be_of_a_crowd(name):
    asked = Pending()
    getattr(asked, name).extend(["one", "another"])
    assert asked.count() == 2


@pytest.mark.parametrize("name", ["released", "doubted"])
def test_what_a_lost_link_leaves_is_no_crowd(name):
    asked = Pending()
    getattr(asked, name).extend(["one", "another"])
    assert asked.count() == 0


def test_a_batch_is_full_by_its_rows():
    asked = Pending()
    asked.accepts = [an_order(500) for _ in range(3)]
    assert not asked.is_full()
    asked.answers = [AnswersIn("telco/0", "telco", ["answer"] * 300, 300, kept=lambda error: None)]
    asked.receipts = ["receipt"] * 199
    assert not asked.is_full()
    asked.by_hand = [an_order()]
    assert asked.is_full()


@pytest.fixture
def commits(bench):
    """How many rows were asked for in each transaction that was asked for any."""
    seen = []
    bench.store.observe = lambda seconds, rows: rows and seen.append(rows)
    return seen


@pytest.fixture
def patient(monkeypatch):
    """Only turns count, on however slow a machine."""
    monkeypatch.setattr(gathering, "MOST_SECONDS", 60.0)
    monkeypatch.setattr(gathering, "QUIET_SECONDS", 60.0)


@pytest.mark.usefixtures("patient")
async def test_messages_of_callers_that_come_turn_by_turn_are_one_transaction(bench, commits):
    async def call(turn):
        for _ in range(turn):
            await trio.lowlevel.checkpoint()
        await bench.accept(bench.a_message())

    async with trio.open_nursery() as nursery:
        for caller in range(40):
            nursery.start_soon(call, caller // 2)
    assert bench.sql("SELECT count(*) FROM messages") == [(40,)]
    assert len(commits) == 1


@pytest.mark.usefixtures("patient")
async def test_a_store_that_is_stopped_while_it_waits_for_others_writes_what_is_there(bench, commits):
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(bench.accept, bench.a_message())
        for _ in range(QUIET_TURNS - 1):
            await trio.lowlevel.checkpoint()
        assert commits == []
        bench.store.stop()
    assert bench.sql("SELECT count(*) FROM messages") == [(2,)]
    assert len(commits) == 1
