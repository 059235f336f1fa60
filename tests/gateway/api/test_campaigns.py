"""What an account asks about its campaigns, and pausing, resuming and canceling them, through the app and the store."""

from typing import Any

import pytest
from campaign_calls import HERE, a_campaign, got, posted, when
from houses import House


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    configuration["accounts"]["shop"]["number_check"] = "shape"
    configuration["accounts"]["other"]["tokens"][0]["scopes"] = ["send", "read"]
    return configuration


async def test_another_accounts_campaign_is_not_there(house: House) -> None:
    found = await posted(house, a_campaign())
    path = f"/v1/campaigns/{found['id']}"
    for method, rest in (("GET", ""), ("GET", "/errors"), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel")):
        answer = await house.client("other").call(method, path + rest)
        assert answer.status_code == 404
    assert (await got(house, "/v1/campaigns", token="other"))["entities"] == []
    for made_up in ("cmp_01KAK5YDQ4V8M3Z2T9N6C1XHRD", "may", found["id"].replace("cmp_", "msg_")):
        assert (await got(house, f"/v1/campaigns/{made_up}", 404))["code"] == "not_found"


async def test_reading_needs_the_scope_read_and_moving_the_scope_send(house: House) -> None:
    found = await posted(house, a_campaign())
    reader = house.client("shop-read")
    assert (await reader.get(f"/v1/campaigns/{found['id']}")).status_code == 200
    for path in (HERE, f"/v1/campaigns/{found['id']}/pause"):
        assert (await reader.post(path, json=a_campaign())).status_code == 403


async def test_errors_come_in_pages_and_the_first_hundred_with_the_campaign(house: House) -> None:
    found = await posted(house, a_campaign(*["nobody"] * 250, "+34600000001", message="Hi"))
    assert [error["index"] for error in found["errors"]] == list(range(100))
    path, indexes = f"{found['errors_url']}?limit=90", []
    while path:
        page = await got(house, path)
        indexes += [error["index"] for error in page["entities"]]
        path = page["next_cursor"] and f"{found['errors_url']}?limit=90&cursor={page['next_cursor']}"
    assert indexes == list(range(250))


async def test_campaigns_are_listed_by_status_newest_first_in_pages(house: House) -> None:
    ids = [(await posted(house, a_campaign(tag=str(n))))["id"] for n in range(5)]
    await when(house, {"id": ids[-1]}, "scheduled")
    await house.client().post(f"/v1/campaigns/{ids[1]}/cancel")
    listed, path = [], "/v1/campaigns?limit=2&status=scheduled,running"
    while path:
        page = await got(house, path)
        listed += [one["id"] for one in page["entities"]]
        path = page["next_cursor"] and f"/v1/campaigns?limit=2&status=scheduled,running&cursor={page['next_cursor']}"
    assert listed == [ids[4], ids[3], ids[2], ids[0]]
    assert (await got(house, "/v1/campaigns?status=done", 422))["codes"] == {"status": ["unknown_status"]}


async def test_pause_resume_and_cancel_answer_with_the_campaign_and_say_what_is_not_possible(house: House) -> None:
    found = await posted(house, a_campaign())
    await when(house, found, "scheduled")
    path = f"/v1/campaigns/{found['id']}"
    for move, status in (("pause", "paused"), ("pause", "paused"), ("resume", "scheduled"), ("cancel", "canceled"),
                         ("cancel", "canceled")):  # fmt: skip
        answer = await house.client().post(f"{path}/{move}")
        assert (answer.status_code, (await answer.get_json())["status"]) == (200, status)
    answer = await house.client().post(f"{path}/resume")
    problem = await answer.get_json()
    assert (answer.status_code, problem["code"], problem["campaign_status"]) == (409, "campaign_status", "canceled")
    ended = await got(house, path)
    assert (ended["counts"]["canceled"], ended["counts"]["waiting"], ended["progress"]) == (1, 0, 1.0)


async def test_a_move_is_carried_out_once_per_key(house: House) -> None:
    found = await posted(house, a_campaign())
    await when(house, found, "scheduled")
    key = {"Idempotency-Key": "stop"}
    first = await house.client().post(f"/v1/campaigns/{found['id']}/pause", headers=key)
    await house.client().post(f"/v1/campaigns/{found['id']}/resume")
    again = await house.client().post(f"/v1/campaigns/{found['id']}/pause", headers=key)
    assert await again.get_json() == await first.get_json()
    assert (await got(house, f"/v1/campaigns/{found['id']}"))["status"] == "scheduled"


async def test_voice_is_not_offered(house: House) -> None:
    answer = await house.client().post("/v1/campaigns/voice", json={})
    assert (answer.status_code, (await answer.get_json())["code"]) == (501, "voice_not_offered")
    assert (await house.client(None).post("/v1/campaigns/voice", json={})).status_code == 401


async def test_a_named_template_is_taken_as_it_stands_with_its_language_and_defaults(house: House) -> None:
    template = {
        "text": "Hi {name}",
        "locales": {"es": "Hola {name} {x:y}"},
        "defaults": {"name": "you"},
        "required": ["x"],
    }
    await house.client().call("PUT", "/v1/templates/may", json=template)
    campaign = a_campaign(
        {"phone": "+34600000001", "x": 1}, "+34600000002", message=None, template="may", locale="es-MX"
    )
    found = await posted(house, campaign)
    assert (found["template"], found["recipients"]["accepted"]) == ("may", 1)
    assert found["errors"][0]["codes"] == {"x": ["missing"]}


@pytest.mark.parametrize("rate", ["1e-18", "1e-320"])
async def test_a_campaign_whose_end_no_calendar_holds_is_shown_without_one(house: House, rate: str) -> None:
    found = await posted(house, a_campaign("+34600000001", message="Hi", rate=1))
    assert (await when(house, found, "scheduled"))["expected_end"] is not None
    slowed = f"UPDATE campaigns SET definition = json_set(definition, '$.rate', {rate})"
    await house.store._writer._connection.call(lambda connection: connection.execute(slowed))
    shown = await got(house, f"/v1/campaigns/{found['id']}")
    assert (shown["expected_end"], shown["rate_limit"] > 0) == (None, True)
    assert (await got(house, "/v1/campaigns"))["entities"] == [shown]
    for path in ("/admin/campaigns", f"/admin/campaigns/{found['id']}"):
        assert (await house.operator().get(path)).status_code == 200
