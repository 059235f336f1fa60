"""What operators see and do of every account's campaigns, endpoints, events and opt-outs, each doing in the audit."""

import base64
from typing import Any

import pytest
from campaign_calls import a_campaign, posted, when
from houses import House, hashed

from gateway.store.interface import Delivery, DeliveryOutcome

NUMBER = "%2B34600000001"


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    configuration["accounts"]["shop"] |= {"number_check": "shape", "default_region": None}
    anna = {"sha256": hashed("anna"), "name": "anna"}
    viewer = {"sha256": hashed("viewer"), "name": "vera", "role": "viewer"}
    configuration["operator"]["tokens"] += [anna, viewer]
    return configuration


async def seen(house: House, path: str, status: int = 200, token: str = "anna") -> Any:
    answer = await house.operator(token).get(path)
    assert answer.status_code == status, await answer.get_data()
    return await answer.get_json()


async def did(house: House, path: str, status: int = 200, method: str = "POST", **given: Any) -> Any:
    answer = await house.operator("anna").call(method, path, **given)
    assert answer.status_code == status, await answer.get_data()
    return None if status == 204 else await answer.get_json()


async def audited(house: House) -> list[str]:
    found = await seen(house, "/admin/audit?who=operator:anna")
    return [one["what"] for one in found["entities"]]


# --- campaigns


async def test_campaigns_of_all_accounts_are_listed_with_whose_they_are(house: House) -> None:
    campaign = await posted(house, a_campaign())
    await when(house, campaign, "scheduled")
    (one,) = (await seen(house, "/admin/campaigns?status=scheduled&account=shop"))["entities"]
    assert (one["id"], one["account"], one["campaign_name"]) == (campaign["id"], "shop", "May Promotion")
    assert (await seen(house, "/admin/campaigns?account=other"))["entities"] == []
    found = await seen(house, f"/admin/campaigns/{campaign['id']}")
    assert {**found, "account": None} == {
        **await (await house.client().get(found_path(campaign))).get_json(),
        "account": None,
    }
    assert (await seen(house, "/admin/campaigns?status=done", 422))["codes"] == {"status": ["unknown_status"]}
    for unknown in ("cmp_01KAK5YDQ4V8M3Z2T9N6C1XHRD", "may"):
        assert (await seen(house, f"/admin/campaigns/{unknown}", 404))["code"] == "not_found"


def found_path(campaign: dict[str, Any]) -> str:
    return f"/v1/campaigns/{campaign['id']}"


async def test_a_viewer_learns_no_number_from_a_campaigns_errors(house: House) -> None:
    good = {"phone": "+15551234567", "first_name": "Alice", "code": "ALICE20"}
    campaign = await posted(house, a_campaign(good, good | {"phone": "34600000001"}))
    await when(house, campaign, "scheduled")
    path = f"/admin/campaigns/{campaign['id']}"
    ((whole,), (masked,)) = [
        (await seen(house, path, token=token))["errors"][0]["fields"]["phone"] for token in ("anna", "viewer")
    ]
    assert "+34600000001" in whole
    assert masked == whole.replace("600000001", "•••••••01")


async def test_an_operator_moves_a_campaign_as_its_account_may(house: House) -> None:
    campaign = await posted(house, a_campaign())
    await when(house, campaign, "scheduled")
    path = f"/admin/campaigns/{campaign['id']}"
    assert (await did(house, f"{path}/pause"))["status"] == "paused"
    assert (await did(house, f"{path}/resume"))["status"] == "scheduled"
    assert (await did(house, f"{path}/cancel"))["status"] == "canceled"
    refused = await did(house, f"{path}/pause", 409)
    assert (refused["code"], refused["campaign_status"]) == ("campaign_status", "canceled")
    assert await audited(house) == ["cancel_campaign", "resume_campaign", "pause_campaign"]
    await did(house, "/admin/campaigns/may/pause", 404)


# --- endpoints and events


async def a_given_up_event(house: House) -> str:
    """The id of an event that was given up; what it tells holds numbers and a text."""
    taken: list[Delivery] = []
    house.store.take_deliveries(taken.extend)
    message = await (await house.client().post("/v1/sms", json={"to": "+34600000001", "text": "secret"})).get_json()
    assert (await house.client().post(f"/v1/sms/{message['id']}/cancel")).status_code == 200
    while not taken:
        await house.store.keep_alive()
    (delivery,) = taken
    outcome = DeliveryOutcome(delivery.id, delivery.endpoint, delivery.created_at, 5, 500, "said 500", False, None)
    house.store.delivered(outcome)
    await house.store.keep_alive()
    (event,) = (await seen(house, "/admin/outbox"))["entities"]
    return str(event["id"])


async def test_the_outbox_shows_events_of_all_accounts_masked_to_viewers(house: House) -> None:
    event_id = await a_given_up_event(house)
    (event,) = (await seen(house, "/admin/outbox?status=failed&type=message.canceled"))["entities"]
    assert (event["id"], event["account"], event["status"]) == (event_id, "shop", "failed")
    assert event["event"]["data"]["to"] == "+34600000001"
    (masked,) = (await seen(house, "/admin/outbox?account=shop", token="viewer"))["entities"]
    assert masked["event"]["data"]["to"] == "+34•••••••01"
    of_message = await seen(house, f"/admin/outbox?message_id={event['message_id']}")
    assert [one["id"] for one in of_message["entities"]] == [event_id]
    assert (await seen(house, "/admin/outbox?account=other"))["entities"] == []
    assert (await seen(house, "/admin/outbox?type=nothing", 422))["code"] == "invalid_fields"


