"""What a failing disk means: full or busy passes, and who asked is told; an I/O error ends the process.

After that one nothing is sure about what is on disk.
"""

import os
import sqlite3
import time
import traceback
from pathlib import Path

from gateway.store.interface import StoreBusy, StoreFull

_RESERVE_IS_FRESH_SECONDS = 1.0
FATAL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY = 0xFF


class DiskUnsure(Exception):  # noqa: N818
    """The disk failed under a write: what is on it is known only after a restart."""

    may_be_logged = True


class DiskReserve:
    """Free space kept back from new work, so that answers and receipts still fit."""

    def __init__(self, path: Path, reserve: int) -> None:
        self._folder = path.parent
        self._reserve = reserve
        self._looked_at = float("-inf")
        self._free = 0

    def check(self) -> None:
        """Raises StoreFull when less than the reserve is free. Looks at the disk once a second at most."""
        now = time.monotonic()
        if now - self._looked_at > _RESERVE_IS_FRESH_SECONDS:
            status = os.statvfs(self._folder)
            self._free, self._looked_at = status.f_bavail * status.f_frsize, now
        if self._free < self._reserve:
            free, reserve = self._free // 2**20, self._reserve // 2**20
            raise StoreFull(
                f"{free} MiB are free on the disk of {self._folder}, and store.disk_reserve keeps {reserve} MiB for "
                "answers and receipts; free space there"
            )


def raise_if_fatal(error: BaseException) -> None:
    if primary_code(error) in FATAL:
        # SQLite tells ENOSPC from the rest, but neither EDQUOT nor EFBIG.
        is_write = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_WRITE
        hint = " at a write; look for a disk quota or a limit of file sizes first" if is_write else ""
        raise DiskUnsure(f"the store's disk failed: {error}{hint}") from error


def is_of_the_disk(error: Exception) -> bool:
    """Full, busy or failing: no row of a transaction is to blame."""
    return is_passing(error) or primary_code(error) in FATAL


def described(error: BaseException) -> str:
    """For the log: what the disk says, else what kind of error and where. Its words may hold what a message says."""
    if isinstance(error, StoreFull | StoreBusy) or (isinstance(error, Exception) and is_passing(error)):
        return str(error)
    return type(error).__name__ + " in\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()


def is_busy(error: Exception) -> bool:
    """Locked by another: no ask of a batch would fare better alone."""
    return isinstance(error, StoreBusy) or primary_code(error) in _BUSY


def is_passing(error: Exception) -> bool:
    """Full or busy: worth another try a little later."""
    return isinstance(error, StoreFull) or primary_code(error) == sqlite3.SQLITE_FULL or is_busy(error)


def translated(error: Exception, path: Path) -> Exception:
    """The same in the words of the interface; `path` is the database's."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"the disk of {path.parent} is full; free space there")
    if code in _BUSY:
        return StoreBusy(f"another process holds {path} locked; end it, or wait until it is done")
    return error


def primary_code(error: BaseException) -> int | None:
    """SQLite's code without what it says more closely; None: not an error that SQLite told."""
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return sqlite3.SQLITE_FULL  # no room for the log's index, of which nothing has to be kept
    return None if code is None else code & _PRIMARY
