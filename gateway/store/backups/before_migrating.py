"""A backup beside the store before its tables are changed: an older program can't read what a newer one migrated."""

import logging
import sqlite3
from pathlib import Path

from gateway.identifiers import now_ms
from gateway.logs import quoted
from gateway.store.backups import copying, places
from gateway.store.backups.places import BackupFailed

log = logging.getLogger("sluice.store")


def back_up(connection: sqlite3.Connection, version: int, following: int) -> Path | None:
    """Of the store that this connection has open, and nobody writes. None: it lies in no file.

    Raises BackupFailed: then nothing may be changed.
    """
    file = next(file for _, name, file in connection.execute("PRAGMA database_list") if name == "main")
    if not file:
        return None
    store = Path(file)
    path = places.before_migrating(store, following, now_ms())
    try:
        places.clear_before_migrating(store)
        done = copying.take(store, path, version, pause_share=0.0)
    except BackupFailed as error:
        raise BackupFailed(
            f"the store {store} has version {version} and is to be migrated to {following}, but can't be backed up "
            f"first, so nothing was changed: {error}; then start again"
        ) from None
    log.warning(
        "the store was backed up before it is migrated version=%d file=%s octets=%d sha256=%s",
        version, quoted(path.name), done.octets, done.sha256,
    )  # fmt: skip
    return path
