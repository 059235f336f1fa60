"""Ready messages that meet their recipients' quiet hours when a slot is free."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from played_campaigns import PlayedCampaign

from gateway.messages import MessageState
from gateway.rules.options import MessageOptions, to_json
from gateway.rules.quiet_hours import QuietHours
from gateway.settings import Lane
from gateway.settings.countries import CountryRules
from gateway.store.by import by_account
from gateway.store.policy import CarrierPolicy

Bench = Any
START = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
PROMOTIONAL = Lane.model_validate({"name": "promotional", "priority": 3, "quiet_hours": "respect"})
QUIET = QuietHours({"US": CountryRules.model_validate({"quiet_hours": "21:00-08:00"})}, [PROMOTIONAL])
AMERICAN = {"recipient": "+12125550123", "country": "US", "lane": "promotional"}
# It is 3:00 in New York at START.
OPENS = START + 5 * HOUR


@pytest.fixture
async def bench(open_store: Any) -> AsyncIterator[Bench]:
    async with open_store(quiet_hours=QUIET) as bench:
        yield bench


async def test_it_is_put_back_until_they_end_and_then_sent(bench: Bench) -> None:
    message = await bench.accept_one(**AMERICAN)
    telco = bench.bind()
    assert await telco.ask(3) == []
    assert await bench.state(message) is MessageState.RETRYING
    assert bench.sql("SELECT due, attempts FROM messages") == [(OPENS, 0)]
    assert bench.ready_is_right()
    await bench.after(5 * HOUR - MINUTE)
    assert telco.messages == []
    await bench.after(MINUTE)
    assert telco.messages == [message]


async def test_its_public_status_stays_and_nothing_is_told_twice(open_store: Any) -> None:
    async with open_store(quiet_hours=QUIET) as bench:
        message = await bench.accept_one("curious", **AMERICAN)
        await bench.bind().ask(1)
        assert bench.told(message) == ["message.queued"]
        await bench.after(5 * HOUR)
        assert bench.told(message) == ["message.queued"]


async def test_those_behind_it_are_dealt_in_the_same_transaction(bench: Bench) -> None:
    quiet = [await bench.accept_one(**AMERICAN) for _ in range(30)]
    open_now = await bench.accept_one(recipient="+14155550123", country="US", lane="promotional")
    bench.clock.now = START + 6 * HOUR + 30 * MINUTE  # open in New York, and 6:30 in California
    telco = bench.bind()
    claims = await telco.ask(100)
    assert [claim.message for claim in claims] == quiet
    assert await bench.state(open_now) is MessageState.RETRYING
    assert bench.ready_is_right()


async def test_other_countries_and_lanes_go_out_at_once(bench: Bench) -> None:
    messages = [
        await bench.accept_one(lane="promotional"),
        await bench.accept_one(recipient="+14165550123", country="CA", lane="promotional"),
        await bench.accept_one(**AMERICAN | {"lane": "transactional"}),
    ]
    telco = bench.bind()
    await telco.ask(10)
    assert sorted(telco.messages) == messages


async def test_one_whose_validity_ends_before_they_do_expires_in_time(bench: Bench) -> None:
    message = await bench.accept_one(**AMERICAN, expires_at=START + HOUR)
    await bench.bind().ask(1)
    await bench.after(HOUR)
    assert await bench.state(message) is MessageState.EXPIRED


async def test_one_that_waits_can_be_canceled(bench: Bench) -> None:
    message = await bench.accept_one(**AMERICAN)
    telco = bench.bind()
    await telco.ask(1)
    await bench.store.cancel("shop", message, by_account("shop", 1))
    assert await bench.state(message) is MessageState.CANCELED
    await bench.after(DAY)
    assert telco.messages == []


async def test_what_answers_a_keyword_does_not_wait(bench: Bench) -> None:
    message = await bench.accept_one(**AMERICAN, options=to_json(MessageOptions(despite_opt_out=True)))
    telco = bench.bind()
    await telco.ask(1)
    assert telco.messages == [message]


async def test_what_its_carrier_holds_until_a_time_that_is_not_quiet_goes_out(open_store: Any) -> None:
    carriers = {"telco": CarrierPolicy(72 * HOUR, 3 * MINUTE, holds_schedules=True)}
    async with open_store(quiet_hours=QUIET, carriers=carriers) as bench:
        options = to_json(MessageOptions(deliver_at=OPENS))
        message = await bench.accept_one(**AMERICAN, scheduled_at=OPENS, options=options)
        telco = bench.bind()
        await telco.ask(1)
        assert telco.messages == [message]


async def test_the_rest_of_a_message_that_was_begun_goes_out(open_store: Any) -> None:
    async with open_store(quiet_hours=QUIET) as bench:
        bench.clock.now = START + 18 * HOUR - MINUTE  # 20:59 in New York
        text = {"text": "x" * 306, "segments": 2}
        message = await bench.accept_one(**AMERICAN, **text, expires_at=bench.clock.now + DAY)
        telco = bench.bind()
        await telco.ask(2)
        await telco.send(message, "A1", part=1)
        await telco.release(message, [2])
        await bench.after(2 * MINUTE)
        await telco.ask(1)
        assert [s.segment.part for s in telco.claims[-1].segments] == [2]


async def test_many_are_put_back_by_a_statement_each_transaction_and_none_is_lost(bench: Bench) -> None:
    messages = [bench.a_message(**AMERICAN) for _ in range(1_000)]
    await bench.accept(*messages)
    telco = bench.bind()
    await telco.ask(10)
    for _ in range(10):
        await bench.commit()
    assert bench.sql("SELECT state, count(*) FROM messages GROUP BY state") == [(int(MessageState.RETRYING), 1_000)]
    assert bench.ready_is_right()
    await bench.after(5 * HOUR)
    assert len(telco.messages) == 10


async def test_messages_of_a_campaign_that_wait_are_counted_as_scheduled_and_then_as_queued(bench: Bench) -> None:
    campaign = await PlayedCampaign(bench).load(2)
    await campaign.expand(scheduled_at=START + HOUR)
    assert await campaign.counts() == {"scheduled": 2}
    await bench.after(HOUR)
    assert await campaign.counts() == {"queued": 2}


async def test_messages_that_wait_end_in_their_time_when_their_campaign_is_canceled(bench: Bench) -> None:
    campaign = await PlayedCampaign(bench).load(2)
    await campaign.expand(scheduled_at=START + HOUR)
    await campaign.cancel()
    telco = bench.bind()
    await telco.ask(2)
    await bench.after(HOUR)
    await bench.commit()
    assert await campaign.counts() == {"canceled": 2}
    assert telco.messages == []
