"""SQLite without the mutexes that guard one connection against two threads: each of ours has one thread of its own.

Taken for every bound value and every step, they are a tenth of a transaction's CPU.
"""

import ctypes
from types import ModuleType
from typing import NamedTuple, Protocol

_MULTITHREAD = 2
"""SQLITE_CONFIG_MULTITHREAD: many threads, one at a time in each connection (sqlite.org/threadsafe.html)."""
_MEMSTATUS = 9
"""SQLITE_CONFIG_MEMSTATUS: counts of memory, for which each allocation takes a mutex."""
_OK = 0


class LeftOut(NamedTuple):
    """What SQLite does without. Where something is False, it stays as it was: only slower."""

    connection_mutexes: bool
    memory_counts: bool


NOTHING = LeftOut(connection_mutexes=False, memory_counts=False)


class Library(Protocol):
    """The functions of SQLite's library that set it up; each gives a result code."""

    def sqlite3_shutdown(self) -> int: ...
    def sqlite3_config(self, option: int, *values: int) -> int: ...
    def sqlite3_initialize(self) -> int: ...


def leave_out(module: ModuleType | None = None) -> LeftOut:
    """Set SQLite up for connections of one thread each; to be called before the process opens its first connection.

    NOTHING where Python's sqlite3 hides the library's functions (a static build).
    """
    if module is None:
        import _sqlite3 as module
    try:
        library = ctypes.CDLL(module.__file__)  # type: ignore[union-attr]
        _ = library.sqlite3_shutdown, library.sqlite3_config, library.sqlite3_initialize
    except (AttributeError, OSError, TypeError):
        return NOTHING
    return configure(library)


def configure(library: Library) -> LeftOut:
    """Leave both out as far as this library lets us, and say which."""
    if library.sqlite3_shutdown() != _OK:
        return NOTHING
    try:
        mutexes = library.sqlite3_config(_MULTITHREAD) == _OK
        return LeftOut(mutexes, library.sqlite3_config(_MEMSTATUS, 0) == _OK)
    finally:
        library.sqlite3_initialize()
