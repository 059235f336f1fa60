"""No room on the disk, or another holds the database: callers are told, nothing is lost, it goes on by itself."""

import resource
import sqlite3
import time
from contextlib import closing

import pytest
from arrivals import wait_until
from daemons import carrier

pytestmark = pytest.mark.scenario

WINDOW = 10
CARRIER = ("--latency", "100ms", "--receipt-delay", "0-200ms", "--receipt-retry", "300ms")
MIB = 2**20
SECONDS_FULL = 1.5


def batch(prefix, count):
    return [{"to": f"+34600{prefix}{n:04}", "text": f"Hello {prefix} {n}"} for n in range(count)]


def refused(gateway, code):
    """The answer to a submission that can't be taken now."""
    answer = gateway.call("POST", "/v1/sms", {"to": "+34600990001", "text": "Hello"})
    assert answer.status == 503, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json["code"], answer.json["retryable"]) == (code, True)
    assert int(answer.headers["retry-after"]) > 0
    return answer


def wait_taken(gateway, number):
    """A submission is taken again, without anything having been done to the gateway."""

    def taken():
        answer = gateway.call("POST", "/v1/sms", {"to": number, "text": "Hello again"})
        return answer.json if answer.status == 201 else None

    return wait_until(taken, "messages are taken again")


def assert_all_slots_are_free(gateway, simulator):
    """The window is whole again: nothing that was answered holds a slot."""
    simulator.set("latency", "2s")
    gateway.send_bulk(batch(80, 2 * WINDOW))

    def in_flight():
        (telco,) = gateway.operator.get("/admin/carriers")["entities"]
        (bind,) = telco["binds"]
        return bind["in_flight"]

    wait_until(lambda: in_flight() == WINDOW, "every slot is used", seconds=5)
    simulator.set("latency", "0")


def assert_each_once(record, messages):
    assert sorted(record.numbers()) == sorted(message["to"] for message in messages)


def test_a_full_disk_refuses_callers_and_keeps_what_carriers_said_until_there_is_room(
    gateway_on_disk, simulator_with, record, webhooks, disk
):
    simulator = simulator_with(*record.option, *CARRIER)
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)})
    process = gateway.process
    messages = gateway.send_bulk(batch(10, 60))
    wait_until(lambda: record.count() >= 2 * WINDOW, "the work is under way")

    disk.fail("full")
    wait_until(lambda: gateway.process.errors.all(lambda line: "can't write" in line), "the disk is found full")
    arrived = record.count()
    answer = refused(gateway, "store_full")
    assert "disk" in answer.json["detail"]
    time.sleep(SECONDS_FULL)
    assert record.count() - arrived <= WINDOW, "nothing is sent whose intent is not on disk"
    readiness = gateway.call("GET", "/readyz")
    assert (readiness.status, readiness.json["store"]) == (503, "full")
    assert gateway.call("GET", "/healthz").status == 200
    assert gateway.message(messages[0]["id"])["id"] == messages[0]["id"], "what is there can be looked at"
    disk.mend("full")

    messages.append(wait_taken(gateway, "+34600200001"))
    webhooks.wait_for_each(messages, "delivered")
    assert_each_once(record, messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert_all_slots_are_free(gateway, simulator)
    assert gateway.process is process
    assert simulator.figures()["connections"] == 1, "no bind was lost"


def test_the_reserve_of_the_disk_is_kept_for_answers_and_receipts(
    gateway_on_disk, simulator_with, record, webhooks, disk, tmp_path
):
    simulator = simulator_with(*record.option, *CARRIER)
    store = {"url": f"sqlite://{tmp_path / 'sluice.db'}", "disk_reserve": 64 * MIB}
    disk.fail("free", 65 * MIB)
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)}, store=store)
    messages = gateway.send_bulk(batch(10, 60))
    disk.fail("free", 63 * MIB)
    wait_until(lambda: gateway.call("GET", "/readyz").status == 503, "the reserve is found touched")

    answer = refused(gateway, "store_full")
    assert "disk" in answer.json["detail"]
    assert gateway.call("GET", "/readyz").json["store"] == "full"
    webhooks.wait_for_each(messages, "delivered")

    disk.mend("free")
    messages.append(wait_taken(gateway, "+34600200001"))
    webhooks.wait(messages[-1], "delivered")
    assert_each_once(record, messages)


def test_a_database_that_another_holds_is_waited_for(gateway_on_disk, simulator_with, record, webhooks, disk):
    simulator = simulator_with(*record.option, *CARRIER)
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)})
    messages = gateway.send_bulk(batch(10, 60))
    wait_until(lambda: record.count() >= 2 * WINDOW, "the work is under way")

    with closing(sqlite3.connect(disk.database, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused(gateway, "store_busy")
        refused(gateway, "store_busy")
        arrived = record.count()
        assert arrived < len(messages)
        other.execute("ROLLBACK")

    messages.append(wait_taken(gateway, "+34600200001"))
    webhooks.wait_for_each(messages, "delivered")
    assert_each_once(record, messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert_all_slots_are_free(gateway, simulator)
    assert simulator.figures()["connections"] == 1, "no bind was lost"


def test_a_file_that_may_not_grow_ends_the_process_in_words_and_loses_nothing(
    gateway_with, simulator_with, record, webhooks, tmp_path
):
    simulator = simulator_with(*record.option, *CARRIER)
    lanes = {"transactional": {"doubt_grace": "1s"}}
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=lanes)
    messages = gateway.send_bulk(batch(10, 40))
    log_size = (tmp_path / "sluice.db-wal").stat().st_size

    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (log_size, resource.RLIM_INFINITY))
    status = gateway.wait_ended()

    assert status == 1
    assert "the store's disk failed" in gateway.log[-1]
    gateway.start()
    webhooks.wait_for_each(messages, "delivered")
    assert set(record.numbers()) == {message["to"] for message in messages}
    assert len(record.twice()) <= WINDOW
