"""What operators see of alarms, and of how they are told."""

from typing import Any

import pytest

from gateway.flows.alarms import Raised
from gateway.settings.alerts import OperatorEvent

SECRET = "whsec_" + "QUJD" * 16
SINCE = 1_800_000_000_000
DOWN = Raised(OperatorEvent.CARRIER_DOWN, "telco", SINCE, {"last_error": "the connection was refused"})
SEEN = {
    "alarm": "carrier.down",
    "subject": "telco",
    "since": "2027-01-15T08:00:00.000Z",
    "words": "carrier telco can't send: none of its binds is up",
    "runbook": "docs/operations.md#carrier-down",
    "last_error": "the connection was refused",
}


@pytest.fixture
def told(configuration: dict[str, Any]) -> None:
    configuration["operator"]["webhook"] = {"url": "https://ops.example/alarms", "secrets": [SECRET]}


@pytest.mark.parametrize("what", ["alarms", "events"])
async def test_it_takes_operators_tokens_alone(house: Any, what: str) -> None:
    assert (await house.operator("shop").get(f"/admin/{what}")).status_code == 401
    assert (await house.operator().get(f"/admin/{what}")).status_code == 200


@pytest.mark.parametrize("what", ["events/evt_1/replay", "webhook/test", "webhook/enable"])
async def test_nothing_is_changed_without_a_token(house: Any, what: str) -> None:
    assert (await house.operator(None).post(f"/admin/{what}")).status_code == 401


async def test_alarms_are_listed_and_stand_in_the_status_too(house: Any) -> None:
    house.alarms.now = [DOWN]
    listed = await (await house.operator().get("/admin/alarms")).get_json()
    assert listed == {"entities": [SEEN], "next_cursor": None}
    assert (await (await house.operator().get("/admin/status")).get_json())["alarms"] == [SEEN]


@pytest.mark.usefixtures("told")
async def test_events_are_listed_newest_first_with_how_telling_them_goes(house: Any) -> None:
    await house.store.alarm(OperatorEvent.CARRIER_DOWN, "telco", SINCE, {}, raised=True)
    await house.store.alarm(OperatorEvent.CARRIER_DOWN, "telco", SINCE, {}, raised=False)
    listed = await (await house.operator().get("/admin/events?limit=1")).get_json()
    (event,) = listed["entities"]
    assert (event["type"], event["status"], event["url"]) == ("carrier.up", "pending", "https://ops.example/alarms")
    assert event["event"]["data"]["subject"] == "telco"
    rest = await (await house.operator().get(f"/admin/events?cursor={listed['next_cursor']}")).get_json()
    assert [event["type"] for event in rest["entities"]] == ["carrier.down"]


@pytest.mark.usefixtures("told")
async def test_accounts_do_not_see_them(house: Any) -> None:
    await house.store.alarm(OperatorEvent.CARRIER_DOWN, "telco", SINCE, {}, raised=True)
    assert (await (await house.client().get("/v1/events")).get_json())["entities"] == []


@pytest.mark.usefixtures("told")
async def test_a_test_event_is_filed_and_may_be_told_again_once_it_was(house: Any) -> None:
    answer = await house.operator().post("/admin/webhook/test")
    assert answer.status_code == 202
    event = (await answer.get_json())["event_id"]
    (listed,) = (await (await house.operator().get("/admin/events")).get_json())["entities"]
    assert (listed["id"], listed["type"], listed["event"]["data"]) == (event, "webhook.test", {"account": "operator"})
    again = await house.operator().post(f"/admin/events/{event}/replay")
    assert (again.status_code, await again.get_json()) == (202, {"replayed": 0})


@pytest.mark.usefixtures("told")
async def test_a_disabled_endpoint_is_enabled(house: Any) -> None:
    answer = await house.operator().post("/admin/webhook/enable")
    assert await answer.get_json() == {"enabled": True}
    (endpoint,) = [
        row
        for row in (await (await house.operator().get("/admin/endpoints")).get_json())["entities"]
        if row["account"] == "operator"
    ]
    assert endpoint["enabled"]


@pytest.mark.parametrize("what", ["test", "enable"])
async def test_where_nobody_is_told_that_is_said(house: Any, what: str) -> None:
    answer = await house.operator().post(f"/admin/webhook/{what}")
    assert answer.status_code == 404
    assert "operator.webhook is not set" in (await answer.get_json())["detail"]


@pytest.mark.parametrize("event", ["evt_nonsense", "evt_01KAK5Y7Q4V8M3Z2T9N6C1XHRD"])
async def test_an_event_that_is_not_there_is_not_found(house: Any, event: str) -> None:
    assert (await house.operator().post(f"/admin/events/{event}/replay")).status_code == 404
