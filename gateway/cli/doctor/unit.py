"""The systemd unit in force, where there is systemd: whether it starts with the machine, and how it stands."""

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings

NAME = "unit"
_find = Findings(NAME)
_UNIT = "sluice.service"
_PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "FragmentPath", "NRestarts", "NeedDaemonReload",
)  # fmt: skip


async def check(case: Case) -> list[Finding]:
    said = await case.machine.unit(_UNIT, _PROPERTIES)
    if said is None:
        return [_find.note(_UNIT, "systemd does not run this machine; nothing restarts a gateway that ends")]
    if said.get("LoadState") != "loaded":
        remedy = "install systemd/sluice.service as docs/operations.md tells, so that it is started and watched"
        return [_find.note(_UNIT, "is not installed", remedy)]
    found = []
    state = f"{said.get('ActiveState')} ({said.get('SubState')}), {said.get('FragmentPath')}"
    if said.get("ActiveState") == "failed":
        seen = f"{state}: {said.get('Result')}"
        found.append(_find.fault(_UNIT, seen, "`journalctl -u sluice -e` tells why; then `systemctl start sluice`"))
    else:
        found.append(_find.ok(_UNIT, state))
    if said.get("UnitFileState") not in ("enabled", "static", "enabled-runtime"):
        seen = f"is {said.get('UnitFileState')}: it does not start with the machine"
        found.append(_find.warning(_UNIT, seen, "systemctl enable sluice"))
    if said.get("NeedDaemonReload") == "yes":
        seen = "its file has changed since it was read"
        found.append(_find.warning(_UNIT, seen, "systemctl daemon-reload && systemctl restart sluice"))
    if (restarts := said.get("NRestarts", "0")) not in ("0", ""):
        seen = f"was restarted {restarts} times since it was started"
        found.append(_find.note(_UNIT, seen, "`journalctl -u sluice` tells why"))
    return found
