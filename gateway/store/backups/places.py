"""Where backups lie, how they and what a restore lays aside are called, and which of them are kept."""

import errno
import fcntl
import glob
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.store.privacy import OWNER_ONLY

FOLDER = "backups"
FOLDER_MODE = 0o700
PARTIAL = ".partial"
"""At the end of a backup's name until it is whole and checked."""
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK})
"""Of file systems that have no hard links."""
_SIDES = ("-wal", "-shm", "-journal")
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"sluice-\d{8}T\d{6}Z\.db")


class BackupFailed(Exception):  # noqa: N818
    """There is no backup, or no restore; its text says why, and what to do."""

    may_be_logged = True


def stamp(now_ms: int) -> str:
    return time.strftime(_STAMP, time.gmtime(now_ms / 1000))


def usual_name(folder: Path, now_ms: int) -> Path:
    """Of a backup in a folder of them."""
    return folder / f"sluice-{stamp(now_ms)}.db"


def before_migrating(store: Path, number: int, now_ms: int) -> Path:
    """Of the backup before this migration."""
    return store.with_name(f"{store.name}.before-{number:04d}-{stamp(now_ms)}")


def sides(database: Path) -> list[Path]:
    """The files that SQLite keeps beside one."""
    return [database.with_name(database.name + end) for end in _SIDES]


def make_folder(folder: Path) -> None:
    """For its owner alone. Raises BackupFailed."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=False, exist_ok=True)
    except OSError as error:
        raise BackupFailed(f"the folder {folder} can't be made: {error.strerror}; make it, or name another") from None


def make_file(path: Path) -> None:
    """A new one, its owner's alone. Raises BackupFailed where there is one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
    except FileExistsError:
        raise BackupFailed(f"{path} is there already, and nothing is written over it; name another file") from None
    except OSError as error:
        raise BackupFailed(f"{path} can't be written: {error.strerror}; see who owns its folder") from None


def sync(path: Path) -> None:
    """A file, or the names in a folder, are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(partial: Path, path: Path) -> None:
    """Give a whole file its name, if nothing has that yet. Raises BackupFailed."""
    try:
        os.link(partial, path)
    except OSError as error:
        if path.exists():
            raise BackupFailed(f"{path} is there already, and nothing is written over it; name another file") from None
        if error.errno not in _NO_LINKS:
            raise
        partial.rename(path)
    partial.unlink(missing_ok=True)
    sync(path.parent)


def give_to_owner_of(other: Path, *made: Path) -> None:
    """What root has made is for the gateway, which is who owns the other."""
    if os.geteuid() == 0:
        owner = other.stat()
        for path in made:
            os.chown(path, owner.st_uid, owner.st_gid)


def free_of(folder: Path) -> int:
    """Octets that are free on its disk."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest backups of the usual name. Which were deleted. Raises BackupFailed."""
    found = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    old = found[:-keep] if keep else []
    for path in old:
        _delete(path)
    if old:
        sync(folder)
    return old


@contextmanager
def being_written(partial: Path) -> Iterator[None]:
    """While it is, another backup does not take it for one that was cut off."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def clear_partial(folder: Path) -> None:
    """Delete what backups of the usual name that were killed have left. Raises BackupFailed."""
    _clear(folder, "sluice-*.db")


def clear_before_migrating(store: Path) -> None:
    """The same of backups before a migration. Raises BackupFailed."""
    _clear(store.parent, f"{glob.escape(store.name)}.before-*Z")


def _clear(folder: Path, names: str) -> None:
    for partial in folder.glob(names + PARTIAL):
        if not _is_being_written(partial):
            for left in (*sides(partial), partial):
                _delete(left)


def _is_being_written(partial: Path) -> bool:
    try:
        with partial.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # what is amiss with it is told when it can't be deleted
    return False


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(f"{path} can't be deleted: {error.strerror}; see who owns its folder") from None


# --- a restore in two steps: all is ready under this name; then names change, and any start goes on with that

_READY = ".restored-"
_ASIDE = ".replaced-"


def ready_name(store: Path, now_ms: int) -> Path:
    """Of a restored store that is whole, and has only to take its place."""
    return store.with_name(f"{store.name}{_READY}{stamp(now_ms)}")


def finish_restore(store: Path) -> Path | None:
    """Put a restored store in its place, if one is ready, and what was there aside; what that is called now, if any.

    By the store's owner alone. May be cut off anywhere, and is done again from there.
    """
    ready = next(iter(sorted(store.parent.glob(f"{glob.escape(store.name)}{_READY}*Z"))), None)
    if ready is None:
        return None
    aside = store.with_name(store.name + _ASIDE + ready.name.rpartition("-")[2])
    for old, away in zip((*sides(store), store), (*sides(aside), aside), strict=True):
        if old.exists():
            old.rename(away)
    sync(store.parent)
    ready.rename(store)
    sync(store.parent)
    return aside if aside.exists() else None
