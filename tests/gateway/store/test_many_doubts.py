"""A lost link may leave many doubts at once: each is settled by its own receipt, and none holds the writer for long."""

import sqlite3

import pytest
import trio

from gateway.messages import MessageState
from gateway.store import due, parked, pending
from gateway.store.connection import migrate

MANY = 1_000
RECEIVED = 30
MINUTE = 60_000
STATEMENTS_A_DOUBT = 25
"""At most, with those of its receipt and its event."""


def number(n):
    return f"+34611{n:06}"


async def claimed(bench, count=MANY, **changes):
    """So many messages, each for a number of its own, unanswered on one bind."""
    bind = bench.bind()
    bench.store.ask(bind.name, count)
    messages = await bench.accept(*[bench.a_message(recipient=number(n), **changes) for n in range(count)])
    while len(bind.claims) < count:
        await bench.commit()
    return messages, bind


async def receive(bench, numbers, written="{}"):
    """Receipts whose ids nobody knows."""
    kept = []
    for n in numbers:
        bench.store.receipt(bench.a_receipt(f"X{n}", to=written.format(number(n)[1:])), kept.append)
    while len(kept) < len(numbers):
        await bench.commit()
    assert all(kept)


async def lose(bench, bind, messages):
    """The link is lost with all of them unanswered."""
    bench.store.doubt(bind.name, [name for message in messages for name in bind.names(message)], 0)
    while bench.store._writer.pending.doubted:
        await bench.commit()
    await bench.commit()


async def states(bench, messages=None):
    """How many there are of each state."""
    rows = bench.sql("SELECT id, state FROM messages")
    found = [MessageState(state) for message, state in rows if messages is None or message in messages]
    return {state: found.count(state) for state in set(found)}


async def traced(bench):
    """The statements of each transaction from now on."""
    commits = [0]

    def count(sql):
        if sql.startswith("COMMIT"):
            commits.append(0)
        else:
            commits[-1] += 1

    await bench.store._writer._connection.call(lambda connection: connection.set_trace_callback(count))
    return commits


async def test_a_thousand_doubts_with_their_receipts_parked_are_settled_and_none_is_sent_again(bench):
    messages, bind = await claimed(bench)
    await receive(bench, range(MANY))
    assert bench.store.counts()["parked"] == MANY
    commits = await traced(bench)
    await lose(bench, bind, messages)
    assert max(commits) <= pending.MOST_DOUBTED * STATEMENTS_A_DOUBT, "the writer is held by some of them only"
    assert await states(bench) == {MessageState.DELIVERED: MANY}
    assert bench.store.counts()["parked"] == 0
    await bench.after(MINUTE)
    assert len(bind.claims) == MANY
    assert bench.sql("SELECT count(*) FROM messages WHERE possible_duplicate = 1") == [(0,)]


async def test_a_crash_with_a_thousand_receipts_parked_leaves_no_doubt(bench):
    await claimed(bench)
    await receive(bench, range(MANY))
    async with bench.after_a_crash() as after:
        assert after.store.started_with_doubts == MANY
        assert await states(after) == {MessageState.DELIVERED: MANY}
        assert await after.bind().ask(1) == []


async def test_an_answer_does_not_wait_behind_all_the_doubts_of_a_lost_link(bench):
    messages, bind = await claimed(bench)
    other = bench.bind("telco/2")
    (message,) = await bench.accept(bench.a_message(recipient=number(MANY)))
    await other.ask(1)
    bench.store.doubt(bind.name, [name for m in messages for name in bind.names(m)], 0)
    await other.send(message)
    assert await bench.state(message) is MessageState.SENT
    assert bench.store._writer.pending.doubted
    await lose(bench, bind, [])
    assert await states(bench, messages) == {MessageState.IN_DOUBT: MANY}


async def test_the_sweep_settles_many_doubts_some_at_a_time(bench):
    messages, bind = await claimed(bench)
    await lose(bench, bind, messages)
    commits = await traced(bench)
    bench.clock.advance(MINUTE)
    with trio.fail_after(30):
        while MessageState.IN_DOUBT in await states(bench):
            await bench.commit()
    assert await states(bench) == {MessageState.QUEUED: MANY}
    assert max(commits) <= due.DOUBTS_A_TRANSACTION * STATEMENTS_A_DOUBT


