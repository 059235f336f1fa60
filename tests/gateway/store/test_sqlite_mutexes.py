"""SQLite set up for connections of one thread each."""

import ctypes.util
import subprocess
import sys
from types import ModuleType

import pytest

from gateway.store import connection, sqlite_mutexes

_A_PROCESS = """
import sqlite3
from gateway.store import sqlite_mutexes
left_out = sqlite_mutexes.leave_out()
rows = sqlite3.connect(":memory:").execute("SELECT 41 + 1").fetchall()
print(left_out, rows)
"""


def test_a_fresh_process_leaves_the_mutexes_out_and_its_connections_work() -> None:
    told = subprocess.run([sys.executable, "-c", _A_PROCESS], capture_output=True, text=True, timeout=30, check=True)

    assert told.stdout.strip() in ("True [(42,)]", "False [(42,)]"), told.stderr


def test_where_the_library_is_hidden_all_stays_as_it_was() -> None:
    without = ModuleType("without")
    without.__file__ = ctypes.util.find_library("m")

    assert sqlite_mutexes.leave_out(without) is False
    assert sqlite_mutexes.leave_out(ModuleType("built_in")) is False


def test_what_a_failed_call_held_ends_in_its_own_thread() -> None:
    def fail(own: connection.Tx) -> None:
        cursor = own.execute("SELECT 1")
        raise LookupError(cursor.description[0][0])

    with pytest.raises(LookupError) as raised:
        connection.Tx(":memory:").execute(fail)

    traceback = raised.value.__traceback__
    while traceback is not None and traceback.tb_frame.f_code is not fail.__code__:
        traceback = traceback.tb_next
    assert traceback is not None
    assert not traceback.tb_frame.f_locals, "its cursor would end where the error is dropped"
