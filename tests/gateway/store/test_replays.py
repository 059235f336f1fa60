"""Replays: the events of one message are told again in their order, whatever order they were asked for in."""

import pytest

from gateway.store.by import by_operator
from gateway.store.lists.interface import EventFilter

BY = by_operator(None)
SECOND = 1_000
MINUTE = 60_000
SENT, DELIVERED = "message.sent", "message.delivered"


async def two_ended(bench, http_status=200):
    """A message whose events were both taken, or both given up; their ids, in order."""
    bench.take_deliveries()
    await bench.sent("1")
    await bench.receipt("1")
    for place in range(2):
        await bench.outcome(bench.deliveries[place], http_status, retry_at=None)
    bench.clock.advance(MINUTE)
    bench.deliveries.clear()
    return [event for (event,) in bench.sql("SELECT id FROM events ORDER BY id")]


async def replay(bench, events=None, *, failed_only=False):
    count = await bench.store.replay("shop", events, None, None, failed_only, by=BY)
    await bench.commit()
    return count


def blocked_is_right(bench):
    """What the writer knows of those that wait for the one before them, as the rows have it."""
    ((waiting,),) = bench.sql("SELECT count(*) FROM events WHERE state = 0")
    known = bench.store._writer.mirrors.endpoints.by_id.values()
    return sum(endpoint.blocked for endpoint in known) == waiting


@pytest.mark.parametrize("turned", [False, True])
async def test_a_replayed_event_waits_until_the_one_before_it_is_taken_again(bench, turned):
    events = await two_ended(bench)
    assert await replay(bench, sorted(events, reverse=turned)) == 2
    assert bench.types(bench.deliveries) == [SENT]
    assert blocked_is_right(bench)
    await bench.outcome(bench.deliveries[0])
    assert bench.types(bench.deliveries) == [SENT, DELIVERED]
    await bench.outcome(bench.deliveries[1])
    assert bench.sql("SELECT state FROM events") == [(3,), (3,)]
    assert blocked_is_right(bench)


@pytest.mark.parametrize("failed_only", [False, True])
async def test_a_replayed_event_waits_through_the_retry_of_the_one_before(bench, failed_only):
    await two_ended(bench, 500)
    assert await replay(bench, failed_only=failed_only) == 2
    await bench.outcome(bench.deliveries[0], 503)
    await bench.after(4 * SECOND)
    assert bench.types(bench.deliveries) == [SENT]
    await bench.after(SECOND)
    await bench.outcome(bench.deliveries[1])
    assert bench.types(bench.deliveries) == [SENT, SENT, DELIVERED]


async def test_a_replay_of_a_message_tells_its_events_in_order(bench):
    await two_ended(bench)
    ((message,),) = bench.sql("SELECT id FROM messages")
    assert await bench.store.replay_message(message, by=BY) == 2
    await bench.commit()
    assert bench.types(bench.deliveries) == [SENT]
    await bench.outcome(bench.deliveries[0])
    assert bench.types(bench.deliveries) == [SENT, DELIVERED]


async def test_events_that_are_replayed_one_by_one_are_told_in_that_order(bench):
    for event in await two_ended(bench):
        assert await replay(bench, [event]) == 1
    assert bench.types(bench.deliveries) == [SENT]
    await bench.outcome(bench.deliveries[0])
    assert bench.types(bench.deliveries) == [SENT, DELIVERED]


async def test_a_replayed_event_alone_waits_for_nothing(bench):
    _, delivered = await two_ended(bench)
    assert await replay(bench, [delivered]) == 1
    assert bench.types(bench.deliveries) == [DELIVERED]


async def test_a_replayed_event_goes_on_when_the_one_before_it_is_given_up(bench):
    await two_ended(bench, 500)
    assert await replay(bench, failed_only=True) == 2
    await bench.outcome(bench.deliveries[0], 500, retry_at=None)
    await bench.after(SECOND)
    assert bench.types(bench.deliveries) == [SENT, DELIVERED]
    assert blocked_is_right(bench)


async def test_a_replayed_event_goes_on_when_the_one_before_it_passes_its_horizon(bench):
    await two_ended(bench)
    assert await replay(bench) == 2
    await bench.outcome(bench.deliveries[0], 410)
    bench.clock.advance(bench.policy.horizon_ms + SECOND)
    for _ in range(4):
        await bench.after(SECOND)
    page = await bench.store.events("shop", EventFilter(["failed"]), limit=10, cursor=None)
    assert len(page.rows) == 2, "neither waits for ever"
    assert blocked_is_right(bench)
    assert bench.store.counts()["events_pending"] == 0


async def test_a_replayed_event_is_told_although_the_one_before_it_is_erased(bench):
    sent, delivered = await two_ended(bench)
    bench.sql("DELETE FROM events WHERE id = ?", sent)
    assert await replay(bench, [delivered]) == 1
    assert bench.types(bench.deliveries) == [DELIVERED]


async def test_a_replay_goes_on_in_order_after_a_crash(bench):
    await two_ended(bench)
    assert await replay(bench) == 2
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        assert after.types(after.deliveries) == [SENT]
        ((waiting,),) = after.sql("SELECT count(*) FROM events WHERE state = 0")
        assert (waiting, blocked_is_right(after)) == (1, True)
        await after.outcome(after.deliveries[0])
        assert after.types(after.deliveries) == [SENT, DELIVERED]
        assert blocked_is_right(after)


async def test_a_replayed_event_waits_for_one_before_it_that_a_restore_holds(bench):
    """The other way round is test_held_events.py's."""
    sent, delivered = await two_ended(bench)
    bench.sql("UPDATE events SET state = -1 WHERE id = ?", sent)
    assert await replay(bench, [delivered]) == 1
    assert bench.deliveries == []
    assert blocked_is_right(bench)
