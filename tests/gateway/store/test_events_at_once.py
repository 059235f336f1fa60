"""Events that are handed out in the transaction that files them, and what becomes of them otherwise."""

from dataclasses import replace

import pytest

from gateway.store import at_once
from gateway.store.by import by_operator
from gateway.store.interface import DeliveryOutcome
from gateway.store.lists.interface import EventFilter
from gateway.store.policy import EndpointPolicy

BY = by_operator(None)
SECOND = 1_000
MINUTE = 60_000


def events(bench):
    return bench.sql("SELECT state, delivery IS NOT NULL, delivery = id FROM events ORDER BY id")


def rows(bench):
    return bench.sql("SELECT id, under_way, due, tries FROM deliveries ORDER BY id")


async def sent_together(bench, count, account="shop", name="telco/9", **changes):
    messages = await bench.accept(*(bench.a_message(**changes) for _ in range(count)), account=account)
    bind = bench.bind(name)
    await bind.ask(count)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    return messages


def untried(delivery, at):
    return DeliveryOutcome(delivery.id, delivery.endpoint, at, 0, None, None, False, None, untried=True)


async def test_a_single_event_is_filed_as_in_delivery_without_a_row_for_its_delivery(bench):
    bench.take_deliveries()
    recorded = await bench.statements_of(lambda: bench.sent("1"))
    assert (events(bench), rows(bench)) == ([(2, 1, 1)], [])
    assert not [sql for sql in recorded if sql.startswith("UPDATE events") or " FROM events WHERE endpoint" in sql]
    assert bench.store.counts()["deliveries_under_way"] == 1
    assert bench.store.counts()["events_pending"] == 1
    (delivery,) = bench.deliveries
    assert (delivery.batched, delivery.tries, delivery.created_at) == (False, 0, bench.clock())


async def test_while_nobody_takes_deliveries_events_wait(bench):
    await bench.sent("1")
    assert events(bench) == [(1, 0, None)]


async def test_what_a_first_try_told_is_seen_in_story_and_outbox_without_a_row_of_its_own(bench):
    bench.take_deliveries()
    message = await bench.sent("1")
    bench.clock.advance(SECOND)
    await bench.outcome(bench.deliveries[0], 202)
    assert bench.sql("SELECT count(*) FROM webhook_tries") == [(0,)]
    (tried,) = (await bench.story(message)).webhooks
    assert (tried.attempt, tried.at, tried.http_status, tried.latency_ms) == (1, bench.clock(), 202, 20)
    (row,) = (await bench.store.events("shop", EventFilter(["delivered"]), limit=10, cursor=None)).rows
    assert (row.tries, row.last_http_status, row.last_error) == (1, 202, None)
    assert bench.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}


async def test_a_first_try_that_fails_gets_a_row_and_its_retry_the_same_id(bench):
    bench.take_deliveries()
    message = await bench.sent("1")
    first = bench.deliveries[0]
    await bench.outcome(first, 503)
    assert rows(bench) == [(first.id, 0, bench.clock() + 5 * SECOND, 1)]
    await bench.after(5 * SECOND)
    again = bench.deliveries[1]
    assert (again.id, again.webhook_id, again.bodies, again.tries) == (first.id, first.webhook_id, first.bodies, 1)
    await bench.outcome(again)
    assert [t.http_status for t in (await bench.story(message)).webhooks] == [503, 200]


