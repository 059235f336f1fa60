"""Stores are opened by the thousand in these tests, and each is empty at first: its tables are made once, and copied.

What the migrations do is tested where they are run (tests/gateway/store/test_migrations.py), as by every daemon.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Lock
from unittest.mock import patch

from gateway.store import recovery
from gateway.store.connection import migrate


@contextmanager
def quickly_made() -> Iterator[None]:
    """Meanwhile new stores of this process are made so, as they are opened."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as empty:
        migrate(empty)
        with patch.object(recovery, "migrate", _Copied(empty)):
            yield


class _Copied:
    def __init__(self, empty: sqlite3.Connection) -> None:
        self._empty = empty
        self._lock = Lock()

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Migrate this one, which is opened by a thread of its own."""
        if any(connection.execute(f"PRAGMA {name}_version").fetchone()[0] for name in ("schema", "user")):
            migrate(connection)
            return
        with self._lock:
            self._empty.backup(connection)
