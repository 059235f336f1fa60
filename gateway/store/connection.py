"""The only room that speaks asyncio: SQLite connections of aiosqlite, whose thread runs one plain function a call.

A call is `await connection.call(function)`: one hop to its thread and back, whatever the function does there.
"""

import asyncio
import errno
import fcntl
import logging
import os
import shlex
import sqlite3
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
import trio

from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339
from gateway.store import faults, privacy
from gateway.store.asyncio_on_trio import trio_asyncio
from gateway.store.backups import before_migrating, places

T = TypeVar("T")
log = logging.getLogger("sluice.store")
LEAST_SQLITE = (3, 38, 0)
CACHE_KIB = 32 * 1024
BUSY_MS = 2_000


class Tx(sqlite3.Connection):
    """A connection whose execute also takes a function of the connection, to be run in its thread."""

    def execute(self, sql: Any, *parameters: Any) -> Any:
        if not callable(sql):
            return super().execute(sql, *parameters)
        try:
            return sql(self)
        except BaseException as error:
            # A cursor must end in its connection's thread (see sqlite_mutexes), not where the error is dropped.
            for one in _chain(error):
                traceback.clear_frames(one.__traceback__)
            raise


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it came of, and what it is a group of, each once: each has frames of its own."""
    seen: set[int] = set()
    following: list[BaseException | None] = [error]
    while following:
        one = following.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            following += (one.__cause__, one.__context__)
            if isinstance(one, BaseExceptionGroup):
                following += one.exceptions


class _WayBack:
    """As much of an event loop as one call needs: a future, and the way from the connection's thread to Trio's.

    trio_asyncio's own has tasks that wake each other for that, which costs as much as all the rest of a call.
    """

    def __init__(self) -> None:
        self._trio = trio.lowlevel.current_trio_token()

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=cast(asyncio.AbstractEventLoop, self))

    def call_soon_threadsafe(self, callback: Callable[..., object], *given: Any) -> None:
        # Of a connection that could not be opened the thread's end is waited for by nobody: Trio may be gone by then.
        with suppress(trio.RunFinishedError):
            self._trio.run_sync_soon(callback, *given)

    def call_soon(self, callback: Callable[..., object], *given: Any, context: Context) -> None:
        callback(*given)

    def get_debug(self) -> bool:
        return False


class Connection:
    """One SQLite connection, used from Trio."""

    def __init__(self, connection: aiosqlite.Connection, way_back: _WayBack) -> None:
        self._connection = connection
        self._way_back = way_back

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function in the connection's thread, to its end even if the caller is cancelled: shield what counts."""
        statement: Any = function  # Tx takes a function where others take SQL
        cursor: Any = await _stepped(self._connection.execute(statement), self._way_back)
        result: T = cursor._cursor  # what the function returned, as aiosqlite wraps it
        return result

    async def close(self) -> None:
        """Always call it, in `finally`: the thread is not a daemon, a missed close hangs the process."""
        with trio.CancelScope(shield=True):
            await _stepped(self._connection.close(), self._way_back)


async def _stepped(awaited: Awaitable[T], way_back: _WayBack) -> T:
    """What aiosqlite awaits is a future of its thread, once or twice: stepped by hand, it takes no asyncio task.

    Nor could it take one on trio_asyncio's loop since Python 3.14, whose tasks ask for a loop that C code knows of.
    """
    steps = awaited.__await__()
    while True:
        before = trio_asyncio.current_loop.set(cast(Any, way_back))
        try:
            future = next(steps)
        except StopIteration as ended:
            result: T = ended.value
            return result
        finally:
            trio_asyncio.current_loop.reset(before)
        await _ended(future)


async def _ended(future: asyncio.Future[Any]) -> None:
    ended = trio.Event()

    def note(future: asyncio.Future[Any]) -> None:
        # Looked at, whether its caller still waits or not: asyncio minds an exception that nobody saw.
        future.exception()
        ended.set()

    future.add_done_callback(note)
    await ended.wait()


async def connect(path: Path, *, read_only: bool = False) -> Connection:
    """Open one connection; every pragma that promises rest on is set here. Raises sqlite3.Error."""
    # A path that can't be opened is refused here: aiosqlite does not wait for the end of a thread that failed to open.
    privacy.make_private(path)
    sqlite3.connect(path).close()

    way_back = _WayBack()
    opening = aiosqlite.connect(path, factory=Tx, isolation_level=None, cached_statements=512)
    with trio.CancelScope(shield=True):
        connection = Connection(await _stepped(opening, way_back), way_back)
    try:
        await connection.call(_prepare_reader if read_only else _prepare_writer)
    except BaseException:
        await connection.close()
        raise
    return connection


