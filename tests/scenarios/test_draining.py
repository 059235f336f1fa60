"""`sluice drain`: callers are turned away, what was accepted is finished, and the gateway stops, or goes on."""

import threading
from http.client import HTTPException

import pytest
from daemons import carrier

pytestmark = pytest.mark.scenario


def batch(prefix, count):
    return [{"to": f"+346{prefix:03}{n:05}", "text": f"Hello {prefix} {n}"} for n in range(count)]


class Load:
    """Posts bulks until the gateway is gone; what was accepted, and how it was turned away."""

    def __init__(self, gateway):
        self.accepted, self.refused = [], []
        self.is_refused = threading.Event()
        self._gateway = gateway
        self._thread = threading.Thread(target=self._post)
        self._thread.start()

    def _post(self):
        for prefix in range(999):
            try:
                answer = self._gateway.call("POST", "/v1/sms/bulk", batch(prefix, 20))
            except (OSError, HTTPException):
                return
            if answer.status == 201:
                self.accepted += answer.json["entities"]
            else:
                self.refused.append(answer)
                self.is_refused.set()

    def end(self):
        self._thread.join()


def test_a_drain_under_load_stops_with_nothing_lost(gateway_with, simulator_with, record, webhooks):
    simulator = simulator_with(*record.option, "--no-number-outcomes", "--latency", "50ms")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=50)})
    gateway.wait_able("telco")
    load = Load(gateway)
    webhooks.events.wait(lambda event: event["type"] == "message.delivered")

    command = gateway.asked("drain", "--wait", "--stop")

    status = command.wait(60)
    assert status == 0, command.errors.all()
    assert gateway.wait_ended() == 0
    load.end()
    assert {answer.json["code"] for answer in load.refused} == {"draining"}
    assert {answer.status for answer in load.refused} == {503}
    assert record.count() == len(load.accepted), "all that was accepted was sent before the stop"
    assert record.twice() == set()
    gateway.start()
    webhooks.wait_for_each(load.accepted, "delivered")
    assert gateway.operator.get("/admin/doubts")["entities"] == []
    assert gateway.operator.get("/admin/drain")["draining"] is False, "a restart ends a drain"


def test_a_drain_is_taken_back(gateway_with, simulator_with, webhooks):
    simulator = simulator_with("--no-number-outcomes")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    assert gateway.asked("drain").wait(30) == 0
    refused = gateway.call("POST", "/v1/sms", batch(1, 1)[0])
    assert (refused.status, refused.json["code"]) == (503, "draining")
    ready = gateway.call("GET", "/readyz", None)
    assert (ready.status, ready.json["draining"]) == (503, True)

    assert gateway.asked("drain", "--undo").wait(30) == 0

    webhooks.wait_for_each(gateway.send_bulk(batch(2, 5)), "delivered")
    assert gateway.call("GET", "/readyz", None).status == 200


def test_a_wait_that_takes_too_long_ends_and_says_what_is_left(gateway_with):
    gateway = gateway_with(carriers={"telco": carrier(1)})
    gateway.send_bulk(batch(3, 3))

    command = gateway.asked("drain", "--wait", "--timeout", "1s")

    assert command.wait(30) == 1
    assert "queued 3" in " ".join(command.output.all())
    assert "goes on draining" in " ".join(command.errors.all())
