"""SQLite set up for connections of one thread each."""

import ctypes.util
import gc
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import closing
from types import ModuleType

import pytest

from gateway.store import connection, sqlite_mutexes
from gateway.store.sqlite_mutexes import LeftOut

EVERYTHING = LeftOut(connection_mutexes=True, memory_counts=True)
_A_PROCESS = """
import sqlite3
from gateway.store import sqlite_mutexes
left_out = sqlite_mutexes.leave_out()
rows = sqlite3.connect(":memory:").execute("SELECT 41 + 1").fetchall()
print(tuple(left_out), "/", rows)
"""


def test_a_fresh_process_leaves_the_mutexes_out_and_its_connections_work() -> None:
    told = subprocess.run([sys.executable, "-c", _A_PROCESS], capture_output=True, text=True, timeout=30, check=True)

    left_out, _, rows = told.stdout.strip().partition(" / ")
    assert (left_out, rows) in ((str(tuple(both)), "[(42,)]") for both in (EVERYTHING, sqlite_mutexes.NOTHING)), told


def test_where_the_library_is_hidden_all_stays_as_it_was() -> None:
    without = ModuleType("without")
    without.__file__ = ctypes.util.find_library("m")

    assert sqlite_mutexes.leave_out(without) == sqlite_mutexes.NOTHING
    assert sqlite_mutexes.leave_out(ModuleType("built_in")) == sqlite_mutexes.NOTHING


class PlayedLibrary:
    """SQLite's as it may have been built; `refuses` are options that it does not take."""

    def __init__(self, refuses: Collection[int] = (), shutdown: int = 0) -> None:
        self.refuses = refuses
        self.shutdown = shutdown
        self.is_up = True

    def sqlite3_shutdown(self) -> int:
        self.is_up = bool(self.shutdown)
        return self.shutdown

    def sqlite3_config(self, option: int, *values: int) -> int:
        return int(self.is_up or option in self.refuses)

    def sqlite3_initialize(self) -> int:
        self.is_up = True
        return 0


@pytest.mark.parametrize(
    ("library", "left_out"),
    [
        (PlayedLibrary(), EVERYTHING),
        (PlayedLibrary({9}), LeftOut(connection_mutexes=True, memory_counts=False)),
        (PlayedLibrary({2}), LeftOut(connection_mutexes=False, memory_counts=True)),
        (PlayedLibrary({2, 9}), sqlite_mutexes.NOTHING),
        (PlayedLibrary(shutdown=21), sqlite_mutexes.NOTHING),
    ],
)
def test_what_is_told_is_what_was_left_out(library: PlayedLibrary, left_out: LeftOut) -> None:
    assert sqlite_mutexes.configure(library) == left_out
    assert library.is_up


def test_what_a_failed_call_held_ends_in_its_own_thread() -> None:
    def fail(own: connection.Tx) -> None:
        cursor = own.execute("SELECT 1")
        raise LookupError(cursor.description[0][0])

    with closing(connection.Tx(":memory:")) as own, pytest.raises(LookupError) as raised:
        own.execute(fail)

    traceback = raised.value.__traceback__
    while traceback is not None and traceback.tb_frame.f_code is not fail.__code__:
        traceback = traceback.tb_next
    assert traceback is not None
    assert not traceback.tb_frame.f_locals, "its cursor would end where the error is dropped"


# --- where cursors end

MANY = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n"


class Marked(sqlite3.Cursor):
    """Notes in which thread it ends."""

    ended_in: list[int]

    def __del__(self) -> None:
        self.ended_in.append(threading.get_ident())


def deeper(held: Marked) -> None:
    raise LookupError(held.fetchone())


def held_by_a_cause(cursor: Marked) -> None:
    try:
        deeper(cursor)
    except LookupError as error:
        raise ValueError("instead") from error


def held_by_what_came_before(cursor: Marked) -> None:
    try:
        deeper(cursor)
    finally:
        raise ValueError("instead")


def held_in_a_group(cursor: Marked) -> None:
    errors = []
    try:
        deeper(cursor)
    except LookupError as error:
        errors.append(error)
    raise ExceptionGroup("together", errors)


def held_by_errors_that_name_each_other(cursor: Marked) -> None:
    try:
        held_by_a_cause(cursor)
    except ValueError as error:
        error.__cause__.__context__ = error  # type: ignore[union-attr]
        raise


@pytest.mark.parametrize(
    "fail", [held_by_a_cause, held_by_what_came_before, held_in_a_group, held_by_errors_that_name_each_other]
)
def test_a_cursor_ends_in_its_connection_s_thread_whatever_exception_holds_it(fail: Callable[[Marked], None]) -> None:
    ended_in: list[int] = []
    kept: list[BaseException] = []

    class Cursor(Marked):
        pass

    Cursor.ended_in = ended_in

    def body(own: connection.Tx) -> None:
        cursor = own.cursor(Cursor)
        cursor.execute(MANY)
        fail(cursor)

    def thread() -> None:
        own = connection.Tx(":memory:")
        try:
            own.execute(body)
        except (ValueError, ExceptionGroup) as error:
            kept.append(error)
        finally:
            own.close()

    worker = threading.Thread(target=thread)
    worker.start()
    worker.join()
    gc.collect()
    assert len(kept) == 1
    assert ended_in == [worker.ident], "not here, where the exception is still held"
