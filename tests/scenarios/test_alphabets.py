"""Two carriers with alphabets of their own: each text goes where it fits, unsent by the other and never garbled."""

import pytest
from daemons import carrier
from wiretaps import tapping

pytestmark = pytest.mark.scenario


@pytest.fixture
def taps(simulator_with):
    """Between the gateway and two simulators: what each of them got."""
    simulators = [simulator_with("--no-number-outcomes") for _ in range(2)]
    with tapping(simulators[0].port) as latin, tapping(simulators[1].port) as gsm:
        yield latin, gsm


def octets_to(tap, number):
    return [seen.octets for seen in tap.submits.all(lambda seen: seen.destination == number.removeprefix("+"))]


def test_a_text_goes_to_the_carrier_that_has_its_characters(gateway_with, taps, webhooks):
    """Coding 0 means different alphabets: one carrier's Latin-1 has ñ but no €, the other's GSM 03.38 has both."""
    latin, gsm = taps
    carriers = {"latin": carrier(latin.port, alphabet="latin1", data_coding=3), "gsm": carrier(gsm.port)}
    gateway = gateway_with(carriers=carriers)
    gateway.wait_able("latin", "gsm")

    seen = gateway.call("POST", "/v1/sms/preview", {"to": "+34600300001", "text": "Hello ñ€"}).json
    shown = [(c["carrier"], c["fits"], c["encoding"]) for tier in seen["carriers"] for c in tier]
    assert shown == [("latin", False, None), ("gsm", True, "gsm7")]

    plain = gateway.send("+34600300001", "Hello ñ")
    euro = gateway.send("+34600300002", "Hello ñ€")
    assert webhooks.wait(plain, "delivered")["data"]["carrier"] == "latin"
    assert webhooks.wait(euro, "delivered")["data"]["carrier"] == "gsm"

    assert octets_to(latin, "+34600300001") == ["Hello ñ".encode("latin-1")]
    assert octets_to(gsm, "+34600300002") == [b"Hello \x7d\x1b\x65"]
    assert octets_to(latin, "+34600300002") == []
    steps = gateway.message(euro["id"])["timeline"]
    assert [(s["what"], s["carrier"]) for s in steps if "carrier" in s][:2] == [("unfit", "latin"), ("submit", "gsm")]
    assert webhooks.told(euro) == ["sent", "delivered"]


def test_a_text_that_neither_carrier_has_fails_and_holds_up_nothing(gateway_with, taps, webhooks):
    latin, ascii_only = taps
    carriers = {"latin": carrier(latin.port, alphabet="latin1"), "plain": carrier(ascii_only.port, alphabet="ascii")}
    gateway = gateway_with(carriers=carriers)
    items = [{"to": f"+3460031{n:04}", "text": "Hello €" if n % 2 else "Hello"} for n in range(100)]
    messages = gateway.send_bulk(items)
    for n, message in enumerate(messages):
        event = webhooks.wait(message, "failed" if n % 2 else "delivered")
        assert n % 2 == 0 or event["data"]["error"]["code"] == "text_rejected"
    failed = gateway.message(messages[1]["id"])
    assert [(s["what"], s.get("carrier")) for s in failed["timeline"]][1:4] == [
        ("unfit", "latin"),
        ("unfit", "plain"),
        ("failed", None),
    ]
    assert failed["attempts"] == 0