@pytest.mark.parametrize("written", ["{}", "00{}", "+{}"])
async def test_receipts_settle_some_of_a_thousand_doubts_however_they_write_the_number(bench, written):
    messages, bind = await claimed(bench)
    await lose(bench, bind, messages)
    commits = await traced(bench)
    await receive(bench, range(RECEIVED), written)
    assert max(commits) <= RECEIVED * STATEMENTS_A_DOUBT
    assert await states(bench, messages[:RECEIVED]) == {MessageState.DELIVERED: RECEIVED}
    assert await states(bench, messages[RECEIVED:]) == {MessageState.IN_DOUBT: MANY - RECEIVED}
    assert bench.store.counts()["parked"] == 0


@pytest.mark.parametrize("is_parked", [True, False])
async def test_a_receipt_that_writes_the_number_nationally_settles_a_doubt_among_many(bench, is_parked):
    messages, bind = await claimed(bench)
    if is_parked:
        await bench.receipt("X7", to=f"0{number(7)[3:]}")
    await lose(bench, bind, messages)
    if not is_parked:
        await bench.receipt("X7", to=f"0{number(7)[3:]}")
    assert await states(bench, [messages[7]]) == {MessageState.DELIVERED: 1}
    assert (await states(bench))[MessageState.IN_DOUBT] == MANY - 1


async def test_pain_6_an_id_given_again_after_a_restart_settles_the_doubt_for_the_number_it_names(bench):
    """The message that has the id from before the restart is open too, and its receipt comes later."""
    before = await bench.sent("A1", recipient=number(1))
    after = await bench.accept_one(recipient=number(2))
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(after)

    await bench.receipt("A1", to=number(2)[1:])

    assert [await bench.state(m) for m in (before, after)] == [MessageState.SENT, MessageState.DELIVERED]
    await bench.receipt("A1", "UNDELIV", to=number(1)[1:])
    assert await bench.state(before) is MessageState.UNDELIVERED


async def test_of_many_doubts_two_for_one_number_are_settled_by_no_receipt(bench):
    messages, bind = await claimed(bench, RECEIVED)
    (again,) = await bench.accept(bench.a_message(recipient=number(0)))
    other = bench.bind("telco/2")
    await other.ask(1)
    await other.doubt(again)
    await lose(bench, bind, messages)
    await receive(bench, range(2))
    found = [await bench.state(m) for m in (messages[0], again, messages[1])]
    assert found == [MessageState.IN_DOUBT, MessageState.IN_DOUBT, MessageState.DELIVERED]


async def test_a_number_with_more_doubts_than_are_looked_through_is_settled_by_no_receipt(bench):
    many = parked.MOST_ALIKE + 1
    bind = bench.bind()
    bench.store.ask(bind.name, many)
    messages = await bench.accept(*[bench.a_message() for _ in range(many)])
    await lose(bench, bind, messages)
    await bench.receipt("X")
    assert await states(bench) == {MessageState.IN_DOUBT: many}


async def test_numbers_of_two_countries_that_end_alike_are_told_apart(bench):
    bind = bench.bind()
    bench.store.ask(bind.name, 2)
    spanish, german = await bench.accept(*(bench.a_message(recipient=to) for to in ("+34611222333", "+49171222333")))
    mine, other = await bench.accept(*(bench.a_message(recipient=to) for to in ("+34600000001", "+44600000001")))
    await bind.ask(2)
    await lose(bench, bind, [spanish, german, mine, other])
    await bench.receipt("X1", to="44600000001")
    assert await bench.state(other) is MessageState.DELIVERED
    assert await states(bench, [spanish, german, mine]) == {MessageState.IN_DOUBT: 3}


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (parked._IN_DOUBT, ["attempts_in_doubt (carrier=? AND number_end=?)", "attempts_sent_by_hand (carrier=? AND"]),
        (
            parked._CAME_FOR,
            ["parked_by_source (carrier=? AND <expr>=?)", "parked_by_destination (carrier=? AND <expr>"],
        ),
    ],
)
def test_doubts_and_parked_receipts_are_found_by_their_number(statement, indexes):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", ("telco", "1", "2", 3)).fetchall()]
    connection.close()
    for index in indexes:
        assert any(index in step for step in plan), plan
