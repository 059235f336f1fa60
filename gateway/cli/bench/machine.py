"""What figures are worth nothing without: the machine, the interpreter and its build, SQLite, the disk, the date."""

import os
import platform
import sqlite3
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from gateway.cli.demo.cost import file_system

_KINDS = {
    "PGO": ("--enable-optimizations", "-fprofile-use", "-fprofile-instr-use"),
    "LTO": ("--with-lto", "-flto"),
}
"""What an interpreter was configured or compiled with."""


def machine() -> dict[str, str]:
    """By name, in words."""
    folder = Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).resolve()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_processor()}",
        "python": _python(),
        "sqlite": sqlite3.sqlite_version,
        "disk": file_system(folder) or "unknown",
        "system": f"{platform.system()} {platform.release()}",
    }


def _python() -> str:
    version, build = platform.python_version(), build_of(sysconfig.get_config_vars())
    return f"{version}, {build}" if build else version


def build_of(told: Mapping[str, object]) -> str:
    """Whether an interpreter was built with what its profile told: 10 to 13 % of the gateway's CPU.

    By what its sysconfig tells; empty where that is nothing: Debian takes the flags of its own build out of it.
    """
    flags = f"{told.get('CONFIG_ARGS')} {told.get('PY_CFLAGS_NODIST')}"
    kinds = [name for name, marks in _KINDS.items() if any(mark in flags for mark in marks)]
    if kinds:
        return "built with " + " and ".join(kinds)
    return "built without PGO" if told.get("PGO_PROF_USE_FLAG") else ""


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
