"""Events: filed with the change they tell of, told in order until they are taken, kept for a replay."""

from functools import partial

import pytest

from gateway.messages import MessageState
from gateway.store.by import by_operator
from gateway.store.endpoints import pause_ms
from gateway.store.interface import DeliveryOutcome, Verdict
from gateway.store.lists.interface import EventFilter

BY = by_operator(None)
SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def failed(bench, message=None):
    """An event that was given up."""
    bench.take_deliveries()
    await bench.sent("1")
    delivery = bench.deliveries[-1]
    await bench.outcome(delivery, 500, retry_at=None)
    return delivery


async def test_sent_is_told_before_delivered_although_the_first_post_is_under_way(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.receipt("1")
    assert bench.types(bench.deliveries) == ["message.sent"]
    await bench.outcome(bench.deliveries[0])
    assert bench.types(bench.deliveries) == ["message.sent", "message.delivered"]


async def test_the_next_event_waits_through_every_retry_of_the_one_before(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.receipt("1")
    await bench.outcome(bench.deliveries[0], 500)
    await bench.after(5 * SECOND)
    assert bench.types(bench.deliveries) == ["message.sent", "message.sent"]
    await bench.outcome(bench.deliveries[1])
    assert bench.types(bench.deliveries) == ["message.sent", "message.sent", "message.delivered"]


async def test_the_next_event_is_told_once_the_one_before_is_given_up(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.receipt("1")
    await bench.outcome(bench.deliveries[0], 500, retry_at=None)
    assert bench.types(bench.deliveries) == ["message.sent", "message.delivered"]


async def test_events_of_other_messages_do_not_wait(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.sent("2", recipient="+34600000002")
    assert bench.types(bench.deliveries) == ["message.sent", "message.sent"]


async def test_an_endpoint_gets_only_the_events_it_wants(open_store):
    async with open_store() as bench:
        message = await bench.sent("1")
        quiet = await bench.accept_one(account="quiet")
        bind = bench.bind()
        await bind.ask(1)
        await bind.send(quiet)
        assert (bench.told(message), bench.told(quiet)) == (["message.sent"], [])


async def test_a_retry_keeps_its_id_members_and_order(bench):
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(3)), account="mall")
    bind = bench.bind()
    await bind.ask(3)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.after(bench.policy.linger_ms)
    (first,) = bench.deliveries
    assert (first.batched, len(first.bodies), first.tries) == (True, 3, 0)
    await bench.outcome(first, None, error="connection refused")
    await bench.after(5 * SECOND - 1)
    assert len(bench.deliveries) == 1
    await bench.after(1)
    again = bench.deliveries[1]
    assert (again.webhook_id, again.bodies, again.tries) == (first.webhook_id, first.bodies, 1)
    assert again.created_at == first.created_at


async def test_events_of_a_batching_endpoint_wait_a_moment_for_company(bench):
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(4)), account="mall")
    bind = bench.bind()
    await bind.ask(4)
    await bind.send(messages[0])
    assert bench.deliveries == []
    await bench.after(bench.policy.linger_ms)
    assert [len(d.bodies) for d in bench.deliveries] == [1]
    await bind.answer(*(bind.an_answer(message) for message in messages[1:]))
    assert [len(d.bodies) for d in bench.deliveries] == [1, 3], "a full batch does not wait"


async def test_an_endpoint_has_no_more_posts_under_way_than_it_may(bench):
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(6)))
    bind = bench.bind()
    await bind.ask(6)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.commit()
    assert len(bench.deliveries) == 4 == bench.store.counts()["deliveries_under_way"]
    await bench.outcome(bench.deliveries[0])
    assert len(bench.deliveries) == 5


async def test_after_failures_an_endpoint_is_probed_by_one_post_and_then_left_in_peace(bench):
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(6)))
    bind = bench.bind()
    await bind.ask(6)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.commit()
    for delivery in list(bench.deliveries):
        await bench.outcome(delivery, 500)
    assert len(bench.deliveries) == 4
    await bench.after(2 * SECOND)
    assert len(bench.deliveries) == 5
    await bench.outcome(bench.deliveries[4], 204)
    await bench.after(5 * SECOND)
    assert bench.store.counts()["deliveries_under_way"] == 4


