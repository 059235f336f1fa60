"""Stores as plain files, backed up and restored without a loop."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from gateway.identifiers import SEQUENCE_BITS, now_ms
from gateway.store.backups import copying, restoring
from gateway.store.backups.copying import Backup
from gateway.store.backups.restoring import Restored
from gateway.store.connection import migrate, migrations

NEWEST = migrations()[-1][0]
DAY = 86_400_000
_INSERT = (
    "INSERT INTO messages (id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, "
    "segments, allow_unicode, expires_at) "
    "VALUES (?, 'shop', 1, 1, 1, 1, 1, 'SHOP', '+34600000001', 'hi', 'gsm7', 1, 0, 9)"
)


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def add(connection: sqlite3.Connection, count: int) -> None:
    """Messages, and the count of their queue with them."""
    first = now_ms() - DAY << SEQUENCE_BITS
    last = connection.execute("SELECT coalesce(max(id), ?) FROM messages", (first,)).fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(_INSERT, [(last + n + 1,) for n in range(count)])
    connection.execute("UPDATE queues SET ready = ready + ?", (count,))
    connection.execute("COMMIT")


def store_of(folder: Path, count: int = 10) -> Path:
    """A new one, with so many messages."""
    path = folder / "sluice.db"
    connection = opened(path)
    migrate(connection)
    connection.execute("INSERT INTO queues (id, lane, route, account) VALUES (1, 'otp', 'rest', 'shop')")
    add(connection, count)
    connection.close()
    return path


def take(store: Path, name: str = "backup.db", **changes: Any) -> Backup:
    return copying.take(store, store.with_name(name), NEWEST, **{"room_left": 0, "pause_share": 0, **changes})


def restore(backup: Path, store: Path, **changes: Any) -> Restored:
    return restoring.restore(backup, store, **{"room_left": 0, **changes})


def messages_in(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])
    finally:
        connection.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


_KILLED = """
import sys
from pathlib import Path
from gateway.store.backups import copying, restoring
what, store, other = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
print("begun", flush=True)
if what == "backup":
    copying.PAGES_A_STEP = 8
    copying.take(store, other, 99, room_left=0, pause_share=5)
else:
    restoring.restore(other, store, replace=True, room_left=0)
"""


def killed_after(seconds: float, what: str, store: Path, other: Path) -> int:
    """The exit status of a process that was given so long for a `backup` or a `restore`."""
    command = [sys.executable, "-c", _KILLED, what, str(store), str(other)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return process.wait()
