"""Taking a backup of a store, whoever uses it meanwhile: one read transaction, so that it tells of one moment and is
never begun again; under a name of its own until it is whole, on the disk and checked.

Pages are copied as they are (SQLite's online backup), not built anew (VACUUM INTO): that takes a fraction of the
processor's time, and the shorter it takes the less the log grows, which can't begin anew while it is read.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.identifiers import now_ms
from gateway.store.backups import places
from gateway.store.backups.places import PARTIAL, BackupFailed
from gateway.store.backups.verifying import Content, content_of, read_only, sha256_of, verify

PAGES_A_STEP = 1024
"""4 MiB: between two steps the disk is looked at, and the daemon has its turn."""
SYNC_EVERY_STEPS = 4
"""So that what waits for the disk stays little: else the daemon's commits would wait behind all of it."""
PAUSE_SHARE = 0.5
"""Of what a step took, so long is paused after it."""
ROOM_LEFT = 256 * 2**20
"""Free space that a backup leaves to the daemon, as `store.disk_reserve` is by default."""


class Backup(NamedTuple):
    """One that is whole."""

    path: Path
    octets: int
    sha256: str
    content: Content
    seconds: float


def take(
    store: Path,
    path: Path,
    newest: int,
    *,
    room_left: int = ROOM_LEFT,
    clock: Callable[[], int] = now_ms,
    pause_share: float = PAUSE_SHARE,
) -> Backup:
    """Back the store up to this file, which there must not be. `newest`: the version that we know.

    Raises BackupFailed; then nothing is left of it.
    """
    began = time.monotonic()
    if path.exists():
        raise BackupFailed(f"{path} is there already, and nothing is written over it; name another file")
    source = read_only(store)
    partial = path.with_name(path.name + PARTIAL)
    try:
        _need_room(store, path.parent, room_left)
        partial.unlink(missing_ok=True)
        places.make_file(partial)
        try:
            with places.being_written(partial):
                expected = copy(source, partial, room_left, pause_share, clock())
                places.sync(partial)
                content = verify(partial, max(newest, expected.version))
                if content._replace(taken_at=None) != expected._replace(taken_at=None):
                    raise BackupFailed(f"{partial} does not hold what {store} does; look at the disk, and take another")
                places.give_to_owner_of(store, partial)
                octets, digest = partial.stat().st_size, sha256_of(partial)
                places.publish(partial, path)
        finally:
            for left in (partial, *places.sides(partial)):
                left.unlink(missing_ok=True)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"the backup {path} failed: {error}; see to the disk, and take another") from None
    finally:
        source.close()
    return Backup(path, octets, digest, content, time.monotonic() - began)


def _need_room(store: Path, folder: Path, room_left: int) -> None:
    log = store.with_name(store.name + "-wal")
    needed = store.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = places.free_of(folder)
    if free < needed + room_left:
        raise BackupFailed(
            f"{free // 2**20} MiB are free on the disk of {folder}; a backup needs {needed // 2**20} MiB and leaves "
            f"{room_left // 2**20} MiB to the gateway: free space there, or name a file on another disk (--to)"
        )


def copy(source: sqlite3.Connection, partial: Path, room_left: int, pause_share: float, now: int) -> Content:
    """All of one moment; what the source holds at that moment. Raises BackupFailed for want of room, sqlite3.Error."""
    source.execute("BEGIN")
    expected = content_of(source)  # the read transaction begins with it
    target = sqlite3.connect(partial, isolation_level=None)
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        target.execute("PRAGMA synchronous = OFF")  # it is synced as a whole, and checked
        source.backup(target, pages=PAGES_A_STEP, progress=_Steps(partial, descriptor, room_left, pause_share))
        source.execute("COMMIT")
        # One file, with no log beside it.
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute("PRAGMA synchronous = FULL")
        if _has_taken(target):
            target.execute("DELETE FROM taken")
            target.execute("INSERT INTO taken (at) VALUES (?)", (now,))
    finally:
        target.close()
        os.close(descriptor)
    return expected


def _has_taken(target: sqlite3.Connection) -> bool:
    return target.execute("SELECT 1 FROM sqlite_schema WHERE name = 'taken'").fetchone() is not None


class _Steps:
    """What happens between two steps of a copy."""

    def __init__(self, partial: Path, descriptor: int, room_left: int, pause_share: float) -> None:
        self._folder = partial.parent
        self._descriptor = descriptor
        self._room_left = room_left
        self._pause_share = pause_share
        self._steps = 0
        self._at = time.monotonic()

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self._steps += 1
        if self._steps % SYNC_EVERY_STEPS == 0:
            os.fsync(self._descriptor)
            free = places.free_of(self._folder)
            if free < self._room_left:
                raise BackupFailed(
                    f"only {free // 2**20} MiB are free on the disk of {self._folder}: the backup was given up, and "
                    "what the gateway needs is left to it; free space there, or name a file on another disk (--to)"
                )
        time.sleep((time.monotonic() - self._at) * self._pause_share)
        self._at = time.monotonic()