def _prepare_writer(connection: sqlite3.Connection) -> None:
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "wal_autocheckpoint = 0",
        f"cache_size = -{CACHE_KIB}",
        "temp_store = MEMORY",
        "foreign_keys = OFF",
        # What is erased is overwritten in its page. FAST: no page is written for that alone.
        "secure_delete = FAST",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: sqlite3.Connection) -> None:
    for pragma in ("query_only = ON", "cache_size = -4096", f"busy_timeout = {BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def check_version() -> None:
    """Raises RuntimeError on a SQLite older than what the statements need (RETURNING, STRICT, UPSERT as used)."""
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        raise RuntimeError(f"SQLite {least} or newer is needed; Python was built with {sqlite3.sqlite_version}")


def migrations(folder: Traversable | None = None) -> list[tuple[int, str]]:
    """The numbered migrations, in order: our own, or those of a folder."""
    folder = folder or resources.files("gateway.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in files]


class NewerStore(RuntimeError):  # noqa: N818
    """The store was written by a newer program than this one."""


def migrate(
    connection: sqlite3.Connection, known: Sequence[tuple[int, str]] | None = None, *, is_backed_up: bool = False
) -> None:
    """Apply what is missing, each migration in a transaction of its own, once there is a backup of what was before.

    `known`: ours, where nothing is said. Raises NewerStore on a store of a newer version, and BackupFailed.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = migrations() if known is None else known
    if version > known[-1][0]:
        raise NewerStore(
            f"the store has version {version}, this Sluice knows {known[-1][0]}: install the newer Sluice again, or "
            "restore the backup that it made beside the store before it changed it (`sluice restore`)"
        )
    missing = [(number, script) for number, script in known if number > version]
    backup = None
    if version and missing and not is_backed_up:
        backup = before_migrating.back_up(connection, version, missing[0][0])
    for number, script in missing:
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error as error:
            # It is soon tried again (see opening.patiently), and each try would leave a backup of the same.
            if backup is not None and number == missing[0][0] and faults.is_passing(error):
                backup.unlink()
            raise


class StoreLocked(Exception):  # noqa: N818
    """Another process owns the store."""


@dataclass(slots=True, frozen=True)
class Holder:
    """Who owns a store, or owned it and ended without a word."""

    pid: str
    since: str
    command: str


@contextmanager
def lock(path: Path) -> Iterator[Holder | None]:
    """Own the store for as long as this lasts: an operating-system lock beside the database, gone with the process.

    Gives the last owner if it did not leave in order. Raises StoreLocked, which names the owner. Who owns it may also
    say who else may read it: nobody.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(path.name + ".lock")
    descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, privacy.OWNER_ONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreLocked(_owned(path, holder(descriptor))) from None
        if (aside := places.finish_restore(path)) is not None:
            log.warning("a restore that was cut off has been finished; the store that was there is now %s", aside.name)
        privacy.take_back(path)
        last = holder(descriptor)
        os.ftruncate(descriptor, 0)
        command = " ".join(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]).split())
        _sign(descriptor, f"{os.getpid()}\n{rfc3339(now_ms())}\n{command}\n")
        yield last
        os.ftruncate(descriptor, 0)  # a file that still names its owner tells that it did not come to this
    finally:
        os.close(descriptor)


def _sign(descriptor: int, holder: str) -> None:
    """The lock holds without it too: where there is no room to say who holds it, nobody is named."""
    try:
        os.pwrite(descriptor, holder.encode(errors="replace"), 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise


def holder(descriptor: int) -> Holder | None:
    """Who a lock's file names; None: nobody."""
    pid, since, command, *_ = os.pread(descriptor, 4096, 0).decode("utf-8", "replace").split("\n") + [""] * 3
    return Holder(pid, since, command) if pid else None


def _owned(path: Path, holder: Holder | None) -> str:
    """A file that is empty although locked belongs to a process that has just come or is about to go."""
    if holder is None:
        return f"{path} is owned by another process; only one `sluice run` may use a store"
    return (
        f"{path} is owned by process {holder.pid}; it has been running since {holder.since} as `{holder.command}`, "
        "and only one `sluice run` may use a store"
    )


open_loop: Callable[[], Any] = trio_asyncio.open_loop
"""To be entered in the outermost nursery, before any connection is made; left after the last is closed.

For what aiosqlite may come to ask of a loop: all that it asks today, `_WayBack` gives.
"""
