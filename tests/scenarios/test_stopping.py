"""SIGTERM drains within its limits and leaves no doubt; and what keeps a gateway from starting is said in words."""

import socket
import time

import pytest
from arrivals import wait_until
from child_processes import ChildProcess
from daemons import carrier, configuration, environment, sluice, to_toml

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_a_stop_under_load_leaves_no_doubt_and_the_rest_for_the_next_start(
    gateway_with, simulator_with, record, webhooks
):
    simulator = simulator_with(*record.option, "--latency", "100-200ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=20, binds=2)})
    messages = gateway.send_bulk(batch(10, 300))
    wait_until(lambda: record.count() >= 60, "60 segments have arrived")
    began = time.monotonic()

    status = gateway.stop()

    assert status == 0
    assert time.monotonic() - began < 5.0
    assert record.count() < len(messages)
    assert gateway.log[-1].endswith("sluice.daemon stopped")
    gateway.start()
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    webhooks.wait_for_each(messages, "delivered")
    assert sorted(record.numbers()) == sorted(message["to"] for message in messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert not any("did not" in line or "segments_in_doubt" in line for line in gateway.log)


def test_a_second_gateway_on_the_same_store_says_who_holds_it(gateway_with, simulator, tmp_path):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})

    second = attempt(tmp_path, gateway.settings)

    assert second.wait() == 1
    said = second.errors.all()
    assert len(said) == 1, said
    assert f"process {gateway.process.pid}" in said[0]
    assert str(tmp_path / "sluice.db") in said[0]
    assert gateway.send("+34600100001")["status"] == "queued"


@pytest.mark.parametrize("listener", ["http", "operator"])
def test_a_port_that_is_taken_is_said_in_words(simulator, tmp_path, listener):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
        settings[listener] = {**settings[listener], "listen": [address]}

        refused = attempt(tmp_path, settings)

        assert refused.wait() == 1
        said = "\n".join(refused.errors.all())
        assert address in said
        assert "address already in use" in said.lower()
        assert "Traceback" not in said
        assert simulator.figures()["connections"] == 0, "the port is looked at before any carrier is bothered"


def attempt(folder, settings):
    """A `sluice run` that is not to start."""
    file = folder / "another.toml"
    file.write_text(to_toml(settings))
    return ChildProcess([sluice(), "run", "--config", file], folder=folder, environment=environment())
