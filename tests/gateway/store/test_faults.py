"""When the disk or an ask is at fault: who is guilty is told alone, what must not be lost is asked for again."""

import gc
import sqlite3
import weakref
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from gateway.identifiers import MESSAGE, public
from gateway.messages import MessageState
from gateway.store import checkpoints, faults, pending
from gateway.store.interface import DeliveryOutcome, StoreBusy, StoreFull
from gateway.store.sqlite import SqliteStore
from gateway.webhooks.payloads import event_body

SECOND = 1_000
MINUTE = 60 * SECOND


def break_it(work):
    work.execute("INSERT INTO audit (id, at, who, what) VALUES (1, 1, 'nobody', 'half a change')")
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
            bench.store.inbound(bench.an_inbound(text="Hello"), kept.append)
        assert kept == [True] * 3
        assert await bench.state(message) is MessageState.SENT
        assert bench.sql("SELECT count(*) FROM audit") == [(0,)]
        await bench.commit()
        assert len(bind.claims) == 2, "the slot that the answer freed is dealt"
        assert bench.ready_is_right()


async def test_an_answer_that_cannot_be_recorded_harms_no_other_ask_and_sends_nothing_twice(open_store):
    """The carrier has said that it took the message: that its event can't be rendered makes nothing doubtful."""

    def fussy(facts):
        if facts.type == "message.sent" and facts.message.tag == "unspeakable":
            raise ValueError("can't be said")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        message = await bench.accept_one(tag="unspeakable", expires_at=bench.clock() + 3_600 * SECOND)
        bind = bench.bind()
        await bind.ask(1)
        bench.store.answered(bind.name, [bind.an_answer(message)], 1, bind.kept.append)
        other = await bench.accept_one(lane="otp", expires_at=bench.clock() + SECOND)
        assert await bench.store.message(None, other) is not None
        await bind.ask(10)
        for _ in range(15):
            await bench.after(120 * SECOND)
        assert bind.messages.count(message) == 1


@pytest.mark.parametrize("unspeakable", [{"message.sent"}, {"message.sent", "message.delivered"}])
async def test_an_answer_whose_event_cannot_be_rendered_is_kept_with_the_receipt_before_it(open_store, unspeakable):
    def fussy(facts):
        if facts.type in unspeakable:
            raise ValueError("can't be said")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(1)
        assert await bench.receive(bench.a_receipt("77"))
        await bind.send(message, "77")
        for _ in range(3):
            await bench.commit()
        assert await bench.state(message) is MessageState.DELIVERED
        assert bench.told(message) == ["message.delivered"] * ("message.delivered" not in unspeakable)


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
    return DeliveryOutcome(delivery.id, delivery.endpoint, at, 20, ["not", "a", "number"], None, True, None)


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
    under_way = bench.under_way()
    pending = bench.sql("SELECT count(*) FROM events WHERE state IN (0, 1, 2)")[0][0]
    assert (counts["deliveries_under_way"], counts["events_pending"]) == (under_way, pending)
    (row,) = await bench.store.endpoints("shop")
    assert row.consecutive_failures == bench.store._writer.mirrors.endpoints.by_id[row.id].failures
    assert bench.ready_is_right()
    assert bench.store.backlog() == 1
    assert await bench.state(message) is MessageState.QUEUED


async def test_a_post_whose_outcome_cannot_be_written_is_made_again_in_a_while(bench):
    bench.take_deliveries()
    await bench.sent("1")
    (first,) = bench.deliveries
    bench.store.delivered(an_impossible_outcome(first, bench.clock()))
    await bench.after(0)
    assert bench.store.counts()["deliveries_under_way"] == 0
    assert bench.deliveries == [first], "not at once: that would never end"
    await bench.after(61 * SECOND)
    assert [d.webhook_id for d in bench.deliveries] == [first.webhook_id] * 2


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
    path = Path("/var/lib/sluice/sluice.db")
    for error, kind, where in ((full, StoreFull, "the disk of /var/lib/sluice is full"), (busy, StoreBusy, str(path))):
        told = faults.translated(error, path)
        assert isinstance(told, kind)
        assert where in str(told)
    assert faults.translated(other, path) is other
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


