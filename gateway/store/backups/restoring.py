"""Putting a backup in a store's place: checked, held, and only then given its name; what was there is laid aside.

Nobody has the store meanwhile. Cut off anywhere, there is the store as it was, or the restored one whole: once that is
ready it takes its place at the next start, if need be (places.finish_restore).
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gateway.identifiers import SEQUENCE_BITS, now_ms
from gateway.rules.timestamps import rfc3339
from gateway.store.backups import copying, places
from gateway.store.backups.copying import ROOM_LEFT
from gateway.store.backups.places import BackupFailed
from gateway.store.backups.verifying import Content, read_only, verify
from gateway.store.connection import lock, migrate, migrations
from gateway.store.held_queue.marking import Open, hold
from gateway.store.privacy import OWNER_ONLY

_TEMPORARY = ".restoring"


class Restored(NamedTuple):
    """What a restore did."""

    store: Path
    content: Content
    held: Open
    replaced: Path | None
    """What the store that was there is called now."""


def restore(
    backup: Path,
    store: Path,
    *,
    replace: bool = False,
    clock: Callable[[], int] = now_ms,
    room_left: int = ROOM_LEFT,
) -> Restored:
    """Restore a backup as this store. Raises StoreLocked where a gateway has it, and BackupFailed."""
    now = clock()
    newest = migrations()[-1][0]
    content = verify(backup, newest)
    _check_clock(content, now)
    _check_place(store, replace=replace)
    try:
        with lock(store):
            places.give_to_owner_of(store.parent, store.with_name(f"{store.name}.lock"))
            _check_place(store, replace=replace)
            held = _prepare(backup, store, content, now, room_left)
            replaced = places.finish_restore(store)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"{backup} could not be restored: {error}; see to the disk, and restore it again") from None
    return Restored(store, content, held, replaced)


def _check_place(store: Path, *, replace: bool) -> None:
    if store.exists() and not replace:
        raise BackupFailed(f"{store} is there already; with --replace it is laid aside, under another name beside it")


def _check_clock(content: Content, now: int) -> None:
    """New ids begin with the time: they must be beyond any that the lost store gave."""
    told = max(content.at, content.last_id >> SEQUENCE_BITS)
    if now < told:
        raise BackupFailed(
            f"the clock says {rfc3339(now)}, and the backup is of {rfc3339(told)}: set the clock right first; new "
            "messages would else get ids that others have had"
        )


def _prepare(backup: Path, store: Path, content: Content, now: int, room_left: int) -> Open:
    """The store as it is to be, whole, under a name that a start takes for it; what is held there."""
    temporary = store.with_name(store.name + _TEMPORARY)
    needed = backup.stat().st_size
    for left in (temporary, *places.sides(temporary)):
        left.unlink(missing_ok=True)
    free = places.free_of(store.parent)
    if free < needed + room_left:
        raise BackupFailed(
            f"{free // 2**20} MiB are free on the disk of {store.parent}; the restore needs {needed // 2**20} MiB, and "
            f"the gateway {room_left // 2**20} MiB: free space there"
        )
    try:
        places.make_file(temporary)
        _copy(backup, temporary, content, now)
        held = _hold(temporary, backup.name, content, now)
        temporary.chmod(OWNER_ONLY)
        places.give_to_owner_of(store.parent, temporary)
        places.sync(temporary)
        temporary.rename(places.ready_name(store, now))
        places.sync(store.parent)
    finally:
        for left in (temporary, *places.sides(temporary)):
            left.unlink(missing_ok=True)
    return held


def _copy(backup: Path, temporary: Path, content: Content, now: int) -> None:
    """By SQLite, since a store that was laid aside may have a log beside it; checked as the backup was."""
    source = read_only(backup)
    try:
        copying.copy(source, temporary, 0, 0.0, now)
    finally:
        source.close()
    if verify(temporary, content.version)._replace(taken_at=None) != content._replace(taken_at=None):
        raise BackupFailed(f"{backup} could not be copied as it is; look at the disk, and restore it again")


def _hold(path: Path, backup: str, content: Content, now: int) -> Open:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, is_backed_up=True)
        return hold(connection, backup, content.at, now)
    finally:
        connection.close()
