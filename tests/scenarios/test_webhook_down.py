"""Endpoints that fail, hang or are gone: each gets its events in the end, and none holds another's up."""

import threading

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import account, carrier, sha256

pytestmark = pytest.mark.scenario

OTHER_TOKEN = "sk_test_of_the_other"
HANGING_SECONDS = 120.0
"""Longer than any wait of these tests."""


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


@pytest.fixture
def both(gateway_with, simulator, webhooks, other_webhooks):
    """A gateway and the caller of its second account."""
    other = account(other_webhooks.url, senders=["OTHER"], default_sender="OTHER")
    other["tokens"][0]["sha256"] = sha256(OTHER_TOKEN)
    gateway = gateway_with(
        carriers={"telco": carrier(simulator.port, window=50)},
        accounts={"shop": account(webhooks.url), "other": other},
        webhooks={"allow_networks": ["127.0.0.0/8"], "timeout": f"{HANGING_SECONDS:g}s"},
    )
    return gateway, Caller(gateway.url, OTHER_TOKEN)


def test_an_endpoint_that_failed_gets_everything_in_order_once_it_is_back(both, webhooks, other_webhooks):
    gateway, other = both
    webhooks.answer = lambda events: 500
    missed = gateway.send_bulk(batch(10, 10))
    webhooks.deliveries.wait_for(3)
    prompt = other.send_bulk(batch(11, 20))
    other_webhooks.wait_for_each(prompt, "delivered")
    health = gateway.get("/v1/webhook")["entities"][0]
    assert (health["enabled"], health["consecutive_failures"] > 0) == (True, True)

    webhooks.answer = lambda events: 204

    webhooks.wait_for_each(missed, "delivered")
    assert {tuple(webhooks.told(message)) for message in missed} == {("sent", "delivered")}
    refused = next(delivery for delivery in webhooks.deliveries.all() if delivery.answered == 500)
    again = [d for d in webhooks.deliveries.all() if d.headers["webhook-id"] == refused.headers["webhook-id"]]
    assert [delivery.answered for delivery in again][-1] == 204
    assert len({str(delivery.events) for delivery in again}) == 1
    wait_until(lambda: gateway.get("/v1/events?status=pending")["entities"] == [], "nothing is left to be told")


def test_an_endpoint_that_hangs_holds_nobody_up(both, webhooks, other_webhooks):
    gateway, other = both
    released = threading.Event()

    def hang(events):
        released.wait(HANGING_SECONDS)
        return 204

    webhooks.answer = hang
    slow = gateway.send_bulk(batch(20, 100))
    other_webhooks.wait(other.send("+34600210000"), "delivered")
    prompt = other.send_bulk(batch(22, 100))
    other_webhooks.wait_for_each(prompt, "delivered")
    assert len(webhooks.deliveries) == 0, "the other endpoint hangs all the while"
    released.set()
    webhooks.wait_for_each(slow, "delivered")


def test_410_disables_an_endpoint_until_its_account_enables_it(both, webhooks):
    gateway, _ = both
    webhooks.answer = lambda events: 410
    message = gateway.send("+34600300001")
    webhooks.deliveries.wait()
    health = wait_until(
        lambda: next((one for one in gateway.get("/v1/webhook")["entities"] if not one["enabled"]), None), "disabled"
    )
    assert "410" in health["disabled_reason"]
    told = len(webhooks.deliveries)
    webhooks.answer = lambda events: 204
    later = gateway.send("+34600300002")
    gateway.wait_message(later["id"], status="delivered")
    assert len(webhooks.deliveries) == told

    assert gateway.call("POST", "/v1/webhook/enable").json == {"enabled": True}

    webhooks.wait(message, "delivered")
    webhooks.wait(later, "delivered")
    assert webhooks.told(message) == webhooks.told(later) == ["sent", "delivered"]


def test_a_message_may_name_an_endpoint_of_its_own(both, webhooks):
    gateway, _ = both
    ours = gateway.send("+34600400001")
    its_own = gateway.send("+34600400002", webhook_url=webhooks.url + "/of/this/message?order=1")

    webhooks.wait(its_own, "delivered")
    webhooks.wait(ours, "delivered")

    by_message = {}
    for delivery in webhooks.deliveries.all():
        by_message.setdefault(delivery.events[0]["message_id"], set()).add(delivery.path)
    assert by_message == {its_own["id"]: {"/hook/of/this/message?order=1"}, ours["id"]: {"/hook"}}
    inside = gateway.call(
        "POST", "/v1/sms", {"to": "+34600400003", "text": "Hello", "webhook_url": "https://10.0.0.1/"}
    )
    assert (inside.status, list(inside.json["codes"])) == (422, ["webhook_url"])
