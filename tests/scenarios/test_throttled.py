"""A carrier that says "slow down": everything arrives, nothing is lost or doubled, and the gateway slows down."""

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_throttles_and_full_queues_lose_nothing(gateway_with, simulator_with, record, webhooks):
    faults = ["--throttle-share", "10%", "--error", "ESME_RMSGQFUL=10%"]
    simulator = simulator_with(*record.option, *faults, "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=20, throttle_pause="10ms")})
    messages = gateway.send_bulk(batch(10, 100))

    webhooks.wait_for_each(messages, "delivered")

    figures = simulator.figures()
    assert figures["throttled"] > 0
    assert figures["refused"] > 0
    assert sorted(record.numbers()) == sorted(message["to"] for message in messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    throttled = next(
        seen for seen in map(gateway.message, (message["id"] for message in messages)) if seen["attempts"] > 1
    )
    submits = [step for step in throttled["timeline"] if step["what"] == "submit"]
    assert [step["attempt"] for step in submits] == list(range(1, len(submits) + 1))
    assert submits[0]["outcome"] == "throttled"
    assert submits[0]["next_try_at"] > submits[0]["at"]
    assert (throttled["possible_duplicate"], throttled["error"]) == (False, None)


def test_it_slows_down_to_what_the_carrier_takes(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--throttle-over", "100", "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=10, throttle_pause="200ms")})
    messages = gateway.send_bulk(batch(20, 180))

    webhooks.wait_for_each(messages, "delivered")

    figures = simulator.figures()
    assert 0 < figures["throttled"] < 180, "hammering would meet thousands"
    assert figures["doubled"] == 0


def test_the_configured_rate_is_kept_to(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--throttle-over", "95", "--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=20, submit_rate=50)})
    messages = gateway.send_bulk(batch(30, 90))

    webhooks.wait_for_each(messages, "delivered")

    arrived = [line["at"] for line in record.taken()]
    assert simulator.figures()["throttled"] == 0
    # Wide of the mark: a busy machine may read late what was sent in time.
    assert len(arrived) / (arrived[-1] - arrived[0]) <= 50 * 1.6