# --- who is guilty harms nobody else


def fussy(facts):
    if facts.message.tag == "unspeakable":
        raise ValueError(f"can't say to {facts.message.recipient} what is due")
    return event_body(facts)


async def test_of_answers_that_came_together_only_the_guilty_one_is_left_to_the_sweep(bench, caplog):
    first, guilty, last = await bench.accept(*(bench.a_message() for _ in range(3)))
    waiting = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(3)
    impossible = bind.an_answer(guilty, latency_ms="long for +34600000001")
    await bind.answer(bind.an_answer(first), impossible, bind.an_answer(last), room=1)
    await bench.commit()
    assert bind.kept == [True], "once for all, and they need not be put again"
    states = [await bench.state(m) for m in (first, guilty, last)]
    assert states == [MessageState.SENT, MessageState.SUBMITTING, MessageState.SENT]
    await bench.commit()
    assert bind.messages[3:] == [waiting], "the freed room is dealt once"
    assert f"left to the sweep message={public(MESSAGE, guilty)}" in caplog.text
    assert "+346" not in caplog.text


async def test_an_answer_whose_event_cannot_be_told_is_recorded_without_it(open_store):
    async with open_store(render=fussy) as bench:
        guilty, other = await bench.accept(bench.a_message(tag="unspeakable"), bench.a_message())
        bind = bench.bind()
        await bind.ask(2)
        await bind.answer(bind.an_answer(guilty), bind.an_answer(other), room=0)
        await bench.commit()
        assert bind.kept == [True]
        assert [await bench.state(m) for m in (guilty, other)] == [MessageState.SENT] * 2
        assert (bench.told(guilty), bench.told(other)) == ([], ["message.sent"])


async def test_an_ask_among_many_is_found_by_halves(open_store):
    async with open_store(store=Breakable) as bench:
        bench.store.observe = lambda seconds, rows: commits.append(rows)
        commits = []
        async with trio.open_nursery() as nursery:
            for _ in range(64):
                nursery.start_soon(bench.accept_one)
            nursery.start_soon(_guilty, bench)
        await bench.commit()
        assert bench.store.backlog() == 64
        assert len(commits) < 12, "not a commit for each"


async def test_a_message_that_cannot_be_settled_stops_neither_the_sweep_nor_the_deal(open_store, caplog):
    async with open_store(render=fussy) as bench:
        soon = bench.clock() + SECOND
        guilty, other = await bench.accept(
            bench.a_message(tag="unspeakable", expires_at=soon), bench.a_message(expires_at=soon)
        )
        await bench.after(2 * SECOND)
        assert await bench.state(other) is MessageState.EXPIRED
        assert await bench.state(guilty) is MessageState.QUEUED
        assert caplog.text.count(f"settling {public(MESSAGE, guilty)}") == 1
        assert "+346" not in caplog.text
        message, bind = await bench.accept_one(), bench.bind()
        await bind.ask(5)
        assert bind.messages[-1] == message
        assert bench.ready_is_right()
        pending = bench.sql("SELECT count(*) FROM events WHERE state IN (0, 1, 2)")[0][0]
        assert bench.store.counts()["events_pending"] == pending
        await bench.after(MINUTE + SECOND)
        assert caplog.text.count(f"settling {public(MESSAGE, guilty)}") >= 2, "tried again after a while"


async def test_a_message_that_cannot_be_claimed_holds_nobody_of_its_queue_up(bench, caplog):
    guilty, *others = await bench.accept(*(bench.a_message() for _ in range(3)))
    bench.sql(
        f"CREATE TRIGGER spoilt BEFORE UPDATE OF state ON messages WHEN new.id = {guilty} AND new.state = 3 "
        "BEGIN SELECT RAISE(ABORT, 'spoilt'); END"
    )
    bind = bench.bind()
    await bind.ask(2)
    await bench.commit()
    assert bind.messages == others
    assert await bench.state(guilty) is MessageState.RETRYING
    assert bench.ready_is_right()
    assert caplog.text.count(f"claiming {public(MESSAGE, guilty)}") == 1
    bench.sql("DROP TRIGGER spoilt")
    bench.store.ask(bind.name, 1)
    await bench.after(MINUTE + SECOND)
    assert bind.messages == [*others, guilty]


