"""Long messages: what stands in the parts on the wire is the text, whole, and the parts' fates make the message's."""

import pytest
from daemons import carrier
from wiretaps import tapping

pytestmark = pytest.mark.scenario

# 152 septets and then an escaped character: it must not be cut in two at the end of a part of 153.
GSM = "Hello " + "x" * 146 + "€" + "[a{b}c]~^\\|" * 12 + " é ñ Ö £5 @ home_"
UNICODE = "Hello 🙂 " + "плошча 🌊 " * 20


@pytest.fixture
def tap(simulator_with):
    with tapping(simulator_with("--no-number-outcomes").port) as tap:
        yield tap


def test_the_parts_on_the_wire_decode_to_the_text(gateway_with, tap, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(tap.port)})
    for to, text, encoding, most in (
        ("+34600100001", GSM, "gsm7", 153),
        ("+34600100002", UNICODE, "ucs2", 134),
    ):
        message = gateway.send(to, text, allow_unicode=True)
        assert (message["encoding"], message["text"]) == (encoding, text)

        delivered = webhooks.wait(message, "delivered")

        parts = tap.submits.all(lambda seen, to=to: seen.destination == to.removeprefix("+"))
        assert len(parts) == message["segments"] > 2
        assert [(seen.part, seen.parts) for seen in parts] == [(n + 1, len(parts)) for n in range(len(parts))]
        assert len({seen.reference for seen in parts}) == 1
        assert max(len(seen.octets) for seen in parts) <= most
        assert "".join(seen.text for seen in parts) == text
        assert (delivered["data"]["segments"], delivered["data"]["encoding"]) == (len(parts), encoding)
        assert webhooks.told(message) == ["sent", "delivered"]
        told = gateway.message(message["id"])["parts"]
        assert [part["status"] for part in told] == ["delivered"] * len(parts)
        assert len({part["carrier_message_id"] for part in told}) == len(parts)


def test_it_is_delivered_only_once_every_part_is(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--receipt-share", "0", "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    silent = gateway.send("+34600100002", GSM)
    webhooks.wait(silent, "sent")
    simulator.set("receipt-share", "1")
    spoken = gateway.send("+34600100003", GSM)
    webhooks.wait(spoken, "delivered")
    assert webhooks.told(silent) == ["sent"]
    assert gateway.message(silent["id"])["status"] == "sent"


def test_a_refused_part_fails_the_message(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--error", "ESME_RINVDSTADR=0.4", "--seed", "7", "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    messages = gateway.send_bulk([{"to": f"+3460020{n:04}", "text": GSM} for n in range(12)])

    ends = [webhooks.wait(message, "failed", "delivered", "undelivered") for message in messages]

    failed = [message for message, event in zip(messages, ends, strict=True) if event["status"] == "failed"]
    assert failed, "with this seed some part is refused"
    for message in messages:
        parts = gateway.message(message["id"])["parts"]
        is_refused = any(part["status"] == "failed" for part in parts)
        assert (message in failed) == is_refused, parts
        assert webhooks.told(message) in (["failed"], ["sent", "delivered"])
    event = webhooks.wait(failed[0], "failed")
    assert event["data"]["error"]["class"] == "permanent"
    assert event["data"]["error"]["carrier_code"]["command_status"] == "ESME_RINVDSTADR"
