"""What figures are worth nothing without: the machine, the interpreter and its build, SQLite, the disk, the date."""

import os
import platform
import sqlite3
import sysconfig
import tempfile
import time
from pathlib import Path

from gateway.cli.demo.cost import file_system


def machine() -> dict[str, str]:
    """By name, in words."""
    folder = Path(os.environ.get("TMPDIR") or tempfile.gettempdir()).resolve()
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": f"{len(os.sched_getaffinity(0))} cores, {_processor()}",
        "python": f"{platform.python_version()}, {_build()}",
        "sqlite": sqlite3.sqlite_version,
        "disk": file_system(folder) or "unknown",
        "system": f"{platform.system()} {platform.release()}",
    }


def _build() -> str:
    """Whether the interpreter was built with what its profile told: 10 to 13 % of the gateway's CPU."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    kinds = [name for name, flag in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto")) if flag in arguments]
    return "built with " + " and ".join(kinds) if kinds else "built without PGO"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
