"""No room on the disk, or another holds the database: callers are told, nothing is lost, it goes on by itself."""

import re
import resource
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
from arrivals import wait_until
from daemons import attempt, carrier, configuration

pytestmark = pytest.mark.scenario

WINDOW = 10
CARRIER = ("--latency", "100ms", "--receipt-delay", "0-200ms", "--receipt-retry", "300ms")
MIB = 2**20
SECONDS_FULL = 1.5


@contextmanager
def run_in_background(call):
    """Until the block has ended, and the call after it."""
    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
    assert not thread.is_alive()


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


def assert_the_log_says_why(gateway, answer, why):
    """And the answer does not: paths, settings and figures are the operator's."""
    assert not re.search(r"/|store\.|MiB|process|\d", answer.json["detail"])
    wait_until(lambda: gateway.process.errors.all(lambda line: "calls are refused" in line and why in line), why)


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

    wait_until(lambda: in_flight() == WINDOW, "every slot is used")
    simulator.set("latency", "0")


def said_of_the_store(gateway):
    return gateway.process.errors.all(
        lambda line: "room=store" in line and ("level=error" in line or "writes again" in line)
    )


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
    assert_the_log_says_why(gateway, answer, f"the disk of {disk.database.parent} is full; free space there")
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
    assert len(said_of_the_store(gateway)) == 2
    assert "tries again" in said_of_the_store(gateway)[0]
    assert "writes again" in said_of_the_store(gateway)[1]


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
    why = f"63 MiB are free on the disk of {tmp_path}, and store.disk_reserve keeps 64 MiB"
    assert_the_log_says_why(gateway, answer, why)
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
        answer = refused(gateway, "store_busy")
        assert_the_log_says_why(gateway, answer, f"another process holds {disk.database} locked")
        arrived = record.count()
        assert arrived < len(messages)
        other.execute("ROLLBACK")

    messages.append(wait_taken(gateway, "+34600200001"))
    webhooks.wait_for_each(messages, "delivered")
    assert_each_once(record, messages)
    assert {tuple(webhooks.told(message)) for message in messages} == {("sent", "delivered")}
    assert_all_slots_are_free(gateway, simulator)
    assert simulator.figures()["connections"] == 1, "no bind was lost"


def test_a_start_below_the_reserve_of_the_disk_refuses_callers_and_delivers_the_queue(
    gateway_on_disk, simulator_with, record, webhooks, disk, tmp_path
):
    store = {"url": f"sqlite://{tmp_path / 'sluice.db'}", "disk_reserve": 64 * MIB}
    simulator = simulator_with(*record.option, "--latency", "2s")
    lanes = {"transactional": {"doubt_grace": "1s"}}
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=1)}, store=store, lanes=lanes)
    messages = gateway.send_bulk(batch(10, 20))
    gateway.kill()
    simulator.set("latency", "0")
    disk.fail("free", 63 * MIB)

    gateway.start()

    refused(gateway, "store_full")
    assert gateway.call("GET", "/readyz").json["store"] == "full"
    webhooks.wait_for_each(messages, "delivered")


def test_a_start_on_a_full_disk_waits_for_room_and_goes_on_where_the_last_process_ended(
    gateway_on_disk, simulator_with, record, webhooks, disk
):
    simulator = simulator_with(*record.option, *CARRIER)
    lanes = {"transactional": {"doubt_grace": "1s"}}
    gateway = gateway_on_disk(carriers={"telco": carrier(simulator.port, window=WINDOW)}, lanes=lanes)
    messages = gateway.send_bulk(batch(10, 60))
    wait_until(lambda: record.count() >= WINDOW, "the work is under way")
    gateway.kill()
    disk.fail("full")

    with run_in_background(gateway.start):
        wait_until(lambda: gateway.process and said_of_the_store(gateway), "the disk is found full")
        (line,) = said_of_the_store(gateway)
        assert f"the disk of {disk.database.parent} is full; free space there" in line
        disk.mend("full")

    webhooks.wait_for_each(messages, "delivered")
    assert set(record.numbers()) == {message["to"] for message in messages}
    assert len(record.twice()) <= WINDOW


def test_a_start_that_finds_no_room_for_long_ends_in_one_clear_line(simulator, tmp_path, disk):
    settings = configuration(tmp_path, carriers={"telco": carrier(simulator.port)})
    disk.fail("full")
    process = attempt(tmp_path, settings, **disk.mount())

    assert process.wait(seconds=30) == 1

    *before, last = process.errors.all()
    where = f"the disk of {tmp_path} is full; free space there"
    assert last == f"sluice: the store {disk.database} can't be opened: {where}"
    assert len(before) <= 3
    assert "Traceback" not in "".join(before)
    assert simulator.figures()["connections"] == 0, "no carrier is bothered"


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
    assert "look for a disk quota or a limit of file sizes" in gateway.log[-1]
    gateway.start()
    webhooks.wait_for_each(messages, "delivered")
    assert set(record.numbers()) == {message["to"] for message in messages}
    assert len(record.twice()) <= WINDOW
