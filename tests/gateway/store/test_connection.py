"""What aiosqlite's thread gives back, and to whom."""

import errno
import gc
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.store import connection as connections
from gateway.store import privacy
from gateway.store.connection import connect, lock, open_loop


async def test_a_fault_in_a_call_whose_caller_was_cancelled_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def broken(_: Any) -> None:
        done.append("broken")
        raise ValueError("a fault that nobody waits for")

    async with open_loop():
        connection = await connect(tmp_path / "sluice.db")
        try:
            with trio.CancelScope() as scope:
                scope.cancel()
                await connection.call(broken)
            assert scope.cancelled_caught
            # By the second one the thread has let go of the first's future.
            for _ in range(2):
                await connection.call(lambda _: done.append("next"))
            gc.collect()
        finally:
            await connection.close()
    assert done == ["broken", "next", "next"]
    assert caplog.text == ""


async def test_a_new_store_and_its_log_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "sluice.db"
    async with open_loop():
        connection = await connect(path)
        try:
            await connection.call(lambda own: own.execute("CREATE TABLE t (a)").close())
            modes = [path.with_name(f"sluice.db{end}").stat().st_mode & 0o777 for end in ("", "-wal", "-shm")]
        finally:
            await connection.close()
    assert modes == [0o600, 0o600, 0o600]


def modes_of(path: Path) -> list[int]:
    return [path.with_name(path.name + end).stat().st_mode & 0o777 for end in ("", "-wal", "-shm", ".lock")]


def test_the_files_of_an_older_store_that_others_may_read_are_taken_back_before_it_is_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sluice.db"
    for end, mode in (("", 0o644), ("-wal", 0o640), ("-shm", 0o606), (".lock", 0o666)):
        file = path.with_name(path.name + end)
        file.touch()
        file.chmod(mode)
    with lock(path):
        assert modes_of(path) == [0o600] * 4
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith('files="sluice.db sluice.db-wal sluice.db-shm sluice.db.lock"')
    caplog.clear()
    with lock(path):
        assert modes_of(path) == [0o600] * 4
    assert caplog.text == "", "once"


def test_files_that_only_their_owner_may_use_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "sluice.db"
    path.touch(0o400)
    privacy.take_back(path)
    assert path.stat().st_mode & 0o777 == 0o400


class AnotherOwners(type(Path())):  # type: ignore[misc]
    """A path to files that are not ours: what chmod(2) says then."""

    def chmod(self, mode: int, *, follow_symlinks: bool = True) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_store_whose_files_belong_to_another_is_warned_of_and_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = AnotherOwners(tmp_path / "sluice.db")
    path.touch(0o644)
    with lock(path):
        pass
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("others can use the store's files")
    assert "sluice.db: Operation not permitted" in line


def test_taking_files_back_drops_no_lock_that_this_process_holds_on_them(tmp_path: Path) -> None:
    path = tmp_path / "sluice.db"
    ours = sqlite3.connect(path, isolation_level=None)
    ours.execute("PRAGMA journal_mode = DELETE")
    path.chmod(0o644)
    ours.execute("BEGIN EXCLUSIVE")
    privacy.take_back(path)
    # Locks of fcntl(2) are a process's: only another one can tell whether they hold.
    child = os.fork()
    if not child:
        try:
            sqlite3.connect(path, timeout=0).execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    ours.close()
    assert os.waitstatus_to_exitcode(status) == 0


async def test_a_call_gives_back_what_the_function_gave_or_raised_and_calls_go_on_side_by_side(tmp_path: Path) -> None:
    got: list[int] = []

    def refuse(_: Any) -> None:
        raise LookupError("not here")

    async with open_loop():
        connection = await connect(tmp_path / "sluice.db")

        async def ask(number: int) -> None:
            got.append(await connection.call(lambda _: number))

        try:
            async with trio.open_nursery() as nursery:
                for number in range(20):
                    nursery.start_soon(ask, number)
            with pytest.raises(LookupError, match="not here"):
                await connection.call(refuse)
        finally:
            await connection.close()
    assert sorted(got) == list(range(20))


# --- what becomes of the thread


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    begun = set(threading.enumerate()) - before
    for thread in begun:
        thread.join(timeout=10)
    assert [thread for thread in begun if thread.is_alive()] == []


@pytest.mark.usefixtures("no_thread_is_left")
async def test_a_connection_whose_maker_is_cancelled_leaves_no_thread(tmp_path: Path) -> None:
    async with open_loop():
        with trio.CancelScope() as scope:
            scope.cancel()
            await connect(tmp_path / "sluice.db")
        assert scope.cancelled_caught


@pytest.mark.usefixtures("no_thread_is_left")
async def test_a_connection_is_closed_in_a_cancelled_scope_after_the_call_that_runs(tmp_path: Path) -> None:
    may_end = threading.Event()
    done: list[str] = []

    def slowly(_: Any) -> None:
        may_end.wait(timeout=10)
        done.append("called")

    async with open_loop():
        connection = await connect(tmp_path / "sluice.db")
        with trio.CancelScope() as scope:
            scope.cancel()
            await connection.call(slowly)
        with trio.CancelScope() as scope:
            scope.cancel()
            may_end.set()
            await connection.close()
            done.append("closed")
    assert done == ["called", "closed"]


@pytest.mark.usefixtures("no_thread_is_left")
async def test_a_connection_may_be_closed_again(tmp_path: Path) -> None:
    async with open_loop():
        connection = await connect(tmp_path / "sluice.db")
        await connection.close()
        await connection.close()
        with pytest.raises(ValueError, match="no active connection"):
            await connection.call(lambda _: None)


@pytest.mark.usefixtures("no_thread_is_left")
async def test_a_database_that_the_thread_cannot_open_is_told_and_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(sqlite3.Connection):
        def __init__(self, *given: Any, **named: Any) -> None:
            raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(connections, "Tx", Broken)
    async with open_loop():
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            await connect(tmp_path / "sluice.db")