async def test_first_tries_under_way_at_a_crash_are_told_again(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.sent("2", recipient="+34600000002")
    await bench.outcome(bench.deliveries[0])
    (_, lost) = bench.deliveries
    async with bench.after_a_crash() as after:
        assert after.store.started_with_deliveries == 1
        after.take_deliveries()
        await after.commit()
        (again,) = after.deliveries
        assert (again.webhook_id, again.bodies) == (lost.webhook_id, lost.bodies)
        await after.outcome(again)
        assert after.store.counts()["events_pending"] == 0


async def test_what_is_filed_after_the_last_word_on_first_tries_is_found_by_a_start(bench):
    bench.take_deliveries()
    for number in range(4):
        await bench.sent(str(number), recipient=f"+3460000000{number}")
        await bench.outcome(bench.deliveries[-1])
        await bench.after(at_once.ADVANCE_MS)
    ((since,),) = bench.sql("SELECT since FROM first_tries")
    assert since > bench.deliveries[2].id, "a start need not look at all events"
    await bench.sent("9", recipient="+34600000009")
    async with bench.after_a_crash() as after:
        assert after.store.started_with_deliveries == 1


async def test_a_first_try_that_takes_long_gets_a_row_and_is_found_by_a_start(bench):
    bench.take_deliveries()
    await bench.sent("1")
    (slow,) = bench.deliveries
    await bench.after(at_once.ADVANCE_MS)
    assert rows(bench) == [(slow.id, 1, None, 0)]
    assert bench.store.counts()["deliveries_under_way"] == 1 == bench.under_way()
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        assert [d.webhook_id for d in after.deliveries] == [slow.webhook_id]
    await bench.outcome(slow)
    assert (rows(bench), bench.store.counts()["events_pending"]) == ([], 0)


async def test_events_beyond_the_room_wait_and_follow_in_order(bench):
    bench.take_deliveries()
    await sent_together(bench, 7)
    assert [state for state, _, _ in events(bench)] == [2, 2, 2, 2, 1, 1, 1]
    await bench.outcome(bench.deliveries[0])
    assert [d.id for d in bench.deliveries] == sorted(d.id for d in bench.deliveries)
    assert len(bench.deliveries) == 5
    await bench.sent("9", recipient="+34600000009")
    assert len(bench.deliveries) == 5, "what waits goes first"
    for delivery in bench.deliveries:
        await bench.outcome(delivery)
    told = [d.id for d in bench.deliveries]
    assert told == sorted(told)
    assert len(told) == 8


async def test_a_single_endpoint_is_given_several_for_each_connection_and_a_batched_one_is_not(open_store):
    async with open_store(posts_per_connection=8) as bench:
        bench.take_deliveries()
        await sent_together(bench, 40)
        assert len(bench.deliveries) == 4 * 8
        bench.deliveries.clear()
        await sent_together(bench, 3 * 8, account="mall", name="telco/8")
        assert len(bench.deliveries) == 4


async def test_nothing_is_handed_out_at_once_behind_a_retry_that_is_due(bench):
    bench.take_deliveries()
    await sent_together(bench, 4)
    first = bench.deliveries[0]
    await bench.outcome(first, 500, retry_at=bench.clock() + SECOND)
    await bench.outcome(bench.deliveries[1])
    bench.clock.advance(SECOND)
    await sent_together(bench, 3, name="telco/8")
    assert first.id in [d.id for d in bench.deliveries[4:]]


async def test_what_was_handed_back_unposted_is_no_try_and_told_in_order(bench):
    bench.take_deliveries()
    await sent_together(bench, 4)
    one, *others = bench.deliveries
    bench.store.delivered(
        DeliveryOutcome(one.id, one.endpoint, bench.clock(), 9, 500, "x", False, bench.clock() + MINUTE)
    )
    for delivery in others:
        bench.store.delivered(untried(delivery, bench.clock()))
    await bench.commit()
    assert [d.webhook_id for d in bench.deliveries[4:]] == [others[0].webhook_id], "one at a time probes it"
    assert bench.sql("SELECT count(*) FROM webhook_tries") == [(1,)]
    for _ in range(3):
        await bench.outcome(bench.deliveries[-1])
    assert [d.webhook_id for d in bench.deliveries[4:7]] == [d.webhook_id for d in others]
    assert {d.tries for d in bench.deliveries[4:7]} == {0}


async def test_a_retry_that_was_handed_back_unposted_has_as_many_tries_as_before(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 500)
    await bench.after(5 * SECOND)
    bench.store.delivered(untried(bench.deliveries[1], bench.clock()))
    await bench.commit()
    assert [d.tries for d in bench.deliveries] == [0, 1, 1]


async def test_a_batch_is_gathered_as_its_events_are_filed(bench):
    bench.take_deliveries()
    await sent_together(bench, 2, account="mall")
    await bench.commit()
    assert bench.deliveries == []
    ((delivery, under_way, due, _),) = rows(bench)
    assert (under_way, due) == (0, bench.clock() + bench.policy.linger_ms)
    recorded = await bench.statements_of(lambda: sent_together(bench, 1, account="mall", name="telco/8"))
    assert not [sql for sql in recorded if sql.startswith("UPDATE events")]
    assert [(d.id, d.batched, len(d.bodies)) for d in bench.deliveries] == [(delivery, True, 3)], "full, at once"
    assert rows(bench) == [(delivery, 1, None, 0)]
    await bench.outcome(bench.deliveries[0])
    assert [state for state, _, _ in events(bench)] == [3, 3, 3]


async def test_a_batch_that_is_gathered_at_a_crash_is_told_with_its_members(bench):
    bench.take_deliveries()
    await sent_together(bench, 2, account="mall")
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.after(after.policy.linger_ms)
        (delivery,) = after.deliveries
        assert [body["type"] for body in after.bodies()] == ["message.sent"] * 2
        assert (delivery.batched, delivery.tries) == (True, 0)
        await after.outcome(delivery)
        assert after.store.counts()["events_pending"] == 0


async def test_a_gathered_batch_is_sealed_when_its_endpoint_fails(bench):
    bench.take_deliveries()
    await sent_together(bench, 3, account="mall")
    await sent_together(bench, 1, account="mall", name="telco/8")
    (first,) = bench.deliveries
    gathered = rows(bench)[1][0]
    await bench.outcome(first, 500, retry_at=bench.clock() + MINUTE)
    await sent_together(bench, 1, account="mall", name="telco/7")
    await bench.after(bench.policy.linger_ms)
    assert (bench.deliveries[1].id, len(bench.deliveries[1].bodies)) == (gathered, 1)


async def test_a_gathered_batch_is_no_retry_while_another_is(bench):
    bench.take_deliveries()
    await sent_together(bench, 3, account="mall")
    await sent_together(bench, 3, account="mall", name="telco/8")
    failed, taken = bench.deliveries
    await bench.outcome(failed, 500, retry_at=bench.clock() + SECOND)
    await bench.outcome(taken)
    bench.clock.advance(SECOND - 10)
    await sent_together(bench, 2, account="mall", name="telco/7")
    await bench.after(10)
    assert [d.id for d in bench.deliveries[2:]] == [failed.id]
    await bench.after(bench.policy.linger_ms)
    assert [len(d.bodies) for d in bench.deliveries[3:]] == [2], "once, and as a batch of its own"
    for delivery in bench.deliveries[2:]:
        await bench.outcome(delivery)
    assert bench.under_way() == 0
    assert bench.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}


