"""What is done by hand is written down with who asked for it, and what is written stays so until retention ends."""

import sqlite3

import pytest

from gateway.store.by import by_account, by_operator

BY = by_account("shop", None)
DAY = 24 * 3_600_000


async def rows(bench):
    """Oldest first."""
    return (await bench.store.audit(limit=50, cursor=None)).rows[::-1]


async def a_failed_event(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[-1], 500, retry_at=None)
    ((event,),) = bench.sql("SELECT id FROM events")
    return event


async def test_everything_done_by_hand_says_who_asked_in_which_request_for_what(bench):
    event = await a_failed_event(bench)
    canceled = await bench.accept_one()
    doubtful = await bench.accept_one(recipient="+34600000002")
    assert await bench.store.cancel("shop", canceled, by_account("shop", 11))
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(doubtful)
    assert await bench.store.settle_doubt(doubtful, "unknown", by=by_operator(12))
    assert await bench.store.replay("shop", [event], None, None, failed_only=False, by=by_account("shop", 13)) == 1
    assert await bench.store.enable_endpoint("shop", by=by_account("shop", 14))
    test = await bench.store.add_test_event("shop", by=by_account("shop", 15))
    ((endpoint,),) = bench.sql("SELECT id FROM endpoints WHERE account = 'shop'")
    told = [(row.who, row.request_id, row.what, row.outcome) for row in await rows(bench)]
    assert told == [
        ("account:shop", 11, "cancel", None),
        ("operator", 12, "settle_doubt", "unknown"),
        ("account:shop", 13, "replay", None),
        ("account:shop", 14, "enable_endpoint", None),
        ("account:shop", 15, "test_event", None),
    ]
    about = [(row.message, row.event, row.endpoint, row.replayed) for row in await rows(bench)]
    assert about == [
        (canceled, None, None, None),
        (doubtful, None, None, None),
        (None, event, None, 1),
        (None, None, endpoint, None),
        (None, test, endpoint, None),
    ]
    assert all(row.at == bench.clock() for row in await rows(bench))


async def test_a_replay_of_a_range_is_one_row_with_its_first_event_and_how_many(bench):
    bench.take_deliveries()
    for n in range(3):
        await bench.sent(str(n))
        await bench.outcome(bench.deliveries[-1], 500, retry_at=None)
    first = min(event for (event,) in bench.sql("SELECT id FROM events"))
    assert await bench.store.replay("shop", None, None, None, failed_only=True, by=BY) == 3
    assert [row[5:] for row in await rows(bench)] == [("failed_only", None, first, None, 3)]


async def test_what_changed_nothing_is_not_written_down(bench):
    event = await a_failed_event(bench)
    sent = await bench.accept_one(account="mall")
    await bench.store.cancel("shop", sent, by_account("shop", 1))
    await bench.store.replay("mall", [event], None, None, failed_only=False, by=BY)
    await bench.store.settle_doubt(sent, "sent", by=BY)
    await bench.store.enable_endpoint("quiet", by=BY)
    await bench.store.add_test_event("quiet", by=BY)
    assert await rows(bench) == []


async def test_no_column_can_hold_what_a_message_says(bench):
    message = await bench.accept_one(text="Kolibri", client_id="Kolibri", tag="Kolibri")
    await bench.store.cancel("shop", message, by_account("shop", 1))
    assert "Kolibri" not in str(bench.sql("SELECT * FROM audit"))
    assert "+34600000001" not in str(bench.sql("SELECT * FROM audit"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (id, at, who, what) SELECT id, at, 'nobody', what FROM audit",
        "UPDATE audit_kept SET since = -1",
        "UPDATE audit_kept SET id = 2",
        "DELETE FROM audit_kept",
    ],
)
async def test_nothing_that_was_written_is_changed_or_taken_away(bench, statement):
    await bench.store.cancel("shop", await bench.accept_one(), by_account("shop", 1))
    before = bench.sql("SELECT * FROM audit")
    with pytest.raises(sqlite3.DatabaseError):
        bench.sql(statement)
    assert bench.sql("SELECT * FROM audit") == before
    assert len(before) == 1


async def test_it_is_kept_as_long_as_messages_and_then_goes(bench):
    await bench.store.cancel("shop", await bench.accept_one(), by_account("shop", 1))
    await bench.after(bench.policy.messages_ms - DAY)
    await bench.store.cancel("shop", await bench.accept_one(), by_account("shop", 2))
    await bench.after(DAY - 1)
    assert [row.request_id for row in await rows(bench)] == [1, 2]
    await bench.after(1_000)
    assert [row.request_id for row in await rows(bench)] == [2]
    with pytest.raises(sqlite3.DatabaseError):
        bench.sql("DELETE FROM audit")


async def test_it_is_listed_newest_first_in_pages(bench):
    for n in range(5):
        await bench.store.cancel("shop", await bench.accept_one(), by_account("shop", n))
    page = await bench.store.audit(limit=3, cursor=None)
    rest = await bench.store.audit(limit=3, cursor=page.next_cursor)
    assert [row.request_id for row in page.rows + rest.rows] == [4, 3, 2, 1, 0]
    assert rest.next_cursor is None
