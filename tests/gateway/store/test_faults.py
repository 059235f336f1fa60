"""When the disk or an ask is at fault: who is guilty is told alone, what must not be lost is asked for again."""

import sqlite3
from functools import partial

import pytest
import trio
import trio.testing

from gateway.messages import MessageState
from gateway.store import faults
from gateway.store.interface import DeliveryOutcome, StoreBusy, StoreFull
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

SECOND = 1_000


def break_it(work):
    work.execute("INSERT INTO changes_by_hand (id, at, who, what) VALUES (1, 1, 'nobody', 'half a change')")
    raise LookupError("guilty")


class Breakable(SqliteStore):
    """A store that can be asked for something wrong."""

    async def do_wrong(self):
        await self._order(break_it)


async def _guilty(bench):
    with pytest.raises(LookupError):
        await bench.store.do_wrong()


async def limit_pages(bench, more):
    """From now on the database may grow by so many pages only, as on a disk that is nearly full."""

    def limit(connection):
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + more}")

    await bench.store._writer._call(limit)


async def lift_limit(bench):
    def lift(connection):
        connection.execute("PRAGMA max_page_count = 1073741823")

    await bench.store._writer._call(lift)


async def test_only_the_guilty_ask_of_a_batch_fails(open_store):
    async with open_store(store=Breakable) as bench:
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(1)
        kept = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_guilty, bench)
            nursery.start_soon(bench.accept_one)
            nursery.start_soon(bench.commit)
            bench.store.answered(bind.name, [bind.an_answer(message)], 1, kept.append)
            bench.store.receipt(bench.a_receipt("unheard-of", to="1"), kept.append)
            bench.store.inbound(bench.an_inbound(), kept.append)
        assert kept == [True] * 3
        assert await bench.state(message) is MessageState.SENT
        assert bench.sql("SELECT count(*) FROM changes_by_hand") == [(0,)]
        await bench.commit()
        assert len(bind.claims) == 2, "the slot that the answer freed is dealt"
        assert bench.ready_is_right()


async def test_an_event_that_cannot_be_rendered_fails_the_ask_that_would_file_it_and_no_other(open_store):
    def fussy(facts):
        if facts.message.tag == "unspeakable":
            raise ValueError("can't be said")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        message, bind = await bench.accept_one(tag="unspeakable"), bench.bind()
        await bind.ask(1)
        bench.store.answered(bind.name, [bind.an_answer(message)], 0, bind.kept.append)
        other = await bench.accept_one()
        assert bind.kept == [False]
        assert await bench.state(message) is MessageState.SUBMITTING
        assert await bench.state(other) is MessageState.QUEUED


