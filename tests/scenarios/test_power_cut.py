"""The power is cut, again and again, at full load: what was promised to callers and to carriers is on the disk."""

import random
import shutil
import sqlite3
import threading
import time
from collections import defaultdict
from contextlib import closing
from http.client import HTTPException

import pytest
from arrivals import wait_until
from daemons import account, carrier
from disks import PAGE
from records import repeated

pytestmark = pytest.mark.scenario

CUTS = 3
WINDOW = 20
CALLERS = 3
SECONDS_UP = 0.4
FSYNC_MS = 30
"""Long enough for a cut to find something that is on its way to the disk."""
CARRIER = ("--latency", "5-20ms", "--receipt-delay", "0-50ms", "--no-number-outcomes")
LANES = {"transactional": {"doubt_grace": "1s"}}


class Callers:
    """Threads that post one message or a bulk at a time, as fast as they are answered, while the gateway lives."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.accepted = []
        """Entities of answers that arrived."""
        self._numbers = iter(range(10**9))
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _item(self):
        with self._lock:
            number = next(self._numbers)
        return {"to": f"+34600{number:06}", "text": f"Hello {number}"}

    def _call(self, number):
        is_bulk = number == 0
        while not self._over.is_set():
            body = [self._item() for _ in range(100)] if is_bulk else self._item()
            try:
                answer = self.gateway.call("POST", "/v1/sms/bulk" if is_bulk else "/v1/sms", body)
            except (OSError, HTTPException):  # the power is off, or was cut in the middle of the answer
                self._over.wait(0.02)
                continue
            assert answer.status == 201, answer
            self.accepted += answer.json["entities"] if is_bulk else [answer.json]
            self._over.wait(0.3 if is_bulk else 0.0)


def is_sound(disk, folder):
    """Whether SQLite finds no fault with what a cut left. It is looked at in a copy: to open it is to mend it."""
    folder.mkdir()
    copy = shutil.copy(disk.database, folder)
    log = disk.database.with_name(disk.database.name + "-wal")
    if log.exists():
        shutil.copy(log, folder)
    with closing(sqlite3.connect(copy)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("seed", [None, 1, 2], ids=["all_unsynced_is_lost", "some_survives", "some_else_survives"])
def test_what_was_promised_survives_power_cuts(gateway_on_disk, simulator_with, record, webhooks, disk, tmp_path, seed):
    simulator = simulator_with(*record.option, *CARRIER)
    shop = account(webhooks.url)
    shop["webhook"]["batch"] = 100
    carriers = {"telco": carrier(simulator.port, window=WINDOW)}
    gateway = gateway_on_disk(carriers=carriers, lanes=LANES, accounts={"shop": shop})
    chance = random.Random(seed or 0)
    unsynced = 0
    disk.fail("slow", FSYNC_MS)
    with Callers(gateway) as callers:
        wait_until(lambda: disk.database.stat().st_size > 100 * PAGE, "a first checkpoint has been made")
        for cut in range(CUTS):
            answered = len(callers.accepted)
            wait_until(lambda answered=answered: len(callers.accepted) > answered, "the callers are answered")
            time.sleep(chance.uniform(0.0, SECONDS_UP))
            wait_until(disk.is_syncing, "something is on its way to the disk")
            unsynced += gateway.lose_power(None if seed is None else chance)
            assert is_sound(disk, tmp_path / f"cut-{cut}")
            gateway.start()
    disk.mend("slow")
    assert unsynced > CUTS, "the power was cut in the middle of something"

    ended = webhooks.wait_for_each(callers.accepted, "delivered")

    arrived = record.numbers()
    assert {message["to"] for message in callers.accepted} <= set(arrived)
    twice = repeated(arrived) & {message["to"] for message in callers.accepted}
    assert twice <= {event["data"]["to"] for event in ended if event["data"]["possible_duplicate"]}
    assert len(arrived) - len(set(arrived)) <= CUTS * WINDOW
    wait_until(lambda: gateway.get("/v1/events?status=pending")["entities"] == [], "every event is told")
    # A receipt may settle what was never answered: then `delivered` is told without a `sent` before it.
    told = told_in_order(webhooks)
    assert [statuses for statuses in told.values() if statuses not in (["sent", "delivered"], ["delivered"])] == []


def told_in_order(webhooks):
    """Statuses of each message, by the first arrival of each event."""
    told = defaultdict(list)
    for event in webhooks.events.all():
        told[event["message_id"]].append(event["status"])
    return told
