"""Whether a file is a whole store of ours: by SQLite's own checks, the version, and what is in it."""

import hashlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from gateway.identifiers import SEQUENCE_BITS
from gateway.messages import MessageState
from gateway.store.backups.places import BackupFailed

_OPEN = f"SELECT count(*) FROM messages WHERE due IS NOT NULL AND state < {int(MessageState.SENT)}"
_IN_HOUSE = ("messages", "attempts", "events", "queues", "audit")
_AT_A_TIME = 1 << 20


class Content(NamedTuple):
    """What a store holds."""

    version: int
    messages: int
    open: int
    """Those that a restart would send."""
    last_id: int
    taken_at: int | None
    """When it was taken; None: it is no backup that we took."""

    @property
    def at(self) -> int:
        """Of when it tells, in milliseconds."""
        return self.taken_at or self.last_id >> SEQUENCE_BITS


def read_only(path: Path) -> sqlite3.Connection:
    """Raises BackupFailed where it may not be read, or is none."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise BackupFailed(
            f"{path} can't be read: {error.strerror}; run this as the user that the gateway runs as"
        ) from None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)
    connection.execute("PRAGMA query_only = ON")
    return connection


def content_of(connection: sqlite3.Connection) -> Content:
    """What it holds. Raises BackupFailed where it is no store of ours."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()}
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not version or not tables.issuperset(_IN_HOUSE):
        raise BackupFailed("it is no store of Sluice's; name the file that `sluice backup` wrote")
    (messages,) = connection.execute("SELECT count(*) FROM messages").fetchone()
    (opened,) = connection.execute(_OPEN).fetchone()
    ids = [connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0 for table in ("messages", "events")]
    taken = connection.execute("SELECT max(at) FROM taken").fetchone()[0] if "taken" in tables else None
    return Content(version, messages, opened, max(ids), taken)


def verify(path: Path, newest: int) -> Content:
    """Check a store that nobody uses; what it holds. `newest`: the version that we know.

    Raises BackupFailed.
    """
    connection = read_only(path)
    try:
        found = connection.execute("PRAGMA integrity_check(5)").fetchall()
        if found != [("ok",)]:
            raise BackupFailed(f"{path} is damaged: {found[0][0]}; take or name another backup")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise BackupFailed(f"{path} is damaged: rows name others that are not there; take or name another backup")
        content = content_of(connection)
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"{path} is damaged, or no database: {error}; take or name another backup") from None
    finally:
        connection.close()
    if content.version > newest:
        raise BackupFailed(
            f"{path} has version {content.version}, this Sluice knows {newest}: install the newer Sluice to restore it"
        )
    return content


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while octets := file.read(_AT_A_TIME):
            digest.update(octets)
    return digest.hexdigest()
