"""Receipts find their own message, whatever ids carriers give, and no phone can write one."""

import pytest
from daemons import account, carrier

pytestmark = pytest.mark.scenario

EACH = 1500
ROUTES = [
    {"name": "telco", "match": {"prefix": ["346"]}, "tiers": ["telco"]},
    {"name": "other", "match": {"prefix": ["347"]}, "tiers": ["other"]},
]


def bulk(gateway, prefix):
    numbers = [f"+{prefix}{n:08}" for n in range(EACH)]
    messages = []
    for start in range(0, EACH, 500):
        messages += gateway.send_bulk([{"to": number, "text": "Hello"} for number in numbers[start : start + 500]])
    return messages


def test_two_carriers_with_the_same_ids_at_the_same_time_do_not_get_each_others_receipts(
    gateway_with, simulator_with, webhooks
):
    """One answers in hexadecimal and receipts in decimal, so that its receipts name ids of the other's as well."""
    usual = ["--no-number-outcomes", "--first-id", "16", "--receipt-first", "0.05", "--duplicate-receipts", "0.05"]
    telco = simulator_with(*usual, "--id-format", "hex-response-decimal-receipt")
    other = simulator_with(*usual, "--id-format", "hex", "--receipt-state", "UNDELIV=1")
    carriers = {"telco": carrier(telco.port, binds=2), "other": carrier(other.port, binds=2)}
    shop = account(webhooks.url)
    shop["webhook"] |= {"batch": 100}
    gateway = gateway_with(carriers=carriers, routes=ROUTES, accounts={"shop": shop})
    gateway.wait_able("telco", "other")

    delivered, undelivered = bulk(gateway, "346"), bulk(gateway, "347")
    webhooks.wait_for_each(delivered, "delivered")
    webhooks.wait_for_each(undelivered, "undelivered")

    assert {tuple(webhooks.told(m)) for m in delivered} <= {("sent", "delivered"), ("delivered",)}
    assert {tuple(webhooks.told(m)) for m in undelivered} <= {("sent", "undelivered"), ("undelivered",)}
    assert gateway.operator.get("/admin/parked")["entities"] == []
    learned = {c["name"]: c["receipt_ids"] for c in gateway.operator.get("/admin/carriers")["entities"]}
    assert learned == {"telco": "decimal of our hex", "other": "same as in answers"}
    gateway.wait_logged('msg="learned the ids of receipts" carrier=telco ids="decimal of our hex"')


@pytest.mark.parametrize("text_receipts", [False, True])
def test_a_phone_that_writes_a_receipt_sends_a_message(gateway_with, simulator_with, webhooks, text_receipts):
    simulator = simulator_with("--no-receipts", "--first-id", "770077", "--id-format", "decimal")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, text_receipts=text_receipts)})
    message = gateway.send("+34600100001")
    webhooks.wait(message, "sent")
    text = "id:770077 sub:001 dlvrd:001 submit date:2603090814 done date:2603090815 stat:DELIVRD err:000 text:x"

    simulator.inbound("34600200002", "34600000000", text)

    event = webhooks.wait_inbound(text)
    assert event["data"]["from"] == "+34600200002"
    assert gateway.message(message["id"])["status"] == "sent"
    assert gateway.operator.get("/admin/parked")["entities"] == []


@pytest.mark.parametrize("shape", ["text", "tlv", "minimal", "payload", "data-sm", "esm-class-0", "unswapped"])
def test_receipts_of_every_shape_deliver_although_texts_alone_are_believed_too(
    gateway_with, simulator_with, webhooks, shape
):
    simulator = simulator_with("--receipt-shape", shape, "--receipt-first", "0.5")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, text_receipts=True)})
    messages = gateway.send_bulk([{"to": f"+346001000{n:02}", "text": "Hello"} for n in range(20)])
    webhooks.wait_for_each(messages, "delivered")
