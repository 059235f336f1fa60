"""A backup under load, the gateway lost after it, and the backup restored in another place by another configuration:
nothing that was sent goes out again unless it is released, and what is new flows meanwhile."""

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from http.client import HTTPException

import pytest
from arrivals import wait_until
from callers import Caller
from daemons import Gateway, carrier, configuration, environment, started
from sluice_processes import sluice_process

from gateway.identifiers import MESSAGE, public

pytestmark = pytest.mark.scenario
LANES = {"transactional": {"doubt_grace": "60s"}}
LATER = (datetime.now(UTC) + timedelta(hours=2)).isoformat()


def batch(prefix, count, **fields):
    return [{"to": f"+346{prefix:03}{n:05}", "text": f"Hello {prefix} {n}", **fields} for n in range(count)]


def answer_of(process):
    """In JSON, of a command."""
    status = process.wait(60)
    assert status == 0, process.errors.all()
    return json.loads(process.output.all()[-1])


def asked(gateway, *arguments):
    """The answer of a command that asks the running gateway."""
    return answer_of(gateway.asked(*arguments, "--json"))


class Load:
    """Posts small bulks until it is told to stop."""

    def __init__(self, gateway):
        self._caller = Caller(gateway.url, gateway.token)
        self._stop = threading.Event()
        self.accepted = []
        self._thread = threading.Thread(target=self._post)
        self._thread.start()

    def _post(self):
        for prefix in range(100, 999):
            if self._stop.wait(0.02):
                return
            try:
                answer = self._caller.call("POST", "/v1/sms/bulk", batch(prefix, 5))
            except (OSError, HTTPException):
                return
            self.accepted += answer.json["entities"]

    def end(self):
        self._stop.set()
        self._thread.join()


def open_in(backup):
    """What a restart of the backup would send: public ids and numbers."""
    connection = sqlite3.connect(backup)
    rows = connection.execute("SELECT id, recipient, state FROM messages WHERE state < 5").fetchall()
    connection.close()
    return {public(MESSAGE, message): (recipient, state) for message, recipient, state in rows}


def held_ids(gateway):
    page = gateway.operator.get("/admin/held/messages?limit=500")
    assert page["next_cursor"] is None
    return {entity["id"] for entity in page["entities"]}


@pytest.fixture
def lost(gateway_with, simulator_with, record):
    """A gateway that was backed up under load, sent on, and was killed; its backup, and its carrier."""
    simulator = simulator_with(*record.option, "--max-rate", "60", "--receipt-share", "0")
    gateway = gateway_with(carriers={"telco": carrier(simulator.port, window=5)}, lanes=LANES)
    gateway.wait_able("telco")
    scheduled = gateway.send_bulk(batch(1, 5, schedule=LATER))
    load = Load(gateway)
    waiting = gateway.send_bulk(batch(2, 120))
    wait_until(lambda: record.count() >= 20, "messages go out")

    backup = asked(gateway, "backup", "--config", gateway.folder / "sluice.toml")

    load.end()
    everything = {message["to"] for message in [*waiting, *load.accepted]}
    wait_until(lambda: set(record.numbers()) >= everything, "all that was due has been sent", seconds=60)
    gateway.kill()
    return simulator, backup, {message["id"] for message in scheduled}


def test_a_backup_under_load_is_restored_elsewhere_and_sends_nothing_twice_until_released(lost, record, tmp_path):
    simulator, backup, scheduled = lost
    was_open = open_in(backup["path"])
    assert backup["audited"]
    assert backup["open"] == len(was_open) > len(scheduled)
    sent_before = record.count()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = {**carrier(simulator.port, window=20), "binds": 2}
    again = Gateway(elsewhere, configuration(elsewhere, carriers={"telco": other}, lanes=LANES))
    again.write()

    arguments = ["restore", backup["path"], "--config", elsewhere / "sluice.toml", "--json"]
    done = answer_of(sluice_process(arguments, folder=elsewhere, environment=environment()))
    assert done["held"]["messages"] == len(was_open)

    with started(again):
        again.wait_logged("what was open in a backup is held")
        again.wait_able("telco")
        assert held_ids(again) == set(was_open)
        new = again.send_bulk(batch(900, 20))
        wait_until(lambda: record.count() >= sent_before + 20, "new messages flow")
        assert sorted(record.numbers()[sent_before:]) == sorted(message["to"] for message in new)
        held = asked(again, "held")["held"]
        assert held["total"] == len(was_open)
        again.wait_for(lambda: again.operator.get("/admin/status")["held"], "the status says so")
        alarms = again.wait_for(lambda: again.operator.get("/admin/alarms")["entities"] or None, "it is an alarm")
        assert [alarm["alarm"] for alarm in alarms] == ["queue.held"]
        assert held_ids(again) == set(was_open)
        assert record.count() == sent_before + 20

        # A doubt is sent again by its lane's policy only; by hand it is settled at once.
        for message_id, (_, state) in was_open.items():
            if state in (3, 4):
                again.operator.call("POST", f"/admin/doubts/{message_id}/settle", {"outcome": "resend"})
        assert asked(again, "held", "--release", "--yes")["released"] == len(was_open) + done["held"]["events"]

        expected = sorted(number for message_id, (number, _) in was_open.items() if message_id not in scheduled)
        wait_until(lambda: record.count() >= sent_before + 20 + len(expected), "what was released has been sent")
        assert sorted(record.numbers()[sent_before + 20 :]) == expected
        assert again.operator.get("/admin/held") == {"held": None}
        assert again.message(next(iter(was_open.keys() - scheduled)))["possible_duplicate"]
        again.wait_for(lambda: not again.operator.get("/admin/alarms")["entities"] or None, "the alarm is over")


def test_a_running_gateway_is_not_restored_over(gateway_with, simulator_with):
    simulator = simulator_with()
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    config = gateway.folder / "sluice.toml"
    backup = asked(gateway, "backup", "--config", config)
    arguments = ["restore", backup["path"], "--config", config, "--replace"]
    process = sluice_process(arguments, folder=gateway.folder, environment=environment())
    assert process.wait(30) == 1
    assert "Stop it first" in " ".join(process.errors.all())


def test_a_store_is_backed_up_while_the_gateway_is_down_and_that_is_said(gateway_with, simulator_with):
    simulator = simulator_with()
    gateway = gateway_with(carriers={"telco": carrier(simulator.port)})
    gateway.send("+34600000001")
    gateway.stop()
    arguments = ["backup", "--config", gateway.folder / "sluice.toml", "--to", gateway.folder / "mine.db"]
    process = sluice_process(arguments, folder=gateway.folder, environment=environment())
    assert process.wait(30) == 0
    said = " ".join(process.output.all())
    assert "SHA-256" in said
    assert "Not in the audit" in said
    gateway.start()
