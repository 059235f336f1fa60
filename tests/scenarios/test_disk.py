"""The disk of these scenarios itself: who does not sync loses what was told of, who does never loses it."""

import random
import sqlite3
import sys

import pytest
from child_processes import ChildProcess
from daemons import environment
from disks import Disk

pytestmark = pytest.mark.scenario

ROWS_TOLD = 120
WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute(f"PRAGMA synchronous = {sys.argv[2]}")
connection.execute(f"PRAGMA wal_autocheckpoint = {sys.argv[3]}")
connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, filler BLOB)")
while True:
    row = connection.execute("INSERT INTO rows (filler) VALUES (randomblob(900))").lastrowid
    print(row, flush=True)
"""


def told_and_found(tmp_path, synchronous, chance, pages_between_checkpoints=7):
    """The last row that a writer told of before the power was cut, and the rows there were when it came back."""
    disk = Disk(tmp_path, tmp_path / "rows.db")
    arguments = [sys.executable, "-c", WRITER, disk.database, synchronous, str(pages_between_checkpoints)]
    writer = ChildProcess(arguments, folder=tmp_path, environment=environment() | disk.mount())
    writer.output.wait_for(ROWS_TOLD)
    writer.end()
    told = int(writer.output.all()[-1])
    disk.cut_power(chance)
    connection = sqlite3.connect(disk.database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return told, [row for (row,) in connection.execute("SELECT id FROM rows ORDER BY id")]
    finally:
        connection.close()


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_a_writer_that_syncs_each_commit_loses_nothing(tmp_path, seed):
    told, found = told_and_found(tmp_path, "FULL", None if seed is None else random.Random(seed))
    assert found[:told] == list(range(1, told + 1))
    assert len(found) - told <= 1, "nothing is there that was not even asked for"


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_a_writer_that_does_not_sync_each_commit_loses_what_it_told(tmp_path, synchronous):
    try:
        told, found = told_and_found(tmp_path, synchronous, None, pages_between_checkpoints=1000)
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error)  # noqa: PT017 not even that was synced
    else:
        assert len(found) < told
