"""When the store's own work fails for a fault of ours: put off alone, for longer each time; the rest goes on."""

import re
import sqlite3

import pytest
import trio

from gateway.messages import MessageState
from gateway.store.put_off_steps import FIRST_MS, MOST_MS, PutOffSteps
from gateway.store.queues import Queues
from gateway.store.sqlite import SqliteStore
from gateway.store.transaction import Own, Step

SECOND = 1_000
MINUTE = 60 * SECOND
A_WHILE = 0.2
"""Seconds in which a loop that does not wait makes hundreds of transactions."""


class Breakable(SqliteStore):
    async def do_wrong(self):
        def wrong(work):
            raise LookupError("guilty")

        await self._order(wrong)


@pytest.fixture
def put_off(caplog):
    """For each time that a step was put off: its name and the seconds."""
    line = re.compile(r'^failed and is put off step="?([^"=]+)"? seconds=(\d+) ')

    def said():
        found = [line.match(record.getMessage()) for record in caplog.records]
        return [(match[1], int(match[2])) for match in found if match]

    return said


def transactions_of(bench):
    """Grows by one with each that is written."""
    written = []
    bench.store.observe = lambda seconds, rows: written.append(rows)
    return written


async def break_the_sweep(bench):
    """A row is due that can't be read."""
    message = await bench.accept_one(scheduled_at=bench.clock() + SECOND)
    bench.sql("UPDATE messages SET recipient = CAST(x'ff' AS TEXT) WHERE id = ?", message)
    bench.clock.advance(SECOND)
    return message


def mend_the_sweep(bench, message):
    bench.sql("UPDATE messages SET recipient = '+34600000001' WHERE id = ?", message)


async def test_a_sweep_that_fails_is_neither_an_outage_nor_a_loop_that_never_waits(bench, put_off, caplog):
    await break_the_sweep(bench)
    written = transactions_of(bench)
    for _ in range(3):
        await bench.commit()
        await trio.sleep(A_WHILE)
    assert put_off() == [("settling what is due", 1)]
    assert len(written) < 20
    assert "can't write" not in caplog.text
    assert "run in parts" not in caplog.text


async def test_a_step_that_goes_on_failing_is_tried_less_and_less_often_and_told_once_each_time(bench, put_off):
    await break_the_sweep(bench)
    for _ in range(64 + 61):
        await bench.after(SECOND)
    assert [seconds for _, seconds in put_off()] == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_while_a_sweep_fails_messages_are_taken_and_dealt_and_once_it_works_the_rest_follows(
    bench, put_off, caplog
):
    late = await break_the_sweep(bench)
    await bench.commit()
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(5)
    await bind.send(message)
    assert await bench.state(message) is MessageState.SENT
    assert len(put_off()) == 1
    mend_the_sweep(bench, late)
    await bench.after(2 * SECOND)
    await bench.commit()
    assert bind.messages == [message, late]
    assert 'no longer fails step="settling what is due"' in caplog.text
    assert bench.ready_is_right()


async def test_a_look_at_ages_that_succeeds_again_is_put_off_no_longer(bench, put_off, caplog, monkeypatch):
    await bench.accept_one()

    def look(queues, *given):
        raise LookupError("guilty")

    with monkeypatch.context() as broken:
        broken.setattr(Queues, "look_at_ages", look)
        for _ in range(3):
            await bench.after(SECOND)
    assert put_off()[0] == ("looking how long the oldest wait", 1)
    for _ in range(10):
        await bench.after(SECOND)
    assert "no longer fails" in caplog.text


async def test_who_asks_is_not_blamed_for_what_the_store_does_of_itself(bench, put_off, caplog):
    await bench.receipt("unheard-of", to="1")
    bench.sql("ALTER TABLE parked RENAME TO elsewhere")
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    assert bind.messages == [message]
    assert "finding what is due next" in dict(put_off())
    assert "run in parts" not in caplog.text
    written = transactions_of(bench)
    await trio.sleep(A_WHILE)
    assert len(written) < 10
    bench.sql("ALTER TABLE elsewhere RENAME TO parked")
    scheduled = await bench.accept_one(scheduled_at=bench.clock() + MINUTE)
    await bench.after(MINUTE + SECOND)
    assert await bench.state(scheduled) is MessageState.QUEUED, "what is due is known again"


async def test_a_transaction_that_fails_with_nothing_asked_for_is_not_tried_again_at_once(open_store, put_off):
    async with open_store(store=Breakable) as bench:
        bench.sql("ALTER TABLE deliveries RENAME TO elsewhere")
        with pytest.raises(sqlite3.OperationalError):
            await bench.store.do_wrong()
        await trio.sleep(A_WHILE)
        assert put_off() == [("a transaction with nothing asked for", 1)]
        with pytest.raises(sqlite3.OperationalError):
            await bench.commit()
        bench.sql("ALTER TABLE elsewhere RENAME TO deliveries")
        await bench.commit()
        await bench.after(SECOND)
        bind = bench.bind()
        await bench.accept_one()
        assert len(await bind.ask(1)) == 1


async def test_an_outage_ends_although_the_store_s_own_work_fails(bench, caplog, put_off):
    await bench.store._writer._call(lambda connection: connection.execute("PRAGMA busy_timeout = 10") and None)
    await break_the_sweep(bench)
    other = sqlite3.connect(bench.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Exception, match="locked"):
        await bench.commit()
    other.close()
    written = transactions_of(bench)
    await bench.commit()
    assert "the store writes again" in caplog.text
    assert put_off() == [("settling what is due", 1)]
    await trio.sleep(A_WHILE)
    assert len(written) < 10


# --- by themselves


def test_each_step_has_its_own_delay_and_all_is_all():
    put_off = PutOffSteps()
    put_off.failed(Step.SWEEP, ValueError(), 0)
    assert put_off
    assert not put_off.may_run(Step.SWEEP, FIRST_MS - 1)
    assert put_off.may_run(Step.DEAL, 0)
    assert put_off.may_run(Step.SWEEP, FIRST_MS)
    put_off.failed(Step.ALL, ValueError(), 0)
    assert not put_off.may_run(Step.DEAL, 0)
    put_off.ran(Own(sweep=True))
    assert not put_off


def test_a_clock_that_is_set_back_holds_nothing_for_longer():
    put_off = PutOffSteps()
    put_off.failed(Step.SWEEP, ValueError(), 10 * MOST_MS)
    assert put_off.may_run(Step.SWEEP, 0)
    assert put_off.wake_at(5, 0) == 5


def test_while_it_is_not_known_when_a_row_is_due_the_writer_looks_every_second():
    put_off = PutOffSteps()
    put_off.failed(Step.PLAN, ValueError(), 0)
    assert put_off.wake_at(None, 100) == 100 + FIRST_MS
    assert put_off.wake_at(200, 100) == 200
