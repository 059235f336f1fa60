"""What a transaction leaves behind: nothing in memory that is not in the rows, no cursor, nobody who waits for ever."""

import gc
import sqlite3
import weakref

import pytest
import trio

from gateway.messages import MessageState
from gateway.store.interface import DeliveryOutcome

SECOND = 1_000


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
