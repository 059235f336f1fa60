"""The carrier goes away and comes back: the gateway reconnects, nothing is lost, and what piled up flows."""

import pytest
from arrivals import wait_until
from daemons import carrier
from ports import free_port

pytestmark = pytest.mark.scenario

WINDOW = 20


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_cut_connections_lose_nothing(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--latency", "5-30ms")
    lanes = {"transactional": {"doubt_grace": "1s"}}
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW, binds=2)}, lanes=lanes)
    messages = gateway.send_bulk(batch(10, 400))
    for count in (50, 150):
        wait_until(lambda count=count: record.count() >= count, f"{count} segments have arrived")
        simulator.ask("cut")

    webhooks.wait_for_each(messages, "delivered")

    seen = [gateway.message(message["id"]) for message in messages]
    assert record.twice() <= {message["to"] for message in seen if message["possible_duplicate"]}
    assert len(record.numbers()) - len(messages) <= 2 * 2 * WINDOW


def test_the_backlog_flows_once_the_carrier_is_back(gateway_with, simulator_with, record, webhooks):
    first = simulator_with(*record.option, "--latency", "5-30ms", port=free_port())
    lanes = {"transactional": {"doubt_grace": "1s"}}
    gateway = gateway_with(carriers={"telco": carrier(first.port, window=WINDOW)}, lanes=lanes)
    before = gateway.send_bulk(batch(20, 300))
    wait_until(lambda: record.count() >= 100, "100 segments have arrived")
    first.process.end()
    gateway.wait_logged("carrier=telco able=False")
    meanwhile = gateway.send_bulk(batch(21, 200))
    logged = gateway.logged()

    simulator_with(*record.option, port=first.port)

    gateway.wait_logged("carrier=telco able=True", after=logged)
    webhooks.wait_for_each(meanwhile, "delivered")
    # Receipts that the killed simulator still held are gone with it: `sent` is all that can be known of those.
    webhooks.wait_for_each(before, "sent")
    assert set(record.numbers()) == {message["to"] for message in before + meanwhile}
    seen = [gateway.message(message["id"]) for message in before + meanwhile]
    assert record.twice() <= {message["to"] for message in seen if message["possible_duplicate"]}
    assert gateway.operator.get("/admin/doubts")["entities"] == []
