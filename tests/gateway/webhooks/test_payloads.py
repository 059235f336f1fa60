"""Bodies against the contract, read back by the standard library."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.identifiers import EVENT, MESSAGE, public
from gateway.messages import MessageState
from gateway.store.interface import EventFacts
from gateway.store.views import MessageRow
from gateway.webhooks.payloads import batch_body, event_body

CREATED_AT = 1_795_284_245_123  # 2026-11-21T18:04:05.123Z
MESSAGE_ID = CREATED_AT << 20 | 7
EVENT_ID = (CREATED_AT + 4_358) << 20


def a_message(**changes: Any) -> MessageRow:
    facts: dict[str, Any] = dict.fromkeys(MessageRow._fields)
    facts.update(
        id=MESSAGE_ID, account="shop", submission=1, request_id=2, lane="transactional", route="rest", sender="SHOP",
        state=MessageState.DELIVERED, recipient="+34600000001", encoding="gsm7", segments=1, country="ES",
        allow_unicode=False, client_id="order-8841", expires_at=CREATED_AT + 86_400_000, sent_at=CREATED_AT + 40,
        done_at=CREATED_AT + 4_000, tries=0, throttles=0, possible_duplicate=False,
    )  # fmt: skip
    facts.update(changes)
    return MessageRow(**facts)


def facts(**changes: Any) -> EventFacts:
    given: dict[str, Any] = {
        "id": EVENT_ID, "type": "message.delivered", "at": CREATED_AT + 4_358, "message": a_message(),
        "status": "delivered", "carrier": "telco", "carrier_message_id": "5F3A", "attempts": 1,
    }  # fmt: skip
    return EventFacts(**{**given, **changes})


def test_a_body_is_the_contract_to_the_letter() -> None:
    assert event_body(facts()).decode() == (
        f'{{"id":"{public(EVENT, EVENT_ID)}","type":"message.delivered","timestamp":"2026-11-21T18:04:09.481Z",'
        f'"message_id":"{public(MESSAGE, MESSAGE_ID)}","client_id":"order-8841","status":"delivered",'
        '"data":{"from":"SHOP","to":"+34600000001","country":"ES","lane":"transactional","segments":1,"encoding":"gsm7",'
        '"attempts":1,"possible_duplicate":false,"created_at":"2026-11-21T18:04:05.123Z",'
        '"sent_at":"2026-11-21T18:04:05.163Z","done_at":"2026-11-21T18:04:09.123Z","carrier":"telco",'
        '"carrier_message_id":"5F3A","error":null,"campaign_id":null,"variant":null,"tag":null}}'
    )


def test_what_has_not_happened_is_null() -> None:
    message = a_message(sent_at=None, done_at=None, client_id=None, country=None)
    body = json.loads(event_body(facts(type="message.queued", status="queued", message=message, carrier=None)))
    assert body["client_id"] is None
    assert [body["data"][key] for key in ("sent_at", "done_at", "country", "carrier")] == [None] * 4


def test_an_error_is_told_as_it_is() -> None:
    error = {
        "class": "permanent",
        "code": "unknown_subscriber",
        "description": "The number is not in service.",
        "carrier_code": {
            "command_status": None,
            "receipt_state": "UNDELIV",
            "err": "001",
            "network_error_code": "gsm:1",
        },
    }
    body = json.loads(event_body(facts(type="message.undelivered", status="undelivered", error=error)))
    assert body["data"]["error"] == error


def test_a_possible_duplicate_is_a_truth_value_even_from_a_number() -> None:
    assert b'"possible_duplicate":true' in event_body(facts(message=a_message(possible_duplicate=1)))


@pytest.mark.parametrize("name", ['"', "\\", "\n", "\x00", "</script>", "🙂", "é", "\u2028"])
def test_any_text_of_a_caller_comes_back_as_it_was(name: str) -> None:
    body = json.loads(event_body(facts(message=a_message(client_id=name, sender=name, tag=name))))
    assert (body["client_id"], body["data"]["from"], body["data"]["tag"]) == (name, name, name)


def test_an_inbound_message_has_data_of_its_own_and_no_message_id() -> None:
    data = {"from": "+34600000001", "to": "SHOP", "text": "STOP", "encoding": "gsm7", "parts": 1, "carrier": "telco"}
    inbound = facts(type="message.inbound", status="received", message=None, data=data)
    body = json.loads(event_body(inbound))
    assert (body["type"], body["status"], body["message_id"], body["client_id"]) == (
        "message.inbound",
        "received",
        None,
        None,
    )
    assert body["data"] == data
    assert list(body) == ["id", "type", "timestamp", "message_id", "client_id", "status", "data"]


def test_a_test_event_without_data_has_an_empty_object() -> None:
    assert json.loads(event_body(facts(type="webhook.test", status="test", message=None)))["data"] == {}


def test_a_batch_is_an_array_in_order() -> None:
    assert json.loads(batch_body([b'{"id":"1"}', b'{"id":"2"}'])) == [{"id": "1"}, {"id": "2"}]
    assert batch_body([b"{}"]) == b"[{}]"


def test_the_documented_example_is_what_is_posted() -> None:
    page = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    example = page.split("```json\n")[1].split("```")[0]
    assert "".join(line.strip() for line in example.splitlines()).encode() == event_body(facts())
