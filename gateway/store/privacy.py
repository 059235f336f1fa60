"""The store's files are their owner's alone, as they hold numbers and texts; also those of a store that is older."""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from gateway.logs import quoted

log = logging.getLogger("sluice.store")
OWNER_ONLY = 0o600
_ENDS = ("", "-wal", "-shm", ".lock")
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(path: Path) -> None:
    """Make a new database its owner's alone; SQLite gives its log the same mode."""
    with suppress(OSError):  # sqlite3 tells better what is wrong with the path, or that it is there already
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))


def take_back(path: Path) -> None:
    """Take what others may do with the store's files away from them; where it is not ours to do so, warn and go on.

    By name and not by descriptor: to close any descriptor of a file drops the locks that this process holds on it by
    SQLite (fcntl(2)).
    """
    taken, open_to_others = [], []
    for file in (path.with_name(path.name + end) for end in _ENDS):
        try:
            if file.stat().st_mode & _OF_OTHERS:
                file.chmod(OWNER_ONLY)
                taken.append(file.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            open_to_others.append(f"{file.name}: {error.strerror}")
    if taken:
        log.warning("others could use the store's files, and can no longer files=%s", quoted(" ".join(taken)))
    if open_to_others:
        log.warning(
            "others can use the store's files: take their rights away reason=%s", quoted(", ".join(open_to_others))
        )
