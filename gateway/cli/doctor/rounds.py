"""All checks, side by side, each with a limit of its time."""

from collections.abc import Awaitable, Callable, Collection, Mapping

import trio

from gateway.cli.doctor import (
    binds,
    clock,
    configuration,
    connections,
    database,
    disk,
    files,
    limits,
    listeners,
    names,
    unit,
    versions,
    webhooks,
)
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings

Check = Callable[[Case], Awaitable[list[Finding]]]

_SUBJECTS = (
    configuration, files, disk, database, limits, clock, names, connections, binds, webhooks, listeners, versions, unit,
)  # fmt: skip
CHECKS: Mapping[str, Check] = {subject.NAME: subject.check for subject in _SUBJECTS}
"""By name, in the order in which they are told."""
LIMIT_SECONDS = 40.0
THOROUGH_SECONDS = 600.0
"""Of one that was asked for by its name."""


async def round_of(
    case: Case, only: Collection[str] = (), *, checks: Mapping[str, Check] = CHECKS, limit_seconds: float | None = None
) -> list[Finding]:
    """What they found, in their order. `only`: these alone; all where none is named."""
    chosen = [name for name in checks if not only or name in only]
    found: dict[str, list[Finding]] = {}
    seconds = limit_seconds or (THOROUGH_SECONDS if only else LIMIT_SECONDS)

    async def look(name: str) -> None:
        found[name] = await _within(name, checks[name], case, seconds)

    async with trio.open_nursery() as nursery:
        for name in chosen:
            nursery.start_soon(look, name)
    return [finding for name in chosen for finding in found[name]]


async def _within(name: str, check: Check, case: Case, seconds: float) -> list[Finding]:
    with trio.move_on_after(seconds):
        try:
            return await check(case)
        except PermissionError as error:
            seen = f"{error.filename or 'something'} may not be looked at by this user"
            remedy = "run this as the user that the gateway runs as: sudo -u sluice sluice doctor"
            return [Findings(name).fault(name, seen, remedy)]
    remedy = f"look by yourself, or ask for it alone: sluice doctor --only {name}"
    return [Findings(name).warning(name, f"did not come to an end within {seconds:g} s", remedy)]