def test_pauses_double_up_to_a_minute():
    assert [pause_ms(n) for n in (0, 1, 2, 3, 4, 5, 20, 2000)] == [0, 0, 0, 1000, 2000, 4000, 60_000, 60_000]


async def test_what_is_given_up_is_listed_and_told_again_on_demand(bench):
    delivery = await failed(bench)
    (row,) = (await bench.store.events("shop", EventFilter(["failed"]), limit=10, cursor=None)).rows
    assert (row.status, row.type, row.tries, row.last_http_status) == ("failed", "message.sent", 1, 500)
    assert await bench.store.replay("shop", [row.id], None, None, failed_only=False, by=BY) == 1
    await bench.commit()
    again = bench.deliveries[-1]
    assert (again.bodies, again.tries) == (delivery.bodies, 0)
    assert again.webhook_id == delivery.webhook_id, "the id of an event stays"
    await bench.outcome(again)
    (row,) = (await bench.store.events("shop", EventFilter(["delivered"]), limit=10, cursor=None)).rows
    assert row.last_http_status == 200


async def test_a_replayed_event_has_its_whole_horizon_again(bench):
    await failed(bench)
    bench.clock.advance(HOUR)
    assert await bench.store.replay("shop", None, None, None, failed_only=True, by=BY) == 1
    await bench.commit()
    assert bench.deliveries[-1].created_at == bench.clock()


async def test_a_range_of_events_is_replayed(bench):
    bench.take_deliveries()
    start = bench.clock()
    for n in range(3):
        await bench.sent(str(n), recipient=f"+3460000000{n}")
        await bench.outcome(bench.deliveries[-1], 200 if n else 500, retry_at=None)
        bench.clock.advance(MINUTE)
    replay = partial(bench.store.replay, by=BY)
    assert await replay("mall", None, None, None, failed_only=False) == 0, "not another's"
    assert await replay("shop", None, None, None, failed_only=True) == 1
    assert await replay("shop", None, start + MINUTE, start + MINUTE, failed_only=False) == 1
    assert await replay("shop", None, start + 3 * MINUTE, None, failed_only=False) == 0


async def test_an_event_of_another_account_or_still_pending_is_not_replayed(bench):
    await bench.sent("1")
    ((event,),) = bench.sql("SELECT id FROM events")
    assert await bench.store.replay("mall", [event], None, None, failed_only=False, by=BY) == 0
    assert await bench.store.replay("shop", [event], None, None, failed_only=False, by=BY) == 0


async def test_gone_disables_the_endpoint_until_its_account_enables_it(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 410)
    await bench.sent("2", recipient="+34600000002")
    await bench.after(HOUR)
    assert len(bench.deliveries) == 1
    (row,) = await bench.store.endpoints("shop")
    assert (row.enabled, row.disabled_reason, row.pending) == (False, "answered 410 Gone", 2)
    assert await bench.store.enable_endpoint("shop", by=BY)
    await bench.commit()
    assert bench.types(bench.deliveries) == ["message.sent"] * 3
    assert bench.deliveries[1].webhook_id == bench.deliveries[0].webhook_id
    (row,) = await bench.store.endpoints("shop")
    assert (row.enabled, row.disabled_reason) == (True, None)


async def test_a_disabled_endpoint_stays_so_over_a_restart(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 410)
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.after(HOUR)
        assert after.deliveries == []


async def test_an_account_without_webhook_has_nothing_to_enable_or_to_test(bench):
    assert not await bench.store.enable_endpoint("quiet", by=BY)
    assert await bench.store.add_test_event("quiet", by=BY) is None


async def test_a_test_event_is_told(bench):
    bench.take_deliveries()
    event = await bench.store.add_test_event("shop", by=BY)
    await bench.commit()
    assert bench.types(bench.deliveries) == ["webhook.test"]
    assert event is not None


