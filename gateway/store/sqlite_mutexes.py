"""SQLite without the mutexes that guard one connection against two threads: each of ours has one thread of its own.

Taken for every bound value and every step, they are a tenth of a transaction's CPU.
"""

import ctypes
from types import ModuleType

_MULTITHREAD = 2
"""SQLITE_CONFIG_MULTITHREAD: many threads, one at a time in each connection (sqlite.org/threadsafe.html)."""
_MEMSTATUS = 9
"""SQLITE_CONFIG_MEMSTATUS: counts of memory, for which each allocation takes a mutex."""
_OK = 0


def leave_out(module: ModuleType | None = None) -> bool:
    """Set SQLite up for connections of one thread each; to be called before the process opens its first connection.

    False where Python's sqlite3 hides the library's functions (a static build): then all stays as it was, only slower.
    """
    if module is None:
        import _sqlite3 as module
    try:
        library = ctypes.CDLL(module.__file__)  # type: ignore[union-attr]
        shutdown, configure, initialize = library.sqlite3_shutdown, library.sqlite3_config, library.sqlite3_initialize
    except (AttributeError, OSError, TypeError):
        return False
    if shutdown() != _OK:
        return False
    try:
        return bool(configure(_MULTITHREAD) == _OK and configure(_MEMSTATUS, 0) == _OK)
    finally:
        initialize()
