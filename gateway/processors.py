"""The processors that the gateway's threads may use: all that the system gives, or those that the settings name."""

import os
import sys
from collections.abc import Collection


def keep_to(cpus: Collection[int]) -> str | None:
    """Keep this process, and every thread that it starts from now on, to these; in words, why that can't be."""
    if not cpus:
        return None
    if sys.platform != "linux":
        return "is set, and this system keeps no process to processors; leave it out"
    allowed = os.sched_getaffinity(0)
    missing = sorted(set(cpus) - allowed)
    if missing:
        return f"names {_shown(missing)}, which this process may not use; it may use {_shown(sorted(allowed))}"
    os.sched_setaffinity(0, cpus)
    return None


def _shown(cpus: Collection[int]) -> str:
    return ", ".join(map(str, cpus))
