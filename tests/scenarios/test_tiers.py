"""A route's second carrier works while its first cannot, and only then."""

import pytest
from daemons import carrier
from ports import free_port

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_the_second_tier_takes_over_within_seconds_and_gives_back(gateway_with, simulator_with, webhooks):
    port = free_port()
    second = simulator_with("--no-number-outcomes")
    # How it gives back bit by bit is test_failover's.
    first_carrier = carrier(port, breaker_return="0s")
    gateway = gateway_with(carriers={"first": first_carrier, "second": carrier(second.port)})
    gateway.wait_able("second")
    assert webhooks.carriers_of(gateway.send_bulk(batch(10, 50))) == {"second"}

    first = simulator_with("--no-number-outcomes", port=port)
    gateway.wait_able("first")
    assert webhooks.carriers_of(gateway.send_bulk(batch(20, 50))) == {"first"}

    logged = gateway.logged()
    first.stop()
    gateway.wait_logged("carrier=first able=False", after=logged)
    assert webhooks.carriers_of(gateway.send_bulk(batch(30, 50))) == {"second"}

    logged = gateway.logged()
    simulator_with("--no-number-outcomes", port=port)
    gateway.wait_logged("carrier=first able=True", after=logged)
    assert webhooks.carriers_of(gateway.send_bulk(batch(40, 50))) == {"first"}
    assert second.figures()["taken"] == 100
