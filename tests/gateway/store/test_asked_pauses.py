"""Pauses that endpoints ask for by a Retry-After: of the endpoint as a whole, until then and no longer."""

from dataclasses import replace

import pytest

from gateway.store.by import by_operator

BY = by_operator(None)
SECOND = 1_000
MINUTE = 60_000


async def eight_filed(bench):
    """Events of eight messages; the POSTs of four are under way."""
    bench.take_deliveries()
    messages = await bench.accept(*(bench.a_message() for _ in range(8)))
    bind = bench.bind()
    await bind.ask(8)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.commit()
    assert len(bench.deliveries) == 4


async def asks_for(bench, delivery, ms, http_status=503):
    """It is answered so, with a Retry-After."""
    until = bench.clock() + ms
    await bench.outcome(delivery, http_status, retry_at=until, not_before=until)


async def pass_seconds(bench, count):
    """With a few looks on the way."""
    for part in (1, 9, count - 10):
        await bench.after(part * SECOND)


async def test_while_a_retry_after_runs_nothing_is_put_to_the_endpoint(bench):
    await eight_filed(bench)
    for delivery in list(bench.deliveries):
        await asks_for(bench, delivery, 10 * MINUTE)
    await pass_seconds(bench, 599)
    assert len(bench.deliveries) == 4
    await bench.after(SECOND)
    assert len(bench.deliveries) == 5, "one POST at a time sees whether it takes them again"


async def test_a_new_event_waits_for_the_end_of_a_retry_after_too(bench):
    bench.take_deliveries()
    await bench.sent("1")
    await asks_for(bench, bench.deliveries[0], MINUTE)
    await bench.sent("2", recipient="+34600000002")
    await bench.store.add_test_event("shop", by=BY)
    await pass_seconds(bench, 59)
    assert len(bench.deliveries) == 1
    await bench.after(SECOND)
    assert len(bench.deliveries) == 2


async def test_a_success_of_a_post_under_way_does_not_end_a_retry_after(bench):
    await eight_filed(bench)
    await asks_for(bench, bench.deliveries[0], MINUTE, 429)
    for delivery in bench.deliveries[1:4]:
        await bench.outcome(delivery)
    await bench.sent("9", recipient="+34600000009")
    await pass_seconds(bench, 59)
    assert len(bench.deliveries) == 4
    await bench.after(SECOND)
    assert len(bench.deliveries) == 8, "it took the others, so it is sent as many at a time as before"


async def test_a_success_of_a_post_under_way_ends_a_pause_that_nobody_asked_for(bench):
    await eight_filed(bench)
    for delivery in bench.deliveries[:3]:
        await bench.outcome(delivery, 500)
    assert len(bench.deliveries) == 4
    await bench.outcome(bench.deliveries[3])
    assert len(bench.deliveries) == 8


async def test_of_several_retry_afters_the_longest_is_kept_to(bench):
    await eight_filed(bench)
    for delivery, ms in zip(list(bench.deliveries), (MINUTE, 5 * MINUTE, 2 * MINUTE, SECOND), strict=True):
        await asks_for(bench, delivery, ms)
    await pass_seconds(bench, 299)
    assert len(bench.deliveries) == 4
    await bench.after(SECOND)
    assert len(bench.deliveries) == 5


async def test_a_retry_after_does_not_shorten_the_pause_after_failures_in_a_row(bench):
    bench.take_deliveries()
    await bench.sent("1")
    for place in range(8):
        await asks_for(bench, bench.deliveries[place], SECOND)
        bench.clock.advance(MINUTE)
        await bench.commit()
    await asks_for(bench, bench.deliveries[8], SECOND)
    await pass_seconds(bench, 59)
    assert len(bench.deliveries) == 9
    await bench.after(SECOND)
    assert len(bench.deliveries) == 10


@pytest.mark.parametrize("undone", [False, True])
async def test_enabling_an_endpoint_ends_its_retry_after(bench, undone):
    await eight_filed(bench)
    for delivery in list(bench.deliveries):
        await asks_for(bench, delivery, 10 * MINUTE)
    bench.store._writer.mirrors.stale = undone
    assert await bench.store.enable_endpoint("shop", by=BY)
    await bench.commit()
    assert len(bench.deliveries) == 8
    await bench.outcome(bench.deliveries[4])
    assert len(bench.deliveries) == 9, "nor does a success bring the pause back"


async def test_a_new_url_is_not_bound_by_the_retry_after_of_the_old_one(bench):
    await eight_filed(bench)
    for delivery in list(bench.deliveries):
        await asks_for(bench, delivery, 10 * MINUTE)
    accounts = bench.policy.accounts
    moved = {**accounts, "shop": replace(accounts["shop"], url="https://new.example/sms")}
    await bench.store.reconfigure(replace(bench.policy, accounts=moved), "")
    await bench.commit()
    new = bench.deliveries[4:]
    assert {delivery.url for delivery in new} == {"https://new.example/sms"}
    await bench.outcome(new[0])
    assert bench.store._writer.mirrors.endpoints.by_id[new[0].endpoint].resume_at == 0


async def test_a_retry_after_is_kept_to_after_a_crash(bench):
    await eight_filed(bench)
    await asks_for(bench, bench.deliveries[0], MINUTE)
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await pass_seconds(after, 59)
        assert after.deliveries == []
        await after.after(SECOND)
        assert len(after.deliveries) == 1


async def test_a_retry_after_outlives_a_success_and_a_transaction_that_was_undone(bench):
    await eight_filed(bench)
    await asks_for(bench, bench.deliveries[0], MINUTE)
    bench.store._writer.mirrors.stale = True
    await bench.outcome(bench.deliveries[1])
    await bench.outcome(bench.deliveries[2])
    await pass_seconds(bench, 59)
    assert len(bench.deliveries) == 4


async def test_one_webhook_url_silences_the_others_of_its_origin_for_a_minute_at_most(bench):
    bench.take_deliveries()
    await bench.sent("1", webhook_url="https://hooks.example/one")
    await asks_for(bench, bench.deliveries[0], 60 * MINUTE, 429)
    await bench.sent("2", recipient="+34600000002", webhook_url="https://hooks.example/two")
    await pass_seconds(bench, 59)
    assert len(bench.deliveries) == 1
    await bench.after(SECOND)
    assert [delivery.url for delivery in bench.deliveries] == ["https://hooks.example/one", "https://hooks.example/two"]
