"""What one carrier reports as undelivered goes by another, once, and nobody is told of the first failure."""

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario

UNDELIVERED = ("--no-number-outcomes", "--undelivered-share", "1", "--receipt-shape", "text")
"""For no cause that anybody knows: with network_error_code it would be the number's fault."""
AGAIN = {"transactional": {"retry_undelivered": True}}


def batch(count):
    return [{"to": f"+34600{n:06}", "text": f"Hello {n}"} for n in range(count)]


def test_what_the_first_carrier_does_not_deliver_arrives_by_the_second(gateway_with, simulator_with, webhooks):
    bad = simulator_with(*UNDELIVERED)
    good = simulator_with("--no-number-outcomes")
    gateway = gateway_with(carriers={"bad": carrier(bad.port), "good": carrier(good.port)}, lanes=AGAIN)
    gateway.wait_able("bad")
    gateway.wait_able("good")
    messages = gateway.send_bulk(batch(100))
    for message in messages:
        event = webhooks.wait(message, "delivered")
        assert (event["data"]["carrier"], event["data"]["attempts"]) == ("good", 2)
        assert webhooks.told(message) == ["sent", "delivered"]
    assert (bad.figures()["taken"], good.figures()["taken"]) == (100, 100)
    page = gateway.message(messages[0]["id"])
    steps = [(step["what"], step["carrier"]) for step in page["timeline"] if step["what"] in ("submit", "receipt")]
    assert steps == [("submit", "bad"), ("receipt", "bad"), ("submit", "good"), ("receipt", "good")]


def test_what_no_carrier_delivers_is_told_once_by_the_last(gateway_with, simulator_with, webhooks):
    first, second, third = (simulator_with(*UNDELIVERED) for _ in range(3))
    carriers = {"first": carrier(first.port), "second": carrier(second.port), "third": carrier(third.port)}
    gateway = gateway_with(carriers=carriers, lanes=AGAIN)
    for name in carriers:
        gateway.wait_able(name)
    for message in gateway.send_bulk(batch(20)):
        assert webhooks.wait(message, "undelivered")["data"]["carrier"] == "second"
        assert webhooks.told(message) == ["sent", "undelivered"]
    assert third.figures()["taken"] == 0


def test_a_vendors_status_goes_elsewhere_where_the_settings_say_so(gateway_with, simulator_with, webhooks):
    picky = simulator_with("--no-number-outcomes", "--error", "0x0400=1")
    good = simulator_with("--no-number-outcomes")
    carriers = {
        "picky": carrier(picky.port, on_status={"0x0400": "retry_elsewhere"}),
        "good": carrier(good.port),
    }
    gateway = gateway_with(carriers=carriers, lanes={"transactional": {"retry_floor": "100ms"}})
    gateway.wait_able("picky")
    gateway.wait_able("good")
    for message in gateway.send_bulk(batch(10)):
        assert webhooks.wait(message, "delivered")["data"]["carrier"] == "good"


def test_a_status_that_stops_a_carrier_leaves_it_to_the_others(gateway_with, simulator_with, webhooks):
    closed = simulator_with("--no-number-outcomes", "--error", "0x0400=1")
    good = simulator_with("--no-number-outcomes")
    carriers = {"closed": carrier(closed.port, on_status={"0x0400": "stop"}), "good": carrier(good.port)}
    gateway = gateway_with(carriers=carriers, lanes={"transactional": {"retry_floor": "100ms"}})
    gateway.wait_able("closed")
    gateway.wait_able("good")
    for message in gateway.send_bulk(batch(100)):
        assert webhooks.wait(message, "delivered")["data"]["carrier"] == "good"
    assert closed.figures()["refused"] <= 2 * 10, "no more than what was in its window, and what was dealt meanwhile"
