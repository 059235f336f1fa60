"""The package `smppy`: loses what comes behind the first PDU of a read, and gives empty ids."""

import json
import sys

import pytest
from daemons import carrier
from ports import free_port

pytestmark = pytest.mark.peer


@pytest.fixture
def smppy(smsc_process):
    """The running SMSC and its port."""
    port = free_port()
    return smsc_process(sys.executable, "smppy_smsc.py", str(port)), port


@pytest.fixture
def gateway(smppy, gateway_with):
    """A window of 1 is what such a carrier can take: with more, two PDUs meet in one read of its."""
    gateway = gateway_with(carriers={"smppy": carrier(smppy[1], window=1, one_pdu_per_write=True)})
    gateway.wait_able("smppy")
    return gateway


def took(smppy, count):
    lines = smppy[0].output.wait_for(count, lambda line: json.loads(line)["event"] == "sms")
    return [json.loads(line) for line in lines]


def test_a_message_is_sent_and_the_answer_without_id_is_enough(smppy, gateway, webhooks):
    message = gateway.send("+34600000001", "Hello smppy")
    assert took(smppy, 1) == [{"event": "sms", "source": "SHOP", "to": "34600000001", "text": "Hello smppy"}]
    assert not webhooks.wait(message, "sent")["data"]["carrier_message_id"]
    assert gateway.message(message["id"])["parts"][0]["status"] == "sent"


def test_a_bulk_of_500_goes_one_by_one(smppy, gateway, webhooks):
    items = [{"to": f"+34600000{n:03d}", "text": f"Bulk {n}"} for n in range(500)]
    messages = gateway.send_bulk(items)
    webhooks.wait_for_each(messages, "sent")
    told = [(said["to"], said["text"]) for said in took(smppy, 500)]
    assert sorted(told) == sorted((item["to"].removeprefix("+"), item["text"]) for item in items)


@pytest.mark.parametrize(
    ("text", "parts"), [("Echo", 1), ("Echo " + "x" * 120, 2)], ids=["short", "in two parts by sar"]
)
def test_an_echo_comes_back_as_inbound(smppy, gateway, webhooks, text, parts):
    gateway.send("+34600000001", text)
    # What smppy splits it marks by sar TLVs.
    event = webhooks.wait_inbound(text)
    assert event["data"]["to"].removeprefix("+") == "34600000000"
    assert (event["data"]["parts"], event["data"]["complete"]) == (parts, True)
