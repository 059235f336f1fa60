"""SIGTERM drains within its limits and leaves no doubt, a second one skips that; a port that is taken is said."""

import socket
import threading

import pytest
from arrivals import wait_until
from daemons import attempt, carrier, configuration

pytestmark = pytest.mark.scenario

LANES = {"transactional": {"doubt_grace": "1s"}}


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def test_a_stop_under_load_leaves_no_doubt_and_the_rest_for_the_next_start(
    gateway_with, simulator_with, record, webhooks
):
    simulator = simulator_with(*record.option, "--latency", "100-200ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=20, binds=2)})
    messages = gateway.send_bulk(batch(10, 300))
    wait_until(lambda: record.count() >= 60, "60 segments have arrived")

    status = gateway.stop()

    assert status == 0
    assert record.count() < len(messages)
    assert gateway.log[-1].endswith("stopped")
    gateway.start()
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    webhooks.wait_for_each(messages, "delivered")
    assert sorted(record.numbers()) == sorted(message["to"] for message in messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert not any("did not" in line or "segments_in_doubt" in line for line in gateway.log)


def test_a_full_window_of_a_slow_carrier_is_waited_for(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--latency", "200ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)})
    accepted, enough = [], threading.Event()

    def post():
        for number in range(100):
            if enough.is_set():
                return
            try:
                accepted.extend(gateway.send_bulk(batch(f"{number:02}", 50)))
            except OSError:
                return

    poster = threading.Thread(target=post)
    poster.start()
    wait_until(lambda: record.count() >= 100, "the window has been filled twice")
    status = gateway.stop()
    enough.set()
    poster.join()

    assert status == 0
    at_stop = record.count()
    assert at_stop < len(accepted), "there was more to send"
    gateway.start()
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    webhooks.wait_for_each(accepted, "delivered")
    assert record.twice() == set()
    # A batch that was accepted at the very end may have lost its answer, not its messages.
    assert {message["to"] for message in accepted} <= set(record.numbers())
    assert not any("segments_in_doubt" in line or "ended without draining" in line for line in gateway.log)


def test_a_second_signal_ends_the_drain_at_once_and_the_next_start_settles_what_it_left(
    gateway_with, simulator_with, record, webhooks
):
    simulator = simulator_with(*record.option, "--latency", "8s")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=20)}, lanes=LANES)
    messages = gateway.send_bulk(batch(40, 60))
    wait_until(lambda: record.count() == 20, "the window is full")
    gateway.leave()
    gateway.wait_logged("stopping on SIGTERM")

    gateway.leave()

    assert gateway.wait_ended() == 3
    assert "second signal" in gateway.log[-1]
    simulator.set("latency", "10ms")
    gateway.start()
    gateway.wait_logged("ended without draining")
    webhooks.wait_for_each(messages, "delivered")
    again = record.twice()
    assert len(again) <= 20
    marked = {e["data"]["to"] for e in webhooks.events.all() if e["data"]["possible_duplicate"]}
    assert again <= marked


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
