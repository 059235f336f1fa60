"""Opening a store whose disk has no room, or which another holds: waited for, so long; else, or then, refused in words.

As a running store waits too; but a start that waits for ever answers nobody, so after a while it ends and says why.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from gateway.store import faults
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.outage import Outage

PATIENCE_SECONDS = 15.0
"""Long enough that a service manager which starts us again and again does not give up: 5 starts a minute is systemd's
limit in our unit."""
_AGAIN_SECONDS = 0.25
_FOR_THE_OPERATOR = faults.FATAL | {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


class StoreUnopened(Exception):  # noqa: N818
    """The store can't be opened, and its operator has to do something about it."""

    may_be_logged = True


async def patiently(open_it: Callable[[], Awaitable[None]], path: Path, patience_seconds: float) -> None:
    """Open it, again and again where it fails for what may pass. Raises StoreUnopened."""
    outage, began = Outage(path), trio.current_time()
    while True:
        try:
            await open_it()
        except sqlite3.Error as error:
            passing = faults.translated(error, path)
            if not isinstance(passing, StoreFull | StoreBusy):
                raise _unopened(error, path) from error
            if trio.current_time() - began >= patience_seconds:
                raise StoreUnopened(f"the store {path} can't be opened: {passing}") from error
            outage.failed(passing, trio.current_time())
            await trio.sleep(_AGAIN_SECONDS)
        else:
            outage.wrote(trio.current_time())
            return


def _unopened(error: sqlite3.Error, path: Path) -> Exception:
    """In words where it is not a fault of ours."""
    if faults.primary_code(error) in _FOR_THE_OPERATOR:
        return StoreUnopened(f"the store {path} can't be opened: {error}")
    return error
