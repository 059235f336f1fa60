"""Alarms on disk, and the events that tell operators of them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.settings.alerts import OperatorEvent
from gateway.store.alarms.interface import EndpointHealth
from gateway.store.by import by_account, by_operator
from gateway.store.lists.interface import EventFilter
from gateway.store.policy import OPERATOR, EndpointPolicy

BY = by_account("shop", None)
DOWN, UP = OperatorEvent.CARRIER_DOWN, OperatorEvent.CARRIER_UP
URL = "https://ops.example/alarms"
ALL = frozenset(event.value for event in OperatorEvent)


@pytest.fixture
async def told(open_store: Any) -> Any:
    """A store whose operator is told of everything."""
    async with open_store(accounts=accounts(ALL)) as bench:
        bench.take_deliveries()
        yield bench


def accounts(events: frozenset[str], url: str | None = URL) -> dict[str, EndpointPolicy]:
    shop = EndpointPolicy("https://shop.example/sms", 1, frozenset({"message.failed"}))
    return {"shop": shop, OPERATOR: EndpointPolicy(url, 1, events)}


async def turn(bench: Any, kind: OperatorEvent, subject: str, *, raised: bool, **figures: Any) -> bool:
    news: bool = await bench.store.alarm(kind, subject, bench.clock(), figures, raised=raised)
    await bench.commit()
    return news


async def test_a_raised_alarm_is_kept_and_told_once(told: Any) -> None:
    assert await turn(told, DOWN, "telco", raised=True, last_error="refused")
    assert not await turn(told, DOWN, "telco", raised=True, last_error="refused again")
    (delivery,) = told.deliveries
    assert (delivery.account, delivery.url, delivery.own, delivery.batched) == (OPERATOR, URL, True, False)
    body = json.loads(delivery.bodies[0])
    assert (body["type"], body["status"], body["message_id"]) == ("carrier.down", "raised", None)
    assert body["data"] == {
        "alarm": "carrier.down",
        "subject": "telco",
        "since": "2027-01-15T08:00:00.000Z",
        "words": "carrier telco can't send: none of its binds is up",
        "runbook": "docs/operations.md#carrier-down",
        "last_error": "refused",
    }
    (row,) = await told.store.alarms()
    assert row[:3] == (DOWN, "telco", told.clock())
    assert row.data == {"last_error": "refused"}


async def test_its_end_is_told_once_and_forgets_it(told: Any) -> None:
    await turn(told, DOWN, "telco", raised=True)
    await told.outcome(told.deliveries[0])
    assert await turn(told, DOWN, "telco", raised=False)
    assert not await turn(told, DOWN, "telco", raised=False)
    assert [(body["type"], body["status"]) for body in told.bodies()] == [
        ("carrier.down", "raised"),
        ("carrier.up", "recovered"),
    ]
    assert told.bodies()[1]["data"]["alarm"] == "carrier.down"
    assert await told.store.alarms() == []


async def test_an_end_is_not_told_before_its_begin(told: Any) -> None:
    await turn(told, DOWN, "telco", raised=True)
    await turn(told, DOWN, "telco", raised=False)
    await turn(told, DOWN, "other", raised=True)
    assert told.types(told.deliveries) == ["carrier.down", "carrier.down"]
    await told.outcome(told.deliveries[0], 503)
    assert told.types(told.deliveries) == ["carrier.down", "carrier.down"]
    await told.outcome(told.deliveries[1])
    await told.after(10_000)
    await told.outcome(told.deliveries[2])
    assert told.types(told.deliveries) == ["carrier.down", "carrier.down", "carrier.down", "carrier.up"]


async def test_kinds_and_subjects_are_alarms_of_their_own(told: Any) -> None:
    assert await turn(told, DOWN, "telco", raised=True)
    assert await turn(told, DOWN, "other", raised=True)
    assert await turn(told, OperatorEvent.BREAKER_OPENED, "telco", raised=True)
    assert not await turn(told, OperatorEvent.RECEIPTS_LOW, "telco", raised=False)
    assert len(await told.store.alarms()) == 3


async def test_an_event_that_is_no_alarm_is_told_and_leaves_nothing(told: Any) -> None:
    await told.store.tell_operator(OperatorEvent.CONFIG_RELOADED, "configuration", {"changes": ["lanes.otp"]})
    await told.commit()
    (body,) = told.bodies()
    assert (body["type"], body["status"]) == ("config.reloaded", "told")
    assert body["data"]["changes"] == ["lanes.otp"]
    assert await told.store.alarms() == []


async def test_alarms_are_kept_over_a_crash_and_told_no_second_time(told: Any) -> None:
    await turn(told, DOWN, "telco", raised=True)
    await told.outcome(told.deliveries[0])
    async with told.after_a_crash(accounts=accounts(ALL)) as again:
        again.take_deliveries()
        assert [row.subject for row in await again.store.alarms()] == ["telco"]
        assert not await turn(again, DOWN, "telco", raised=True)
        assert again.deliveries == []


@pytest.mark.parametrize("of_operator", [{}, {OPERATOR: EndpointPolicy(None, 1, ALL)}])
async def test_without_an_endpoint_only_the_alarm_is_kept(open_store: Any, of_operator: Any) -> None:
    async with open_store(accounts=of_operator) as bench:
        assert await turn(bench, DOWN, "telco", raised=True)
        assert bench.sql("SELECT * FROM events") == []
        assert await turn(bench, DOWN, "telco", raised=False)


async def test_an_endpoint_is_told_only_what_it_asks_for(open_store: Any) -> None:
    async with open_store(accounts=accounts(frozenset({"carrier.up"}))) as bench:
        bench.take_deliveries()
        await turn(bench, DOWN, "telco", raised=True)
        await turn(bench, DOWN, "telco", raised=False)
        assert bench.types(bench.deliveries) == ["carrier.up"]


async def test_an_endpoint_may_come_and_go_with_a_reload(open_store: Any) -> None:
    async with open_store(accounts={}) as bench:
        bench.take_deliveries()
        await turn(bench, DOWN, "telco", raised=True)
        await bench.store.reconfigure(replace(bench.policy, accounts=accounts(ALL)), "it comes")
        await turn(bench, DOWN, "telco", raised=False)
        assert bench.types(bench.deliveries) == ["carrier.up"]
        await bench.outcome(bench.deliveries[0])
        await bench.store.reconfigure(replace(bench.policy, accounts={}), "it goes")
        await turn(bench, DOWN, "telco", raised=True)
        assert bench.types(bench.deliveries) == ["carrier.up"]
        assert await bench.store.endpoint_health(1) == []


async def test_no_account_ever_sees_them(told: Any) -> None:
    await turn(told, DOWN, "telco", raised=True)
    assert (await told.store.events("shop", EventFilter(), limit=10, cursor=None)).rows == []
    mine = await told.store.events(OPERATOR, EventFilter(), limit=10, cursor=None)
    assert [row.type for row in mine.rows] == ["carrier.down"]


async def test_an_alarm_of_another_version_is_left_alone(told: Any) -> None:
    told.sql("INSERT INTO alarms (kind, subject, since, data) VALUES ('moon.full', 'moon', 1, '{}')")
    await turn(told, DOWN, "telco", raised=True)
    assert [row.kind for row in await told.store.alarms()] == [DOWN]


async def test_the_operators_own_endpoint_is_tested_enabled_and_replayed_like_any(told: Any) -> None:
    await turn(told, DOWN, "telco", raised=True)
    await told.outcome(told.deliveries[0], 410)
    assert await told.store.endpoint_health(100) == [EndpointHealth(OPERATOR, URL, 1, 0, "answered 410 Gone")]
    assert await told.store.enable_endpoint(OPERATOR, by=by_operator(7))
    await told.commit()
    await told.outcome(told.deliveries[1])
    event = await told.store.add_test_event(OPERATOR, by=by_operator(8))
    assert event is not None
    assert await told.store.replay(OPERATOR, [1 << 60], None, None, failed_only=False, by=BY) == 0
    assert {row[0] for row in told.sql("SELECT who FROM audit")} == {"operator"}


# --- endpoints that don't take their events


async def test_endpoints_that_failed_so_often_are_found_with_what_waits(bench: Any) -> None:
    bench.take_deliveries()
    await bench.store.cancel("shop", await bench.accept_one(scheduled_at=bench.clock() + 1000), by_account("shop", 1))
    await bench.commit()
    for _ in range(3):
        await bench.outcome(bench.deliveries[-1], 503)
        await bench.after(120_000)
    (found,) = await bench.store.endpoint_health(3)
    assert (found.account, found.failures, found.disabled_reason) == ("shop", 3, None)
    assert await bench.store.endpoint_health(4) == []


async def test_origins_of_webhook_urls_that_fail_are_found_too(bench: Any) -> None:
    bench.take_deliveries()
    url = "https://one.example/x?secret"
    message = await bench.accept_one(webhook_url=url, scheduled_at=bench.clock() + 1000)
    await bench.store.cancel("shop", message, by_account("shop", 1))
    await bench.commit()
    await bench.outcome(bench.deliveries[-1], 503)
    (found,) = await bench.store.endpoint_health(1)
    assert (found.account, found.url, found.failures) == ("shop", "https://one.example", 1)


async def test_an_endpoint_of_no_webhook_any_more_is_nothing_amiss(open_store: Any) -> None:
    async with open_store() as bench:
        bench.take_deliveries()
        await bench.store.add_test_event("shop", by=BY)
        await bench.commit()
        await bench.outcome(bench.deliveries[0], 503)
        assert len(await bench.store.endpoint_health(1)) == 1
    async with open_store(accounts={"shop": EndpointPolicy(None, 1, ALL)}) as bench:
        assert await bench.store.endpoint_health(1) == []
