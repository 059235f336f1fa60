"""The npm package `larvitsmpp`: swallows a long message until its last part, and spells receipts its own way."""

import json

import pytest
from daemons import carrier
from ports import free_port

pytestmark = pytest.mark.peer


@pytest.fixture
def larvit(smsc_process, node_package):
    """The running SMSC and its port."""
    port = free_port()
    return smsc_process(node_package("larvitsmpp"), "larvit_smsc.js", str(port)), port


@pytest.fixture
def gateway(larvit, gateway_with):
    gateway = gateway_with(carriers={"larvit": carrier(larvit[1], window=50)})
    gateway.wait_able("larvit")
    return gateway


def took(larvit, count=1, **wanted):
    """What it says of the first `count` messages that it took and that are so."""
    lines = larvit[0].output.wait_for(count, lambda line: matches(json.loads(line), event="sms", **wanted))
    return [json.loads(line) for line in lines]


def matches(said, **wanted):
    return all(said.get(name) == value for name, value in wanted.items())


def test_a_message_is_delivered(larvit, gateway, webhooks):
    message = gateway.send("+34600000001", "Hello larvit")
    (said,) = took(larvit)
    assert (said["from"], said["to"], said["message"], said["dlr"]) == ("SHOP", "34600000001", "Hello larvit", True)
    event = webhooks.wait(message, "delivered")
    assert event["data"]["carrier_message_id"] == said["id"]
    assert webhooks.told(message) == ["sent", "delivered"]


def test_undeliverable_in_full_letters_is_undelivered(larvit, gateway, webhooks):
    message = gateway.send("+34600000001", "Fail")
    event = webhooks.wait(message, "undelivered")
    code = event["data"]["error"]["carrier_code"]
    assert (code["receipt_state"], code["err"]) == ("UNDELIVERABLE", "1")
    assert gateway.message(message["id"])["error"]["carrier_code"] == code


def test_a_bulk_of_500_is_delivered(larvit, gateway, webhooks):
    items = [{"to": f"+34600000{n:03d}", "text": f"Bulk {n}"} for n in range(500)]
    messages = gateway.send_bulk(items)
    webhooks.wait_for_each(messages, "delivered")
    assert {(said["to"], said["message"]) for said in took(larvit, 500)} == {
        (item["to"].removeprefix("+"), item["text"]) for item in items
    }


def test_a_long_message_is_answered_once_all_parts_are_there(larvit, gateway, webhooks):
    text = "".join(f"{n:03d} " for n in range(100))
    message = gateway.send("+34600000001", text)
    (said,) = took(larvit)
    assert said["message"] == text
    assert [octets[8:12] for octets in said["octets"]] == ["0301", "0302", "0303"]
    webhooks.wait(message, "sent")
    seen = gateway.message(message["id"])
    assert [part["carrier_message_id"] for part in seen["parts"]] == [f"{said['id']}-{part}" for part in (1, 2, 3)]
    # Its one receipt names none of the parts' ids: it is taken and ends nothing.
    larvit[0].output.wait(lambda line: matches(json.loads(line), event="answered", status="ESME_ROK"))
    assert gateway.message(message["id"])["status"] == "sent"
