"""The clock: whether it is kept right, how it agrees with those of endpoints, and the zones that the settings need."""

from collections.abc import Iterator
from statistics import median

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.rules.quiet_hours import QuietHours

NAME = "clock"
_find = Findings(NAME)
_OFF_SECONDS, _FAR_OFF_SECONDS = 5.0, 120.0
"""Receivers refuse webhooks whose timestamp is 5 minutes off (Standard Webhooks)."""
_KEEP_IT = "install and start chrony (or systemd-timesyncd); `chronyc tracking` or `timedatectl` then tell"


async def check(case: Case) -> list[Finding]:
    found = [_synchronised(case), *_zones(case)]
    aheads = [
        (one.endpoint.origin.host, one.clock_ahead)
        for one in await case.reaching.all()
        if one.clock_ahead is not None and one.endpoint.origin is not None
    ]
    if aheads:
        found.append(_compared(aheads))
    return found


def _synchronised(case: Case) -> Finding:
    match case.machine.clock_is_synchronised():
        case None:
            return _find.note("clock", "the system does not say whether it is synchronised", _KEEP_IT)
        case True:
            return _find.ok("clock", "is synchronised")
        case False:
            seen = "is not synchronised: validities, receipts in doubt and signed webhooks go by it"
            return _find.warning("clock", seen, _KEEP_IT)


def _compared(aheads: list[tuple[str, float]]) -> Finding:
    """Of several clocks the one in the middle: one may be wrong itself."""
    ahead = median(seconds for _, seconds in aheads)
    hosts = ", ".join(dict.fromkeys(host for host, _ in aheads))
    seen = f"{abs(ahead):.1f} s {'behind' if ahead > 0 else 'ahead of'} that of {hosts}"
    if abs(ahead) > _FAR_OFF_SECONDS:
        return _find.fault("clock", f"{seen}: receivers refuse our webhooks' timestamps", f"set it right: {_KEEP_IT}")
    if abs(ahead) > _OFF_SECONDS:
        return _find.warning("clock", seen, f"set it right: {_KEEP_IT}")
    return _find.ok("clock", seen)


def _zones(case: Case) -> Iterator[Finding]:
    local = case.machine.zone()
    if local not in ("UTC", "GMT"):
        yield _find.note("zone", f"this machine's is {local}; Sluice logs and answers in UTC")
    remedy = "bring the package tzdata of Sluice's environment up to date (`pip install -U tzdata`)"
    for name in QuietHours(case.settings.countries, case.settings.lanes.values()).unknown_zones():
        yield _find.fault("zone", f"{name} is not known here: quiet hours of numbers there go by other clocks", remedy)
