"""What can happen to a message before it is sent: canceled, scheduled, expired."""

from datetime import UTC, datetime, timedelta

import pytest
from daemons import carrier
from ports import free_port

pytestmark = pytest.mark.scenario


def test_what_waits_can_be_canceled_and_expires_and_what_was_sent_does_neither(
    gateway_with, simulator_with, record, webhooks
):
    port = free_port()
    gateway = gateway_with(carriers={"telco": carrier(port)})
    short = gateway.send("+34600300001", validity=1)
    canceled, deleted, kept = (gateway.send(f"+3460010000{n}", validity=60) for n in range(3))

    answer = gateway.call("POST", f"/v1/sms/{canceled['id']}/cancel")

    assert (answer.status, answer.json) == (200, {"id": canceled["id"], "status": "canceled"})
    assert gateway.call("POST", f"/v1/sms/{canceled['id']}/cancel").status == 200
    assert gateway.call("DELETE", f"/v1/sms/{deleted['id']}").status == 200
    webhooks.wait(canceled, "canceled")
    webhooks.wait(deleted, "canceled")
    expired = webhooks.wait(short, "expired")
    assert (expired["data"]["error"]["code"], expired["data"]["attempts"]) == ("expired", 0)
    simulator_with(*record.option, port=port)
    webhooks.wait(kept, "delivered")
    assert record.numbers() == [kept["to"]]
    too_late = gateway.call("POST", f"/v1/sms/{kept['id']}/cancel")
    assert (too_late.status, too_late.json["code"]) == (409, "already_sent")
    assert [webhooks.told(message) for message in (canceled, short, kept)] == [
        ["canceled"],
        ["expired"],
        ["sent", "delivered"],
    ]
    seen = gateway.message(canceled["id"])
    assert (seen["status"], seen["error"]["code"], seen["attempts"]) == ("canceled", "canceled", 0)
    assert [step["what"] for step in seen["timeline"]][:2] == ["accepted", "canceled"]
    seen = gateway.message(short["id"])
    assert (seen["status"], seen["parts"]) == ("expired", [])


def test_a_scheduled_message_waits_for_its_time(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option)
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    at = datetime.now(UTC) + timedelta(seconds=3)
    later = gateway.send("+34600200001", schedule=at.isoformat())
    never = gateway.send("+34600200002", schedule=at.isoformat())
    now = gateway.send("+34600200003")
    assert (later["status"], now["status"]) == ("scheduled", "queued")
    assert gateway.call("POST", f"/v1/sms/{never['id']}/cancel").status == 200

    webhooks.wait(later, "delivered")

    assert record.numbers() == [now["to"], later["to"]]
    sent_at = record.taken()[1]["at"] - at.timestamp()
    assert sent_at >= -0.01
    story = [step["what"] for step in gateway.message(later["id"])["timeline"]]
    assert story[:4] == ["accepted", "scheduled", "queued", "submit"]
    past = gateway.call("POST", "/v1/sms", {"to": "+34600200004", "text": "Hello", "schedule": "2020-01-01T00:00:00Z"})
    assert (past.status, past.json["codes"]) == (422, {"schedule": ["in_the_past"]})
