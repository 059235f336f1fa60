"""Messages looked up and canceled, events and webhooks: each account its own alone."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from claimed_messages import sent, submitted

from gateway import identifiers
from gateway.api.description.schemas import FullMessage
from gateway.store.enquiry import EnquiryAnswer

Build = Callable[..., dict[str, Any]]


async def test_a_message_is_shown_with_its_timeline(house: Any, a_message: Build) -> None:
    found = await sent(house, a_message(client_id="order-1", tag="t"))
    body = await (await house.client("shop-read").get(f"/v1/sms/{found}")).get_json()
    assert list(body) == [field.encode_name for field in msgspec.structs.fields(FullMessage)]
    assert (body["status"], body["route"], body["country"], body["attempts"]) == ("sent", "rest", "ES", 1)
    assert [step["what"] for step in body["timeline"]] == ["accepted", "submit"]
    assert body["allow_unicode"] is False
    assert body["parts"][0]["carrier_message_id"] == "5F3A"


@pytest.mark.parametrize("method_and_path", ["GET {}", "POST {}/cancel", "DELETE {}"])
async def test_another_accounts_message_is_not_found(house: Any, a_message: Build, method_and_path: str) -> None:
    method, path = method_and_path.format("/v1/sms/" + await submitted(house, a_message())).split()
    answer = await house.client("other").call(method, path)
    unknown = await house.client("other").call(method, path.replace("/msg_01", "/msg_00"))
    assert (answer.status_code, unknown.status_code) == (404, 404)
    assert (await answer.get_json())["detail"] == (await unknown.get_json())["detail"]
    assert house.store.backlog() == 1


@pytest.mark.parametrize("text", ["msg_x", "order-8841", "msg_" + "0" * 26, "%00", "msg_" + "Z" * 26, "☃"])
async def test_an_id_that_is_none_is_not_found(house: Any, text: str) -> None:
    assert (await house.client().get(f"/v1/sms/{text}")).status_code == 404
    assert (await house.client().post(f"/v1/events/{text}/replay")).status_code == 404


async def test_a_message_is_listed_by_its_client_id(house: Any, a_message: Build) -> None:
    found = await submitted(house, a_message(client_id="order-1"))
    body = await (await house.client().get("/v1/sms?client_id=order-1")).get_json()
    assert [entity["id"] for entity in body["entities"]] == [found]
    assert body["next_cursor"] is None
    assert "timeline" not in body["entities"][0]
    assert (await (await house.client("other").get("/v1/sms?client_id=order-1")).get_json())["entities"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("client_id=", "client_id"),
        ("client_id=" + "x" * 41, "client_id"),
        ("client_id=%00", "client_id"),
        ("client_id=a&client_id=b", "client_id"),
        ("client_id=a&state=sent", "state"),
        ("client_id=a&limit=0", "limit"),
        ("client_id=a&limit=501", "limit"),
        ("client_id=a&limit=x", "limit"),
        ("client_id=a&limit=-1", "limit"),
        ("client_id=a&limit=%C2%B2", "limit"),
        ("client_id=a&cursor=x", "cursor"),
    ],
)
async def test_a_wrong_parameter_is_named(house: Any, query: str, field: str) -> None:
    answer = await house.client().get(f"/v1/sms?{query}")
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == [field]


# --- canceling


async def test_a_waiting_message_is_canceled_and_canceling_again_changes_nothing(house: Any, a_message: Build) -> None:
    found = await submitted(house, a_message())
    for method, path in (("POST", f"/v1/sms/{found}/cancel"), ("DELETE", f"/v1/sms/{found}")):
        answer = await house.client().call(method, path)
        assert answer.status_code == 200
        assert await answer.get_json() == {"id": found, "status": "canceled"}
    body = await (await house.client().get(f"/v1/sms/{found}")).get_json()
    assert body["status"] == "canceled"
    assert body["timeline"][-1]["what"] == "canceled"


@pytest.fixture
def taking_cancels(configuration: dict[str, Any]) -> None:
    """Before the house is built."""
    configuration["carriers"]["telco"]["cancel_sm"] = True


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_sent_message_is_asked_of_a_carrier_that_takes_cancel_sm(
    taking_cancels: None, house: Any, a_message: Build, method: str
) -> None:
    found = await sent(house, a_message())
    path = f"/v1/sms/{found}/cancel" if method == "POST" else f"/v1/sms/{found}"
    headers = {"Idempotency-Key": "once"} if method == "POST" else {}
    for _ in range(2):
        answer = await house.client().call(method, path, headers=headers)
        assert answer.status_code == 202
        assert await answer.get_json() == {"id": found, "status": "sent"}
    (enquiry,) = (await house.store.enquiries("telco", 5)).now
    said = EnquiryAnswer(enquiry.name, enquiry.kind, "telco/1", identifiers.now_ms(), 12, 0x11)
    await house.store.enquired(said)
    body = await (await house.client("shop-read").get(f"/v1/sms/{found}")).get_json()
    step = body["timeline"][-1]
    told = (step["what"], step["outcome"], step["command_status"], step["bind"], step["latency_ms"])
    assert told == ("cancel_sm", "refused", "ESME_RCANCELFAIL", "telco/1", 12)
    assert body["status"] == "sent"
    assert (await house.client().call("DELETE", f"/v1/sms/{found}")).status_code == 409


async def test_a_sent_message_can_not_be_canceled(house: Any, a_message: Build) -> None:
    answer = await house.client().post(f"/v1/sms/{await sent(house, a_message())}/cancel")
    assert answer.status_code == 409
    assert (await answer.get_json())["code"] == "already_sent"


# --- events and webhook


async def test_events_are_listed_page_by_page_newest_first(house: Any, a_message: Build) -> None:
    for _ in range(3):
        await house.client().post(f"/v1/sms/{await submitted(house, a_message())}/cancel")
    seen: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(2):
        page = await (await house.client().get(f"/v1/events?limit=2{cursor}")).get_json()
        seen += page["entities"]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert [event["id"] for event in seen] == sorted({event["id"] for event in seen}, reverse=True)
    assert len(seen) == 3
    assert seen[0]["event"]["type"] == seen[0]["type"] == "message.canceled"
    assert seen[0]["event"]["message_id"] == seen[0]["message_id"]
    assert seen[0]["status"] == "pending"


async def test_events_are_listed_by_how_they_stand(house: Any, a_message: Build) -> None:
    await house.client().post(f"/v1/sms/{await submitted(house, a_message())}/cancel")
    assert len((await (await house.client().get("/v1/events?status=pending,failed")).get_json())["entities"]) == 1
    assert (await (await house.client().get("/v1/events?status=failed")).get_json())["entities"] == []
    assert (await house.client().get("/v1/events?status=gone")).status_code == 422
    assert (await (await house.client("other").get("/v1/events")).get_json())["entities"] == []


async def test_replaying_an_unknown_event_is_404_and_a_range_says_how_many(house: Any) -> None:
    unknown = identifiers.public(identifiers.EVENT, 12345)
    assert (await house.client().post(f"/v1/events/{unknown}/replay")).status_code == 404
    answer = await house.client().post("/v1/events/replay", json={"after": "2026-01-01T00:00:00Z", "status": "failed"})
    assert answer.status_code == 202
    assert await answer.get_json() == {"replayed": 0}


async def test_replaying_a_pending_event_changes_nothing_and_is_no_404(house: Any) -> None:
    event = (await (await house.client().post("/v1/webhook/test")).get_json())["event_id"]
    answer = await house.client().post(f"/v1/events/{event}/replay")
    assert (answer.status_code, await answer.get_json()) == (202, {"replayed": 0})
    assert (await house.client("other").post(f"/v1/events/{event}/replay")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "after"),
        ({"after": "yesterday"}, "after"),
        ({"before": "2026-01-01T00:00:00"}, "before"),
        ({"before": 17}, "before"),
        ({"before": "9999-01-01T00:00:00Z"}, "before"),
        ({"after": "2026-01-02T00:00:00Z", "before": "2026-01-01T00:00:00Z"}, "before"),
        ({"status": "pending"}, "status"),
        ({"status": "failed", "since": "x"}, "since"),
        ({"status": "failed", "\ud800": "x"}, "?"),
    ],
)
async def test_a_range_that_can_not_be_meant_is_refused_by_field(house: Any, body: Any, field: str) -> None:
    answer = await house.client().post("/v1/events/replay", json=body)
    assert answer.status_code == 422
    assert list((await answer.get_json())["fields"]) == [field]


async def test_a_replay_takes_an_object(house: Any) -> None:
    answer = await house.client().post("/v1/events/replay", json=["failed"])
    assert (answer.status_code, (await answer.get_json())["code"]) == (422, "not_an_object")


async def test_the_webhook_is_shown_tested_and_enabled(house: Any) -> None:
    answer = await house.client().post("/v1/webhook/test")
    assert answer.status_code == 202
    event = (await answer.get_json())["event_id"]
    assert event.startswith("evt_")
    (shown,) = (await (await house.client().get("/v1/webhook")).get_json())["entities"]
    assert (shown["url"], shown["own"], shown["enabled"]) == ("https://shop.example/sms", True, True)
    enabled = await house.client().post("/v1/webhook/enable")
    assert (enabled.status_code, await enabled.get_json()) == (200, {"enabled": True})
    listed = (await (await house.client().get("/v1/events")).get_json())["entities"]
    assert [(entity["id"], entity["type"], entity["message_id"]) for entity in listed] == [
        (event, "webhook.test", None)
    ]


@pytest.mark.parametrize("what", ["test", "enable"])
async def test_an_account_without_a_webhook_is_told_so(house: Any, what: str) -> None:
    answer = await house.client("other").post(f"/v1/webhook/{what}")
    assert (answer.status_code, (await answer.get_json())["code"]) == (404, "no_webhook")