async def test_a_webhook_url_of_a_message_replaces_the_endpoint_and_is_not_batched(bench):
    bench.take_deliveries()
    urls = ["https://one.example/a?x=1", "https://one.example/b", "https://two.example/c"]
    messages = [bench.a_message(webhook_url=url) for url in urls]
    await bench.accept(*messages, account="mall")
    bind = bench.bind()
    await bind.ask(3)
    await bind.answer(*(bind.an_answer(message.id) for message in messages))
    await bench.commit()
    assert sorted(d.url for d in bench.deliveries) == urls
    assert {(d.own, d.batched, d.account) for d in bench.deliveries} == {(False, False, "mall")}
    origins = sorted(row.url for row in await bench.store.endpoints("mall") if not row.own)
    assert origins == ["https://one.example", "https://two.example"], "one endpoint for each origin"


async def test_gone_gives_up_a_webhook_url_without_disabling_its_origin(bench):
    bench.take_deliveries()
    message = await bench.accept_one(webhook_url="https://one.example/a")
    bind = bench.bind()
    await bind.ask(1)
    await bind.send(message)
    await bench.outcome(bench.deliveries[0], 410)
    assert bench.sql("SELECT state FROM events") == [(4,)]
    assert all(row.enabled for row in await bench.store.endpoints("shop"))


async def test_events_that_wait_follow_the_account_to_its_new_url(open_store):
    async with open_store() as bench:
        await bench.sent("1")
        accounts = dict(bench.policy.accounts)
    moved = accounts["shop"].__class__("https://new.example/sms", 1, accounts["shop"].events)
    async with open_store(accounts={**accounts, "shop": moved}) as bench:
        bench.take_deliveries()
        await bench.commit()
        assert [d.url for d in bench.deliveries] == ["https://new.example/sms"]


async def test_events_of_an_account_whose_webhook_was_taken_away_wait_for_a_new_one(open_store):
    async with open_store() as bench:
        await bench.sent("1")
        accounts = dict(bench.policy.accounts)
    async with open_store(accounts={**accounts, "shop": accounts["quiet"]}) as bench:
        bench.take_deliveries()
        await bench.commit()
        assert bench.deliveries == []
    async with open_store() as bench:
        bench.take_deliveries()
        await bench.commit()
        assert bench.types(bench.deliveries) == ["message.sent"]


async def test_an_outcome_told_twice_counts_once(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0])
    await bench.outcome(bench.deliveries[0], 500)
    assert bench.store.counts() == {"parked": 0, "events_pending": 0, "deliveries_under_way": 0}
    assert bench.sql("SELECT state FROM events") == [(3,)]
    (row,) = await bench.store.endpoints("shop")
    assert row.consecutive_failures == 0


async def test_tries_are_seen_in_the_messages_story(bench):
    bench.take_deliveries()
    message = await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 503)
    await bench.after(5 * SECOND)
    await bench.outcome(bench.deliveries[1])
    tries = (await bench.story(message)).webhooks
    assert [(t.type, t.attempt, t.http_status) for t in tries] == [("message.sent", 1, 503), ("message.sent", 2, 200)]


