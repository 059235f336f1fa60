"""A store has one owner: a second one is told who it is and leaves it alone; what a dead one left is no obstacle."""

import re
import signal
import threading

import pytest
from arrivals import wait_until
from daemons import attempt, carrier, configuration

pytestmark = pytest.mark.scenario


def test_a_second_gateway_on_the_same_store_says_who_holds_it(gateway_with, simulator, webhooks, tmp_path):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})

    second = attempt(tmp_path, gateway.settings)

    assert second.wait() == 1
    said = second.errors.all()
    assert len(said) == 1, said
    assert str(tmp_path / "sluice.db") in said[0]
    assert f"process {gateway.process.pid};" in said[0]
    assert re.search(r"since 20\d\d-\d\d-\d\dT[0-9:.]+Z as `sluice run --config \S+sluice.toml", said[0])
    webhooks.wait(gateway.send("+34600100001"), "delivered")
    assert simulator.figures()["connections"] == 1, "the second bothered no carrier"


def test_what_a_killed_gateway_left_is_no_obstacle_and_is_said(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--latency", "500ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=10)})
    lock = gateway.folder / "sluice.db.lock"
    messages = gateway.send_bulk([{"to": f"+346001{n:05}", "text": "Hello"} for n in range(30)])
    wait_until(lambda: record.count() >= 5, "segments are on the wire")
    pid = gateway.process.pid
    gateway.kill()
    assert lock.read_text().startswith(f"{pid}\n")

    gateway.start()

    line = gateway.wait_logged("ended without draining")
    assert f"pid={pid} since=20" in line
    found = gateway.wait_logged("segments_in_doubt=")
    assert 0 < int(found.rpartition("=")[2]) <= 10
    webhooks.wait_for_each(messages, "delivered")
    assert gateway.stop() == 0
    assert lock.read_text() == "", "who leaves in order leaves no name"
    gateway.start()
    gateway.wait_able("telco")
    assert not any("ended without draining" in line for line in gateway.process.errors.all())


def test_webhooks_that_were_under_way_are_said_at_the_start_and_told_again(gateway_with, simulator, webhooks):
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    held = threading.Event()
    webhooks.answer = lambda events: 204 if held.wait(30) else 500
    message = gateway.send("+34600100001")
    wait_until(lambda: gateway.message(message["id"])["status"] == "delivered", "there is something to tell")
    gateway.kill()
    held.set()
    webhooks.answer = lambda events: 204

    gateway.start()

    assert gateway.wait_logged("told again").endswith("deliveries=1")
    webhooks.wait(message, "delivered")


def test_messages_of_a_route_taken_out_are_filed_anew_at_the_start(gateway_with, webhooks, tmp_path):
    settings = {"telco": carrier(1)}
    gateway = gateway_with(carriers=settings, routes=[{"name": "old", "tiers": ["telco"]}])
    webhooks.answer = lambda events: 500
    for number in range(3):
        gateway.send(f"+3460010000{number}")
    gateway.kill()
    gateway.settings["routes"] = [{"name": "new", "tiers": ["telco"]}]

    gateway.start()

    assert gateway.wait_logged("filed anew").endswith("route=old messages=3 failed=0")


def test_a_store_is_free_again_at_once_when_its_owner_is_killed(simulator, tmp_path):
    settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
    first = attempt(tmp_path, settings)
    first.errors.wait(lambda line: "listening http=" in line)
    first.signal(signal.SIGKILL)
    first.wait()
    second = attempt(tmp_path, settings)
    try:
        second.errors.wait(lambda line: "listening http=" in line)
        second.signal(signal.SIGTERM)
        assert second.wait() == 0
    finally:
        second.end()