async def test_an_operator_tells_an_event_again(house: House) -> None:
    event_id = await a_given_up_event(house)
    assert await did(house, f"/admin/outbox/{event_id}/replay", 202) == {"replayed": 1}
    assert await did(house, f"/admin/outbox/{event_id}/replay", 202) == {"replayed": 0}
    await did(house, "/admin/outbox/evt_01KAK5YDQ4V8M3Z2T9N6C1XHRD/replay", 404)
    assert await audited(house) == ["replay"]


async def test_an_endpoint_is_enabled_and_told_again_by_its_id(house: House) -> None:
    await a_given_up_event(house)
    (endpoint,) = (await seen(house, "/admin/endpoints"))["entities"]
    assert (endpoint["account"], endpoint["own"], endpoint["failed"], endpoint["lag"]) == ("shop", True, 1, None)
    path = f"/admin/endpoints/{endpoint['id']}"
    assert await did(house, f"{path}/enable") == {"id": endpoint["id"], "enabled": True}
    assert await did(house, f"{path}/replay", 202, json={"status": "failed"}) == {"replayed": 1}
    (waiting,) = (await seen(house, "/admin/endpoints"))["entities"]
    assert waiting["pending"] == 1
    assert waiting["lag"] >= 0
    await did(house, f"{path}/replay", 422, json={})
    await did(house, "/admin/endpoints/999/enable", 404)
    for nobodys in (999, 1 << 63):
        await did(house, f"/admin/endpoints/{nobodys}/replay", 404, json={"status": "failed"})
    assert await audited(house) == ["replay", "enable_endpoint"]
    (enabled,) = (await seen(house, "/admin/audit?what=enable_endpoint"))["entities"]
    assert enabled["endpoint"] == endpoint["id"]


# --- opt-outs


async def test_an_opt_out_by_an_operator_bars_the_number_until_it_is_removed(house: House) -> None:
    kept = await did(house, f"/admin/opt-outs/shop/{NUMBER}", 201, "PUT", json={"why": "asked by phone"})
    assert (kept["number"], kept["source"], kept["why"]) == ("+34600000001", "operator", "asked by phone")
    assert (await house.client().post("/v1/sms", json={"to": "+34600000001", "text": "Hello"})).status_code == 422
    await did(house, f"/admin/opt-outs/shop/{NUMBER}", 200, "PUT", json={"sender": None})
    (found,) = (await seen(house, f"/admin/opt-outs/shop/{NUMBER}"))["entities"]
    assert found["why"] is None
    await did(house, f"/admin/opt-outs/shop/{NUMBER}", 204, "DELETE")
    assert (await house.client().post("/v1/sms", json={"to": "+34600000001", "text": "Hello"})).status_code == 201
    await did(house, f"/admin/opt-outs/shop/{NUMBER}", 404, "DELETE")
    await seen(house, f"/admin/opt-outs/shop/{NUMBER}", 404)
    assert await audited(house) == ["delete_opt_out", "put_opt_out", "put_opt_out"]
    kept = await seen(house, "/admin/audit?what=delete_opt_out")
    assert [(one["who"], one["outcome"]) for one in kept["entities"]] == [("operator:anna", "shop")]


async def test_opt_outs_of_an_account_come_in_pages_masked_to_viewers(house: House) -> None:
    for number in range(3):
        await did(house, f"/admin/opt-outs/shop/%2B3460000000{number}", 201, "PUT")
    listed, path = [], "/admin/opt-outs/shop?limit=2"
    while path:
        page = await seen(house, path)
        listed += [one["number"] for one in page["entities"]]
        path = page["next_cursor"] and f"/admin/opt-outs/shop?limit=2&cursor={page['next_cursor']}"
    assert listed == ["+34600000000", "+34600000001", "+34600000002"]
    masked = await seen(house, "/admin/opt-outs/shop", token="viewer")
    assert {one["number"] for one in masked["entities"]} == {"+34•••••••00", "+34•••••••01", "+34•••••••02"}


async def test_no_cursor_of_a_viewers_tells_a_number_or_is_made_of_one(house: House) -> None:
    for number in range(3):
        path = f"/admin/opt-outs/shop/%2B3460000000{number}"
        await did(house, path, 201, "PUT", json={"why": f"called from +3460000000{number}", "sender": "34911000111"})
    first = await seen(house, "/admin/opt-outs/shop?limit=2", token="viewer")
    assert first["entities"][0]["why"] == "called from +34•••••••00"
    assert first["entities"][0]["sender"] == "34•••••••11"
    assert b"600000001" not in base64.urlsafe_b64decode(f"{first['next_cursor']}====")
    path = f"/admin/opt-outs/shop?limit=2&cursor={first['next_cursor']}"
    assert [one["number"] for one in (await seen(house, path, token="viewer"))["entities"]] == ["+34•••••••02"]
    whole = await seen(house, "/admin/opt-outs/shop?limit=2")
    path = f"/admin/opt-outs/shop?cursor={whole['next_cursor']}"
    assert (await seen(house, path, 422, token="viewer"))["code"] == "invalid_fields"


async def test_what_is_no_number_account_or_sender_is_told_by_its_name(house: House) -> None:
    problem = await did(house, "/admin/opt-outs/shop/nobody", 422, "PUT", json={"sender": "x" * 30})
    assert set(problem["fields"]) == {"number", "sender"}
    assert set((await seen(house, f"/admin/opt-outs/nobody/{NUMBER}", 422))["fields"]) == {"account"}
    assert set((await seen(house, "/admin/opt-outs/nobody", 422))["fields"]) == {"account"}
    assert await audited(house) == []
