"""What the log says of a store that can't write: its beginning, now and then, its end; not each failure."""

import logging
import sqlite3
from pathlib import Path

import pytest

from gateway.store.interface import StoreFull
from gateway.store.outage import EVERY_SECONDS, Outage

FULL = StoreFull("the disk is full")


@pytest.fixture
def said(caplog):
    """The words of the lines so far."""
    caplog.set_level(logging.INFO, "sluice.store")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def outage():
    return Outage(Path("/var/lib/sluice/sluice.db"))


def test_a_minute_of_failures_is_a_line_every_ten_seconds_and_one_at_its_end(outage, said):
    for failure in range(240):
        outage.failed(FULL, 100 + failure / 4)
    assert outage.lasts
    outage.wrote(160.0)
    assert not outage.lasts
    lines = said()
    assert lines[0] == (
        'the store can\'t write, and tries again fault="the disk is full" path=/var/lib/sluice/sluice.db'
    )
    assert len(lines) == 1 + 5 + 1
    assert lines[1].startswith("the store still can't write failures=41 seconds=10 ")
    assert lines[-1] == "the store writes again failures=240 seconds=60.0"


def test_while_all_is_well_nothing_is_said(outage, said):
    outage.wrote(1.0)
    assert said() == []


def test_an_outage_that_comes_and_goes_is_not_a_beginning_and_an_end_each_time(outage, said):
    """Answers fit on the disk and a long submission does not."""
    now = 0.0
    while now < 60.0:
        outage.failed(FULL, now)
        outage.wrote(now + 0.5)
        now += 1.0
    assert len(said()) <= 2 * (60 / EVERY_SECONDS)
    outage.wrote(now + EVERY_SECONDS)
    assert not outage.lasts
    assert said()[-1].startswith("the store writes again")


def test_one_long_after_another_is_told_anew(outage, said):
    for began in (0.0, 1_000.0):
        outage.failed(FULL, began)
        outage.wrote(began + 1)
    assert [line.partition(" fault")[0].partition(" failures")[0] for line in said()] == [
        "the store can't write, and tries again",
        "the store writes again",
    ] * 2


async def test_a_store_that_is_locked_says_so_once_and_says_when_it_writes_again(bench, said):
    await bench.store._writer._call(lambda connection: connection.execute("PRAGMA busy_timeout = 10") and None)
    other = sqlite3.connect(bench.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(4):
        with pytest.raises(Exception, match=r"holds .* locked"):
            await bench.commit()
    other.close()
    await bench.commit()
    begun, ended = said()
    assert begun.startswith('the store can\'t write, and tries again fault="database is locked"')
    assert ended.startswith("the store writes again failures=")
