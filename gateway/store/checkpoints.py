"""Moving the write-ahead log into the database: passive and from a connection of its own, so no commit waits for it.

Where commits never cease the log is never moved whole, and SQLite would make it ever longer. An fsync of a file that
grows costs several times that of one that is written over; so once little is left the writer moves that little itself,
and its next commit begins the log anew, in the same blocks.
"""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import trio

from gateway.store import faults
from gateway.store.connection import BUSY_MS, Connection

log = logging.getLogger("sluice.store")
PASSIVE_ABOVE = 4 * 2**20
ANEW_ABOVE = 16 * 2**20
TRUNCATE_ABOVE = 64 * 2**20
COMMITS_BETWEEN_LOOKS = 50
PAGE = 4096
PAGES_A_COMMIT = 6
ROWS_A_PAGE = 2
"""About what is added to the log; of rows whose keys follow no order more pages, of many together fewer."""
_LITTLE = 2**20
_MOST_ROUNDS = 4
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_AFTER_FAILURE = 10.0

Move: TypeAlias = Callable[[sqlite3.Connection], None]


def wal_size(path: Path) -> int:
    """Octets of the log; 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


class Log:
    """What is known of the log without asking the database. The loop and the writer's thread may both `copy`."""

    def __init__(self) -> None:
        self.is_nearly_copied = False
        """The writer may copy the little that is left, so that the log begins anew."""
        self._pages = 0
        self._frames = self._copied = self._last = 0

    def wrote(self, rows: int) -> None:
        """A commit that changed so many rows; about what it adds."""
        self._pages += PAGES_A_COMMIT + rows // ROWS_A_PAGE

    def copy(self, connection: sqlite3.Connection) -> None:
        """As much as is there, unless readers or another copy are in the way."""
        _, frames, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._last = copied - self._copied if copied >= self._copied else copied
        self._frames, self._copied = frames, copied

    async def keep_short(self, call: Callable[[Move], Awaitable[None]]) -> bool:
        """Copy it if it has grown; what came meanwhile too, until that is little. False: it can't be done now."""
        if self._pages < PASSIVE_ABOVE // PAGE:
            return True
        self._pages = 0
        for _ in range(_MOST_ROUNDS):
            if not await attempt(call, self.copy):
                return False
            if self._last <= _LITTLE // PAGE:
                break
        self.is_nearly_copied = self._frames > ANEW_ABOVE // PAGE
        return True

    async def begin_anew(self, call: Callable[[Move], Awaitable[None]]) -> None:
        """Between two commits of the writer: copy what is left."""
        self.is_nearly_copied = False
        await attempt(call, self.copy)


async def run(connection: Connection, log: Log) -> None:
    """Checkpoint whenever the log has grown. Raises DiskUnsure."""
    while True:
        await trio.sleep(_SECONDS_BETWEEN_LOOKS)
        with trio.CancelScope(shield=True):
            moved = await log.keep_short(connection.call)
        if not moved:
            await trio.sleep(_SECONDS_AFTER_FAILURE)


async def attempt(call: Callable[[Move], Awaitable[None]], move: Move) -> bool:
    """False: the disk is full or the database locked, and another time will do; the log keeps what it holds.

    Raises DiskUnsure.
    """
    try:
        await call(move)
    except sqlite3.Error as error:
        faults.raise_if_fatal(error)
        if not faults.is_passing(error):
            raise
        log.error("the write-ahead log can't be moved into the database now: %s", error)
        return False
    return True


def truncate(connection: sqlite3.Connection) -> None:
    """Between two commits of the writer: copy what is left and start the log anew, unless a reader is in the way.

    It is not waited for: a backup reads for minutes, and each wait would hold up all commits.
    """
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
