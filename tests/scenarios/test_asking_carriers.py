"""Whole gateways that ask a carrier not to deliver what it has, with what the carrier then tells."""

import pytest
from arrivals import wait_until
from daemons import carrier

pytestmark = pytest.mark.scenario


def steps(message, what):
    return [step for step in message["timeline"] if step["what"] == what]


def test_a_sent_message_is_canceled_at_the_carrier_and_told_when_its_receipt_says_so(
    gateway_with, simulator_with, webhooks
):
    simulator = simulator_with("--receipt-delay", "3s")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, cancel_sm=True)})
    gateway.wait_able("telco")
    canceled, kept = gateway.send("+34600100001"), gateway.send("+34600100002")
    webhooks.wait(canceled, "sent")

    for _ in range(2):
        answer = gateway.call("POST", f"/v1/sms/{canceled['id']}/cancel")
        assert (answer.status, answer.json) == (202, {"id": canceled["id"], "status": "sent"})

    event = webhooks.wait(canceled, "canceled")
    assert event["data"]["error"]["code"] == "canceled"
    seen = gateway.message(canceled["id"])
    (asked,) = steps(seen, "cancel_sm")
    assert (asked["outcome"], asked["command_status"], asked["bind"]) == ("accepted", "ESME_ROK", "telco/1")
    (receipt,) = steps(seen, "receipt")
    assert (receipt["state"], receipt["applied"]) == ("DELETED", True)
    webhooks.wait(kept, "delivered")
    assert webhooks.told(canceled) == ["sent", "canceled"]


def test_a_cancel_that_the_carrier_refuses_ends_as_the_receipt_says(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, cancel_sm=True)})
    gateway.wait_able("telco")
    message = gateway.send("+34600000204")  # delivered, and no receipt tells so
    webhooks.wait(message, "sent")

    assert gateway.call("DELETE", f"/v1/sms/{message['id']}").status == 202

    wait_until(lambda: steps(gateway.message(message["id"]), "cancel_sm"), "the carrier has answered")
    (asked,) = steps(gateway.message(message["id"]), "cancel_sm")
    assert (asked["outcome"], asked["command_status"]) == ("refused", "ESME_RCANCELFAIL")
    again = gateway.call("DELETE", f"/v1/sms/{message['id']}")
    assert (again.status, again.json["code"]) == (409, "already_sent")


def test_a_cancel_survives_a_kill_while_the_carrier_is_away(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--receipt-delay", "8s")
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port, cancel_sm=True, reconnect_floor="3s", reconnect_ceiling="3s")}
    )
    gateway.wait_able("telco")
    message = gateway.send("+34600100001")
    webhooks.wait(message, "sent")
    simulator.ask("cut")
    assert gateway.call("POST", f"/v1/sms/{message['id']}/cancel").status == 202
    gateway.kill()

    gateway.start()

    webhooks.wait(message, "canceled")
    (asked,) = steps(gateway.message(message["id"]), "cancel_sm")
    assert asked["outcome"] == "accepted"