async def test_a_full_disk_refuses_what_is_asked_and_the_store_recovers(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    backlog = bench.store.backlog()
    await limit_pages(bench, 0)
    big = bench.a_message(text="x" * 100_000, expires_at=bench.clock() + 10**9)
    with pytest.raises(StoreFull):
        await bench.store.accept(bench.a_submission(big))
    assert bench.store.backlog() == backlog
    receipt = bench.a_receipt("9", raw="x" * 100_000)
    kept = []
    bench.store.receipt(receipt, kept.append)
    answer = bind.an_answer(message, carrier_message_id="y" * 100_000)
    bench.store.answered(bind.name, [answer], 1, bind.kept.append)
    await bench.commit()
    assert (kept, bind.kept) == ([False], [False])
    await lift_limit(bench)
    await bench.store.accept(bench.a_submission(big))
    assert await bench.receive(receipt)
    await bind.answer(answer, room=1)
    assert bind.kept == [False, True]
    assert await bench.state(message) is MessageState.SENT
    assert bench.ready_is_right()


async def test_what_nobody_waits_for_is_written_once_the_disk_has_room(bench):
    messages, bind = await bench.accept(*(bench.a_message() for _ in range(2))), bench.bind()
    bench.take_deliveries()
    await bind.ask(2)
    await bind.send(messages[0])
    delivery = bench.deliveries[0]
    await limit_pages(bench, 0)
    writer = bench.store._writer
    async with trio.open_nursery() as nursery:
        big = bench.a_submission(bench.a_message(text="x" * 100_000))

        async def refused():
            with pytest.raises(StoreFull):
                await bench.store.accept(big)

        nursery.start_soon(refused)
        bench.store.doubt(bind.name, bind.names(messages[1]), 0)
        await bench.outcome(delivery, 500, error="x" * 100_000)
    assert bench.store.counts()["deliveries_under_way"] == 1
    await lift_limit(bench)
    await bench.commit()
    await bench.commit()
    assert writer.pending.is_empty()
    assert await bench.state(messages[1]) is MessageState.IN_DOUBT
    assert bench.store.counts()["deliveries_under_way"] == 0


def an_impossible_outcome(delivery, at):
    """One that no column can hold."""
    return DeliveryOutcome(delivery.id, delivery.endpoint, at, 20, 200, ["not", "a", "text"], True, None)


async def test_a_transaction_that_fails_leaves_the_mirrors_as_the_rows_are(bench):
    """What was done before the fault, in the same transaction, is undone in memory too, and done once."""
    bench.take_deliveries()
    message, other = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    for _ in range(3):
        await bench.sent("1", recipient="+34600000002")
    first, second, third = bench.deliveries
    at = bench.clock()
    bench.store.release(bind.name, bind.names(message), 0)
    bench.store.answered(bind.name, [bind.an_answer(other)], 0, bind.kept.append)
    bench.store.delivered(DeliveryOutcome(first.id, first.endpoint, at, 20, 500, "x", False, at + SECOND))
    bench.store.delivered(an_impossible_outcome(second, at))
    bench.store.delivered(DeliveryOutcome(third.id, third.endpoint, at, 20, 500, "x", False, at + SECOND))
    await bench.commit()
    await bench.commit()
    counts = bench.store.counts()
    under_way = bench.sql("SELECT count(*) FROM deliveries WHERE under_way = 1")[0][0]
    pending = bench.sql("SELECT count(*) FROM events WHERE state = 1")[0][0]
    assert (counts["deliveries_under_way"], counts["events_pending"]) == (under_way, pending)
    (row,) = await bench.store.endpoints("shop")
    assert row.consecutive_failures == bench.store._writer.mirrors.endpoints.by_id[row.id].failures
    assert bench.ready_is_right()
    assert bench.store.backlog() == 1
    assert await bench.state(message) is MessageState.QUEUED


async def test_a_post_whose_outcome_cannot_be_written_is_made_again_after_a_restart(bench):
    bench.take_deliveries()
    await bench.sent("1")
    bench.store.delivered(an_impossible_outcome(bench.deliveries[0], bench.clock()))
    await bench.commit()
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        assert [d.webhook_id for d in after.deliveries] == [bench.deliveries[0].webhook_id]


async def be_impatient(bench):
    """Wait for another's lock for a moment only."""

    def shorten(connection):
        connection.execute("PRAGMA busy_timeout = 10")

    await bench.store._writer._call(shorten)


async def test_a_database_locked_by_another_is_busy_and_the_store_recovers(bench):
    await be_impatient(bench)
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    other = sqlite3.connect(bench.store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        kept = []
        bench.store.answered(bind.name, [bind.an_answer(message)], 0, bind.kept.append)
        bench.store.receipt(bench.a_receipt("9"), kept.append)
        with pytest.raises(StoreBusy):
            await bench.accept_one()
        assert (kept, bind.kept) == ([False], [False])
    finally:
        other.close()
    await bind.send(message)
    await bench.accept_one()
    assert await bench.state(message) is MessageState.SENT


async def test_a_lock_that_lasts_costs_no_busy_loop(bench, caplog):
    await be_impatient(bench)
    await bench.accept_one()
    bind = bench.bind()
    other = sqlite3.connect(bench.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    bench.store.ask(bind.name, 1)
    with pytest.raises(StoreBusy):
        await bench.commit()
    with pytest.raises(StoreBusy):
        await bench.commit()
    other.close()
    assert caplog.text.count("tries again") <= 4, "each failure is followed by a pause"
    await bench.commit()
    await bench.commit()
    assert len(bind.claims) == 1


async def test_an_io_error_ends_the_writer(open_store):
    with pytest.RaisesGroup(pytest.RaisesExc(faults.DiskUnsure), allow_unwrapped=True, flatten_subgroups=True):
        async with open_store() as bench:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC

            def fail(work):
                raise error

            await bench.store._order(fail)


async def test_only_errors_of_sqlite_are_translated():
    full, busy = sqlite3.OperationalError("full"), sqlite3.OperationalError("busy")
    full.sqlite_errorcode, busy.sqlite_errorcode = sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY_SNAPSHOT
    other = ValueError("x")
    assert isinstance(faults.translated(full), StoreFull)
    assert isinstance(faults.translated(busy), StoreBusy)
    assert faults.translated(other) is other
    assert faults.is_passing(full)
    assert faults.is_passing(busy)
    assert not faults.is_busy(full)
    assert not faults.is_passing(other)


def test_the_reserve_is_looked_at_again_after_a_moment(tmp_path):
    faults.DiskReserve(tmp_path / "x.db", 0).check()
    with pytest.raises(StoreFull):
        faults.DiskReserve(tmp_path / "x.db", 1 << 60).check()


async def test_a_cancelled_caller_of_a_batch_that_fails_harms_nobody(open_store):
    async with open_store(store=Breakable) as bench:
        message = bench.a_message()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(bench.store.accept, bench.a_submission(message)))
            nursery.start_soon(_guilty, bench)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await bench.commit()
        await bench.commit()
        assert await bench.state(message.id) is MessageState.QUEUED