async def test_a_queue_that_cannot_be_read_waits_and_the_others_are_dealt(bench):
    await bench.accept_one()
    bench.sql("UPDATE messages SET text = CAST(x'ff' AS TEXT)")
    other = await bench.accept_one(lane="promotional")
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    bind = bench.bind()
    await bind.ask(2)
    await bench.commit()
    assert bind.messages == [other]
    await trio.sleep(0.2)
    assert len(commits) < 6, "what can't be dealt is not tried again and again"
    bench.sql("UPDATE messages SET text = 'x'")
    await bench.after(MINUTE + SECOND)
    assert len(bind.messages) == 2
    assert bench.ready_is_right()


async def test_an_endpoint_whose_events_cannot_be_claimed_stops_no_other(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 500)
    (members,) = bench.sql("SELECT members FROM deliveries")[0]
    bench.sql("UPDATE deliveries SET members = x'00'")
    await bench.after(10 * SECOND)
    for account, expected in (("curious", "curious"), ("shop", None)):
        before = len(bench.deliveries)
        message = await bench.accept_one(account=account)
        bind = bench.bind(f"telco/{account}")
        await bind.ask(1)
        await bind.send(message)
        await bench.commit()
        assert {d.account for d in bench.deliveries[before:]} == ({expected} if expected else set())
    counts = bench.store.counts()
    assert counts["deliveries_under_way"] == bench.under_way()
    bench.sql("UPDATE deliveries SET members = ? WHERE members = x'00'", members)
    await bench.after(MINUTE + SECOND)
    assert bench.deliveries[-1].webhook_id == bench.deliveries[0].webhook_id


async def test_what_cannot_be_erased_stops_nothing(bench, caplog):
    message = await bench.accept_one(expires_at=bench.clock() + MINUTE)
    bench.sql("CREATE TRIGGER held BEFORE UPDATE OF text_erased_at ON messages BEGIN SELECT RAISE(ABORT, 'held'); END")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(message, "7")
    await bench.receipt("7")
    await bench.after(24 * 60 * MINUTE)
    for _ in range(4):
        await bench.after(2 * SECOND)
    assert caplog.text.count('step="erasing texts"') == 1
    assert await bench.state(await bench.accept_one()) is MessageState.QUEUED
    bench.sql("DROP TRIGGER held")
    await bench.after(MINUTE)
    assert (await bench.story(message)).message.text is None


# --- who is told


async def test_a_fault_of_who_is_told_harms_no_other(bench, caplog):
    messages, bind = await bench.accept(*(bench.a_message() for _ in range(3))), bench.bind()

    def guilty(*said):
        raise LookupError("+34" + "600000001")

    await bind.ask(2)
    bench.store.answered(bind.name, [bind.an_answer(messages[0])], 0, guilty)
    bench.store.answered(bind.name, [bind.an_answer(messages[1])], 0, bind.kept.append)
    bench.store.receipt(bench.a_receipt("9", to="34699999999"), guilty)
    bench.store.observe = guilty
    bench.store.take_deliveries(guilty)
    other = bench.bind("telco/2")
    bench.store.open_window(other.name, "telco", guilty)
    bench.store.ask(other.name, 1)
    await bench.commit()
    assert bind.kept == [True]
    assert [await bench.state(m) for m in messages[:2]] == [MessageState.SENT] * 2
    await bench.commit()
    assert await bench.state(messages[2]) is MessageState.IN_DOUBT, "some of it may have been written"
    await bench.commit()
    assert bench.store.counts()["deliveries_under_way"] == 0
    assert "LookupError" in caplog.text
    assert "def guilty" in caplog.text or "in guilty" in caplog.text
    assert "+346" not in caplog.text
    bench.take_deliveries()
    await bench.after(MINUTE + SECOND)
    assert bench.types(bench.deliveries).count("message.sent") == 2


