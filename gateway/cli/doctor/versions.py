"""Versions: of Sluice, Python and SQLite."""

import sys
from importlib import metadata

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.store.examined import least_sqlite_version, sqlite_is_new_enough, sqlite_version

NAME = "versions"
_find = Findings(NAME)
_LEAST_PYTHON = (3, 11)


async def check(case: Case) -> list[Finding]:
    return found()


def found() -> list[Finding]:
    """They are the same whatever the configuration says."""
    python = ".".join(map(str, sys.version_info[:3]))
    told = []
    if sys.version_info >= _LEAST_PYTHON:
        told.append(_find.ok("Python", python))
    else:
        told.append(_find.fault("Python", python, "install Python 3.11 or newer"))
    if sqlite_is_new_enough():
        told.append(_find.ok("SQLite", sqlite_version()))
    else:
        remedy = f"use a Python that is built with SQLite {least_sqlite_version()} or newer"
        told.append(_find.fault("SQLite", sqlite_version(), remedy))
    try:
        told.append(_find.ok("Sluice", metadata.version("sluice-smpp")))
    except metadata.PackageNotFoundError:
        told.append(_find.note("Sluice", "is not installed as a package; it runs from its source"))
    return told