async def test_nothing_joins_what_was_gathered_when_its_endpoint_is_enabled(bench):
    bench.take_deliveries()
    await sent_together(bench, 2, account="mall")
    await bench.store.enable_endpoint("mall", by=BY)
    await sent_together(bench, 1, account="mall", name="telco/8")
    await bench.after(bench.policy.linger_ms)
    assert [len(d.bodies) for d in bench.deliveries] == [2, 1]
    for delivery in bench.deliveries:
        await bench.outcome(delivery)
    assert bench.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}


@pytest.mark.parametrize("url", ["https://new.example/sms", None])
async def test_what_the_transaction_of_a_reload_handed_out_goes_by_the_new_settings(open_store, url):
    async with open_store() as bench:
        bench.take_deliveries()
        messages = await bench.accept(bench.a_message(), bench.a_message())
        (full,) = (await bench.accept(bench.a_message(), account="mall"),)
        bind = bench.bind("telco/9")
        await bind.ask(3)
        bench.store.answered(
            bind.name, [bind.an_answer(message) for message in [*messages, *full]], 0, bind.kept.append
        )
        of_all = {name: EndpointPolicy(url, 1, policy.events) for name, policy in bench.policy.accounts.items()}
        await bench.store.reconfigure(replace(bench.store.policy, accounts=of_all), "")
        await bench.after(bench.policy.linger_ms)
        expected = [] if url is None else [url] * 3
        assert [d.url for d in bench.deliveries] == expected
        assert bench.under_way() == len(expected)
        assert bench.store.counts() == {"parked": 0, "events_pending": 3, "deliveries_under_way": len(expected)}
        assert bench.sql("SELECT count(*) FROM webhook_tries") == [(0,)]