async def test_an_event_is_filed_in_the_transaction_that_makes_it_true(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    seen = []
    answer = bind.an_answer(message, Verdict.REFUSED)
    bench.store.answered(bind.name, [answer], 0, lambda kept: seen.append(bench.told(message)))
    await bench.commit()
    assert seen == [["message.failed"]]
    assert await bench.state(message) is MessageState.FAILED


@pytest.mark.parametrize("statuses", [["pending"], ["delivered"], ["failed"], ["pending", "delivered", "failed"]])
async def test_the_outbox_is_listed_newest_first_by_status_page_by_page(bench, statuses):
    bench.take_deliveries()
    for n, http_status in enumerate((200, 500, None, 200, 500, None)):
        await bench.sent(str(n), recipient=f"+3460000000{n}")
        if http_status is not None:
            await bench.outcome(bench.deliveries[-1], http_status, retry_at=None)
    found, cursor = [], None
    while True:
        page = await bench.store.events("shop", EventFilter(statuses), limit=2, cursor=cursor)
        assert len(page.rows) <= 2
        found += page.rows
        cursor = page.next_cursor
        if cursor is None:
            break
    assert {row.status for row in found} == set(statuses)
    assert len(found) == 2 * len(statuses)
    assert [row.id for row in found] == sorted((row.id for row in found), reverse=True)


async def to_origins(bench, count, account="shop", name="h"):
    """Messages to webhook_urls of so many origins, each with an event of its own."""
    urls = [f"https://{name}{n}.example/x" for n in range(count)]
    messages = await bench.accept(*(bench.a_message(webhook_url=url) for url in urls), account=account)
    bind = bench.bind(f"telco/{name}")
    await bind.ask(count)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.commit()
    bench.store.close_window(bind.name)
    return messages


async def test_endpoints_that_wait_for_a_retry_cost_a_commit_nothing(bench):
    bench.take_deliveries()
    await to_origins(bench, 20)
    for delivery in list(bench.deliveries):
        await bench.outcome(delivery, 500, retry_at=bench.clock() + HOUR)
    await bench.commit()
    recorded = await bench.statements_of(bench.commit)
    assert not [sql for sql in recorded if "FROM deliveries" in sql or "FROM events" in sql]
    bench.deliveries.clear()
    await bench.after(HOUR)
    assert len(bench.deliveries) == 20


async def test_a_paused_endpoint_with_new_events_costs_a_commit_nothing(bench):
    bench.take_deliveries()
    for n in range(3):
        await bench.sent(str(n), recipient=f"+3460000000{n}")
        await bench.outcome(bench.deliveries[-1], 500, retry_at=bench.clock() + HOUR)
    await bench.sent("4", recipient="+34600000004")
    await bench.commit()
    recorded = await bench.statements_of(bench.commit)
    assert not [sql for sql in recorded if "FROM deliveries" in sql or "FROM events" in sql]
    bench.deliveries.clear()
    await bench.after(SECOND)
    assert len(bench.deliveries) == 1, "it is looked at when its pause ends"


async def test_an_origin_is_known_only_while_something_waits_for_it(bench):
    bench.take_deliveries()
    known = bench.store._writer.mirrors.endpoints.by_id
    await to_origins(bench, 5)
    assert len([e for e in known.values() if not e.own]) == 5
    for n, delivery in enumerate(list(bench.deliveries)):
        await bench.outcome(delivery, 200 if n else 500)
    await bench.commit()
    assert len([e for e in known.values() if not e.own]) == 1
    await bench.after(5 * SECOND)
    assert bench.deliveries[-1].tries == 1
    await bench.outcome(bench.deliveries[-1])
    await bench.commit()
    assert [e for e in known.values() if not e.own] == []
    ((event,),) = bench.sql("SELECT id FROM events WHERE url LIKE 'https://h3.%'")
    assert await bench.store.replay("shop", [event], None, None, failed_only=False, by=BY) == 1
    await bench.commit()
    assert bench.deliveries[-1].url == "https://h3.example/x"


async def test_a_start_and_an_undone_transaction_know_only_the_endpoints_that_something_waits_for(bench):
    bench.take_deliveries()
    await to_origins(bench, 5)
    for n, delivery in enumerate(list(bench.deliveries)):
        await bench.outcome(delivery, 200 if n else 500)

    def origins(at):
        return sorted(e.url for e in at.store._writer.mirrors.endpoints.by_id.values() if not e.own)

    url = bench.deliveries[0].url.removesuffix("/x")
    bench.store._writer.mirrors.stale = True
    await bench.commit()
    assert origins(bench) == [url]
    async with bench.after_a_crash() as after:
        assert origins(after) == [url]
        after.take_deliveries()
        await after.after(5 * SECOND)
        assert [d.tries for d in after.deliveries] == [1]
    await bench.after(5 * SECOND)
    assert [d.tries for d in bench.deliveries[5:]] == [1]


async def test_times_at_which_to_look_do_not_pile_up(bench):
    bench.take_deliveries()
    await bench.accept_one(account="mall")
    await bench.store.add_test_event("mall", by=BY)
    await bench.after(bench.policy.linger_ms)
    await bench.outcome(bench.deliveries[-1], 500, retry_at=bench.clock() + HOUR)
    for _ in range(150):
        await bench.store.add_test_event("mall", by=BY)
        await bench.after(bench.policy.linger_ms)
        await bench.outcome(bench.deliveries[-1])
    endpoints = bench.store._writer.mirrors.endpoints
    assert len(endpoints.times) <= 70
    await bench.after(HOUR)
    assert bench.deliveries[-1].tries == 1


async def test_an_accounts_origins_that_hang_leave_places_for_other_accounts(bench):
    bench.take_deliveries()
    await to_origins(bench, 600)
    assert len(bench.deliveries) == 256, "half of all"
    await to_origins(bench, 1, account="mall", name="m")
    assert bench.deliveries[-1].account == "mall"
    await to_origins(bench, 300, account="curious", name="c")
    held = [d.account for d in bench.deliveries]
    assert (held.count("shop"), held.count("curious")) == (256, 128)
    for delivery in [d for d in bench.deliveries if d.account == "shop"][:100]:
        bench.store.delivered(delivery_taken(delivery, bench.clock()))
    await bench.commit()
    under_way = bench.store._writer.mirrors.endpoints.held
    assert abs(under_way["shop"] - under_way["curious"]) <= 1, "the poorer account goes first"


def delivery_taken(delivery, at):
    return DeliveryOutcome(delivery.id, delivery.endpoint, at, 20, 200, None, True, None)


async def test_places_of_posts_that_end_are_taken_by_those_that_waited(bench):
    bench.take_deliveries()
    await to_origins(bench, 300)
    for _ in range(4):
        for delivery in list(bench.deliveries):
            bench.store.delivered(delivery_taken(delivery, bench.clock()))
        await bench.commit()
    assert len({d.url for d in bench.deliveries}) == 300
    assert bench.store.counts()["deliveries_under_way"] == 0
    assert bench.store._writer.mirrors.endpoints.held == {}


async def test_an_event_is_not_blocked_by_one_that_is_erased(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[-1])
    bench.sql("DELETE FROM events")
    await bench.receipt("1")
    assert bench.types(bench.deliveries) == ["message.sent", "message.delivered"]


async def test_an_event_that_nothing_is_before_is_told_after_a_start(bench):
    await bench.sent("1")
    await bench.receipt("1")
    bench.sql("DELETE FROM events WHERE prior IS NULL")
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        assert after.types(after.deliveries) == ["message.delivered"]


async def test_a_disabled_endpoints_events_are_given_up_after_the_horizon(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await bench.receipt("1")
    await bench.outcome(bench.deliveries[0], 410)
    await bench.sent("2", recipient="+34600000002")
    await bench.after(bench.policy.horizon_ms - SECOND)
    assert {state for (state,) in bench.sql("SELECT state FROM events")} == {0, 1, 2}
    bench.clock.advance(SECOND)
    for _ in range(5):
        await bench.after(SECOND)
    assert {state for (state,) in bench.sql("SELECT state FROM events")} == {4}
    assert bench.sql("SELECT count(*) FROM deliveries") == [(0,)]
    page = await bench.store.events("shop", EventFilter(["failed"]), limit=10, cursor=None)
    assert len(page.rows) == 3
    assert bench.store.counts()["events_pending"] == 0
    assert await bench.store.enable_endpoint("shop", by=BY)
    assert await bench.store.replay("shop", None, None, None, failed_only=True, by=BY) == 3
    await bench.commit()
    assert bench.types(bench.deliveries[1:]) == ["message.sent", "message.sent"]
    await bench.outcome(bench.deliveries[1])
    assert bench.types(bench.deliveries[3:]) == ["message.delivered"]


async def test_a_dead_endpoints_backlog_is_given_up_after_the_horizon_without_a_try_for_each(bench):
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(40)))
    bind = bench.bind()
    await bind.ask(40)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    for _ in range(4):
        for delivery in bench.deliveries:
            await bench.outcome(delivery, 500, retry_at=bench.clock() + bench.policy.horizon_ms - 2 * SECOND)
    tried = len(bench.deliveries)
    bench.clock.advance(bench.policy.horizon_ms + SECOND)
    for _ in range(5):
        await bench.commit()
        bench.clock.advance(SECOND)
    given_up = bench.sql("SELECT count(*) FROM events WHERE state = 4")[0][0]
    assert given_up >= 30
    assert len(bench.deliveries) <= tried + 5


async def test_events_of_an_endpoint_that_takes_them_are_told_however_late(bench):
    await bench.sent("1")
    await bench.after(bench.policy.horizon_ms + HOUR)
    bench.take_deliveries()
    await bench.commit()
    assert bench.types(bench.deliveries) == ["message.sent"]
