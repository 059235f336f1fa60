"""`sluice doctor`: the unit of systemd, as it stands."""

from pathlib import Path

import pytest
from examined_machines import SomeMachine, a_case, findings, written

from gateway.cli.doctor.findings import Verdict


@pytest.mark.parametrize(
    ("unit", "verdict", "words"),
    [
        (None, Verdict.NOTE, "systemd does not run this machine"),
        ({"LoadState": "not-found"}, Verdict.NOTE, "is not installed"),
        ({"ActiveState": "failed", "Result": "exit-code"}, Verdict.FAULT, "exit-code"),
        ({"UnitFileState": "disabled"}, Verdict.WARNING, "does not start with the machine"),
        ({"NeedDaemonReload": "yes"}, Verdict.WARNING, "has changed"),
        ({"NRestarts": "7"}, Verdict.NOTE, "7 times"),
    ],
)
async def test_the_unit_in_force_is_looked_at(
    tmp_path: Path, unit: dict[str, str] | None, verdict: Verdict, words: str
) -> None:
    usual = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}
    machine = SomeMachine(unit=None if unit is None else usual | unit)
    found = await findings(a_case(written(tmp_path), machine), "unit")
    assert any(finding.verdict is verdict and words in finding.seen for finding in found), found