async def test_a_transaction_that_is_undone_hands_nothing_out(bench):
    bench.take_deliveries()
    await sent_together(bench, 1, account="mall")
    bench.store._writer.mirrors.stale = True
    await bench.commit()
    known = bench.store._writer.mirrors.endpoints
    assert [e.gathering for e in known.by_id.values()] == [None] * len(known.by_id)
    assert known.gathered == 0
    await bench.after(bench.policy.linger_ms)
    assert len(bench.deliveries) == 1
    assert bench.store.counts()["deliveries_under_way"] == 1 == bench.under_way()


async def test_an_endpoint_that_takes_all_is_written_at_most_once_a_second(bench):
    bench.take_deliveries()
    await sent_together(bench, 4)

    async def told():
        for delivery in bench.deliveries:
            await bench.outcome(delivery)

    recorded = await bench.statements_of(told)
    assert len([sql for sql in recorded if sql.startswith("UPDATE endpoints")]) == 1
    (row,) = await bench.store.endpoints("shop")
    assert row.last_success_at == bench.clock()


async def test_an_end_of_failures_is_written_at_once(bench):
    bench.take_deliveries()
    await sent_together(bench, 3)
    await bench.outcome(bench.deliveries[0])
    await bench.outcome(bench.deliveries[1], 500)
    await bench.outcome(bench.deliveries[2])
    assert bench.sql("SELECT failures FROM endpoints WHERE account = 'shop'") == [(0,)]


async def test_a_success_before_failures_in_one_commit_does_not_end_them(bench):
    bench.take_deliveries()
    await sent_together(bench, 4)
    taken, *failed = bench.deliveries
    now = bench.clock()
    bench.store.delivered(DeliveryOutcome(taken.id, taken.endpoint, now, 9, 200, None, True, None))
    for delivery in failed:
        bench.store.delivered(DeliveryOutcome(delivery.id, delivery.endpoint, now, 9, 500, "x", False, now + MINUTE))
    await bench.commit()
    assert bench.sql("SELECT failures FROM endpoints WHERE account = 'shop'") == [(3,)]


async def test_lines_of_slow_endpoints_leave_places_for_a_fast_one_of_the_account(open_store):
    async with open_store(posts_per_connection=16, posts_per_endpoint=8) as bench:
        bench.take_deliveries()
        for number in range(6):
            await sent_together(bench, 130, name=f"telco/{number}", webhook_url=f"https://slow{number}.example/")
        waiting = len(bench.deliveries)
        await sent_together(bench, 1, name="telco/9")
        assert len(bench.deliveries) == waiting + 1
        assert waiting == 128 + 5 * 8


async def test_first_tries_are_counted_among_what_an_endpoint_waits_for(bench):
    bench.take_deliveries()
    await sent_together(bench, 2)
    (row,) = await bench.store.endpoints("shop")
    assert (row.pending, row.oldest_pending_at) == (2, bench.clock())


@pytest.mark.parametrize("batch", [1, 2])
async def test_a_replayed_event_has_a_delivery_of_its_own(bench, batch):
    bench.take_deliveries()
    message = await bench.sent("1")
    await bench.outcome(bench.deliveries[0])
    ((event,),) = bench.sql("SELECT id FROM events")
    for _ in range(batch):
        assert await bench.store.replay("shop", [event], None, None, failed_only=False, by=BY) == 1
        await bench.commit()
        assert (bench.deliveries[-1].webhook_id, bench.deliveries[-1].tries) == (bench.deliveries[0].webhook_id, 0)
        await bench.outcome(bench.deliveries[-1], 204)
    assert [t.http_status for t in (await bench.story(message)).webhooks] == [204]
    assert len({d.id for d in bench.deliveries}) == batch + 1
