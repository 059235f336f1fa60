"""A store looked at from outside, without owning or changing it: who owns it, its version, whether it is sound."""

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from gateway.store import connection as connections
from gateway.store.connection import Holder

_BUSY_SECONDS = 2.0


@dataclass(slots=True, frozen=True)
class Examined:
    """What was seen of a store's file."""

    size: int
    """Bytes."""
    version: int
    """Of its schema."""
    faults: list[str] | None
    """What quick_check says; empty: it is sound; None: it was not asked."""


def newest_version() -> int:
    """Of the schema that this Sluice knows."""
    return connections.migrations()[-1][0]


def owner(path: Path) -> Holder | None:
    """Who owns the store now; with an empty pid where that is not told, or not to us. None: nobody."""
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        # It is another user's: whether it is locked can't be seen, and who takes it for free may do harm.
        return Holder("", "", "")
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return connections.holder(descriptor) or Holder("", "", "")
    finally:
        os.close(descriptor)
    return None


def examine(path: Path, *, thoroughly: bool) -> Examined:
    """Looks at the file; `thoroughly`: reads all of it. Raises OSError in words."""
    size = path.stat().st_size
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            faults = None
            if thoroughly:
                faults = [row[0] for row in connection.execute("PRAGMA quick_check(10)") if row[0] != "ok"]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OSError(str(error)) from None
    return Examined(size, version, faults)


def sqlite_version() -> str:
    """Of the library that is used."""
    return sqlite3.sqlite_version


def least_sqlite_version() -> str:
    """Which one is needed at least."""
    return ".".join(map(str, connections.LEAST_SQLITE))


def sqlite_is_new_enough() -> bool:
    return sqlite3.sqlite_version_info >= connections.LEAST_SQLITE
