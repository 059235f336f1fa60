"""The database: who owns it, which version it has, whether what is in it is sound."""

from functools import partial

import trio

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.store.examined import examine, newest_version

NAME = "database"
_find = Findings(NAME)
_SMALL = 256 * 2**20
"""Bytes; a larger one is read whole only where this check is asked for by its name."""
_SICK = "stop the gateway, keep a copy of the file, and restore the latest backup (`sluice restore`); check the disk"


async def check(case: Case) -> list[Finding]:
    path = case.settings.store.path
    if not path.exists():
        return [_find.note(str(path), "is not there yet; the first start makes it")]
    found = [_owner(case)]
    thoroughly = case.thoroughly or path.stat().st_size <= _SMALL
    look = partial(examine, path, thoroughly=thoroughly)
    try:
        examined = await trio.to_thread.run_sync(look, abandon_on_cancel=True)
    except OSError as error:
        remedy = f"run this as the user that the gateway runs as; else: {_SICK}"
        return [*found, _find.fault(str(path), f"can't be read: {error}", remedy)]
    size = f"{examined.size / 2**20:.1f} MiB"
    newest = newest_version()
    if examined.version > newest:
        remedy = "install the newer Sluice again: an older one does not open its store"
        found.append(_find.fault(str(path), f"has version {examined.version}, this Sluice knows {newest}", remedy))
    elif examined.version < newest:
        words = f"has version {examined.version}; the next start brings it to {newest}"
        found.append(_find.note(str(path), words, "take a backup before (`sluice backup`)"))
    else:
        found.append(_find.ok(str(path), f"{size}, version {examined.version}"))
    if examined.faults is None:
        ask = f"ask for it: sluice doctor --only {NAME}"
        found.append(_find.note(str(path), f"{size}: too large to be read whole by the way", ask))
    elif examined.faults:
        found.append(_find.fault(str(path), f"quick_check: {'; '.join(examined.faults[:3])}", _SICK))
    else:
        found.append(_find.ok(str(path), "quick_check finds nothing"))
    return found


def _owner(case: Case) -> Finding:
    owner = case.owner
    if owner is None:
        return _find.ok(str(case.settings.store.path), "no gateway runs on it now")
    words = f"process {owner.pid or '(not told)'} runs on it since {owner.since or '(not told)'}"
    return _find.ok(str(case.settings.store.path), f"{words}: {owner.command}" if owner.command else words)