async def test_a_look_asked_for_during_a_transaction_is_taken_after_it(bench):
    token = trio.lowlevel.current_trio_token()
    # An idle store would come to each after a second.
    with trio.fail_after(30):
        for number in range(60):
            bench.store.take_deliveries(None)  # nobody is told any more
            await bench.sent(str(number))
            taken, told = [], trio.Event()

            def take(deliveries, taken=taken, told=told):
                taken.extend(deliveries)
                told.set()

            def register(work, take=take):
                trio.from_thread.run_sync(bench.store.take_deliveries, take, trio_token=token)

            await bench.store._order(register)
            await told.wait()
            for delivery in taken:
                await bench.outcome(delivery)


# --- how much at once


def test_a_batch_is_as_large_as_ten_milliseconds_allow():
    asked = pending.Pending()
    asked.receipts = [(None, None)] * 100_000
    assert len(asked.take().receipts) == 2_000
    for _ in range(30):
        asked.learn(1_000, 0.025)
    assert len(asked.take().receipts) == pytest.approx(400, abs=2)
    for _ in range(30):
        asked.learn(500, 1.0)
    assert len(asked.take().receipts) == 200
    for _ in range(60):
        asked.learn(500, 0.001)
    assert len(asked.take().receipts) == 2_000
    asked.learn(1, 1.0)
    assert len(asked.take().receipts) == 2_000, "a small batch tells nothing of what a row costs"


# --- checkpoints


async def test_a_checkpoint_that_is_in_the_way_or_has_no_room_is_made_another_time(bench, caplog):
    call = bench.store._writer._call
    await call(lambda connection: connection.execute("BEGIN IMMEDIATE") and None)
    assert not await checkpoints.attempt(call, checkpoints.truncate)
    await call(lambda connection: connection.execute("ROLLBACK") and None)
    assert "can't be moved" in caplog.text
    assert await checkpoints.attempt(call, checkpoints.truncate)


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (sqlite3.SQLITE_FULL, None),
        (sqlite3.SQLITE_IOERR_SHMSIZE, None),
        (sqlite3.SQLITE_IOERR_WRITE, faults.DiskUnsure),
        (sqlite3.SQLITE_ERROR, sqlite3.OperationalError),
    ],
)
async def test_a_checkpoint_that_fails_ends_the_process_unless_it_is_for_want_of_room(code, raised):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code

    async def call(move):
        raise error

    if raised is None:
        assert not await checkpoints.attempt(call, checkpoints.truncate)
    else:
        with pytest.raises(raised):
            await checkpoints.attempt(call, checkpoints.truncate)


# --- what a transaction leaves behind


class Odd(Exception):  # noqa: N818
    """One that a weak reference can be made of."""


@pytest.mark.parametrize("ends", ["well", "badly"])
async def test_the_cursor_of_a_transaction_is_closed_in_its_thread_however_it_ended(bench, ends):
    kept = []

    def change(work):
        kept.append(work)
        work.execute("SELECT id FROM queues UNION ALL SELECT 1 UNION ALL SELECT 2").fetchone()
        if ends == "badly":
            raise Odd

    if ends == "badly":
        with pytest.raises(Odd):
            await bench.store._order(change)
    else:
        await bench.store._order(change)
    for work in kept:
        with pytest.raises(sqlite3.ProgrammingError, match="closed cursor"):
            await bench.store._writer._call(lambda connection, work=work: work.execute("SELECT 1"))


async def test_what_fails_apart_is_gone_with_its_step_and_waits_for_no_garbage_collector(bench):
    """What it holds would else end in whichever thread the collector runs."""

    def fail(errors):
        error = Odd("words of a message")
        errors.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    def change(work):
        errors = []
        gc.disable()
        try:
            with work.apart("trying") as failed:
                fail(errors)
            return failed, errors[0]()
        finally:
            gc.enable()

    assert await bench.store._order(change) == (["trying"], None)
