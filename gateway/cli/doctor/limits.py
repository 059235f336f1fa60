"""What the system lets the process have: open files and processors."""

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings

NAME = "limits"
_find = Findings(NAME)
_CONNECTIONS = 2_256
"""Of callers and to webhooks, at most."""
_OTHERS = 200
"""The store, logs, listeners."""


async def check(case: Case) -> list[Finding]:
    return [_open_files(case), _processors(case)]


def _open_files(case: Case) -> Finding:
    owner = case.owner
    of = "of the running gateway" if owner is not None and owner.pid else "of this shell; a service has its unit's"
    most = case.machine.open_files(owner.pid if owner is not None and owner.pid else None)
    binds = sum(carrier.binds for carrier in case.settings.carriers.values())
    needed = _CONNECTIONS + _OTHERS + 2 * binds
    seen = f"{most:,} open files ({of}); {needed:,} are needed at most"
    if most >= needed:
        return _find.ok("LimitNOFILE", seen)
    remedy = "LimitNOFILE=65536 in the unit (`systemctl edit sluice`), or `ulimit -n 65536` before `sluice run`"
    if owner is None:
        return _find.note("LimitNOFILE", seen, remedy)
    return _find.warning("LimitNOFILE", f"{seen}: under load connections are refused", remedy)


def _processors(case: Case) -> Finding:
    allowed, wanted = case.machine.cpus(), case.settings.process.cpus
    missing = sorted(set(wanted) - set(allowed))
    may = ", ".join(map(str, allowed))
    if missing:
        seen = f"names {', '.join(map(str, missing))}, which this process may not use; it may use {may}"
        return _find.fault("process.cpus", seen, "name others, or leave process.cpus out")
    kept = f"; kept to {', '.join(map(str, wanted))}" if wanted else ""
    return _find.ok("processors", f"{len(allowed)} ({may}){kept}")
