"""A disk that takes seconds, hangs or fails: binds live on, the watchdog sees it, and a failure ends in words."""

import time
from http.client import HTTPException

import pytest
from arrivals import wait_until
from daemons import carrier
from notify_sockets import heard

pytestmark = pytest.mark.scenario

WINDOW = 10
FSYNC_MS = 2_000
WATCHDOG_SECONDS = 1.5
LANES = {"transactional": {"doubt_grace": "1s"}}


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def post_for_ever(gateway):
    while True:
        gateway.call("POST", "/v1/sms", {"to": "+34600200001", "text": "Hello"})


def test_a_disk_that_takes_two_seconds_loses_no_bind_and_doubles_nothing(
    gateway_on_disk, simulator_with, record, webhooks, disk
):
    simulator = simulator_with(*record.option, "--enquire-link-idle", "300ms", "--response-timeout", "1s")
    keep_alive = {"enquire_link_idle": "1s", "response_timeout": "2s"}
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW, **keep_alive)})
    gateway.wait_able("telco")
    disk.fail("slow", FSYNC_MS)
    began = time.monotonic()

    messages = gateway.send_bulk(batch(10, 2 * WINDOW))
    assert time.monotonic() - began >= FSYNC_MS / 1000, "accepted means on disk, however long that takes"
    wait_until(lambda: record.count() == len(messages), "all is sent")
    disk.mend("slow")

    webhooks.wait_for_each(messages, "delivered")
    assert sorted(record.numbers()) == sorted(message["to"] for message in messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert simulator.figures()["connections"] == 1, "no bind was lost"


def test_a_disk_that_hangs_is_seen_by_the_watchdog(gateway_on_disk, simulator_with, record, webhooks, disk, tmp_path):
    simulator = simulator_with(*record.option)
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=LANES)
    gateway.stop()
    with heard(tmp_path) as manager:
        gateway.more_environment = manager.environment(WATCHDOG_SECONDS)
        gateway.start()
        gateway.wait_able("telco")
        wait_until(lambda: len(manager.feedings()) >= 2, "the watchdog is fed")

        disk.fail("stuck")  # and nothing is asked of it but by the watchdog
        hungry = 1.5 * WATCHDOG_SECONDS
        wait_until(lambda: time.monotonic() - manager.feedings()[-1] > hungry, "the watchdog is not fed any more")
        with pytest.raises(TimeoutError):
            gateway.call("POST", "/v1/sms", {"to": "+34600200001", "text": "Hello"}, timeout_seconds=0.5)
        assert gateway.call("GET", "/healthz").status == 200
        assert gateway.call("GET", "/readyz").status == 503
        gateway.lose_power()  # what the manager does, at its worst
        disk.mend("stuck")
        gateway.start()
        webhooks.wait(gateway.send("+34600200002"), "delivered")
        assert record.numbers() == ["+34600200002"], "what was not answered was not on the disk"


def test_a_disk_that_fails_at_a_commit_ends_the_process_in_words(
    gateway_on_disk, simulator_with, record, webhooks, disk
):
    simulator = simulator_with(*record.option)
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=LANES)
    messages = gateway.send_bulk(batch(10, 3 * WINDOW))

    disk.fail("eio")
    with pytest.raises((OSError, HTTPException)):
        post_for_ever(gateway)
    status = gateway.wait_ended()

    assert status == 1
    assert gateway.log[-1] == "sluice: the store's disk failed: disk I/O error"
    assert disk.has_failed("eio")
    disk.cut_power()
    gateway.start()
    webhooks.wait_for_each(messages, "delivered")
