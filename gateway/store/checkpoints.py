"""Moving the write-ahead log into the database: passive and from a connection of its own, so no commit waits for it."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import trio

from gateway.store import faults
from gateway.store.connection import Connection

log = logging.getLogger("sluice.store")
PASSIVE_ABOVE = 4 * 2**20
TRUNCATE_ABOVE = 64 * 2**20
COMMITS_BETWEEN_LOOKS = 50
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_AFTER_FAILURE = 10.0

Move: TypeAlias = Callable[[sqlite3.Connection], None]


def wal_size(path: Path) -> int:
    """Octets of the log; 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


async def run(connection: Connection, path: Path) -> None:
    """Checkpoint whenever the log has grown. Raises DiskUnsure."""
    while True:
        await trio.sleep(_SECONDS_BETWEEN_LOOKS)
        if wal_size(path) > PASSIVE_ABOVE:
            with trio.CancelScope(shield=True):
                moved = await attempt(connection.call, _passive)
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
    """Between two commits of the writer: copy what is left and start the log anew, unless a reader is in the way."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _passive(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
