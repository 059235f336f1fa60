"""When the disk is at fault, or held by another: what was asked is refused or kept, and the store recovers."""

import sqlite3
from pathlib import Path

import pytest

from gateway.messages import MessageState
from gateway.store import checkpoints, faults
from gateway.store.interface import StoreBusy, StoreFull


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
