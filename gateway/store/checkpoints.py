"""Moving the write-ahead log into the database: passive and from a connection of its own, so no commit waits for it."""

import sqlite3
from pathlib import Path

import trio

from gateway.store.connection import Connection

PASSIVE_ABOVE = 4 * 2**20
TRUNCATE_ABOVE = 64 * 2**20
COMMITS_BETWEEN_LOOKS = 50
_SECONDS_BETWEEN_LOOKS = 0.5


def wal_size(path: Path) -> int:
    """Octets of the log; 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


async def run(connection: Connection, path: Path) -> None:
    """Checkpoint whenever the log has grown."""
    while True:
        await trio.sleep(_SECONDS_BETWEEN_LOOKS)
        if wal_size(path) > PASSIVE_ABOVE:
            with trio.CancelScope(shield=True):
                await connection.call(_passive)


def truncate(connection: sqlite3.Connection) -> None:
    """Between two commits of the writer: copy what is left and start the log anew, unless a reader is in the way."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _passive(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
