"""`sluice doctor`, all checks together: what is well has no fault, no secret is shown, no check holds up another."""

import errno
import json
from pathlib import Path
from typing import Any

import trio
from examined_machines import PASSWORD, SECRET, a_case, carrier_at, findings, the, worst, written

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings, Verdict, as_json, in_lines
from gateway.cli.doctor.rounds import CHECKS, round_of


async def test_a_good_machine_has_neither_faults_nor_warnings(tmp_path: Path) -> None:
    async with carrier_at() as host:
        found = await findings(a_case(written(tmp_path, carrier=f'hosts = ["{host}"]')))
    assert worst(found) == []
    assert {finding.check for finding in found} == set(CHECKS)


async def test_no_finding_shows_a_secret(tmp_path: Path) -> None:
    account = f'webhook = {{ url = "https://shop.invalid/sms?key=hush", secrets = ["{SECRET}"] }}'
    found = await findings(a_case(written(tmp_path, account=account), may_bind=True))
    told = json.dumps(as_json(found)) + "".join(in_lines(found))
    for secret in (PASSWORD, SECRET, "hush", "0123456789abcdef0123"):
        assert secret not in told


async def test_what_this_user_may_not_look_at_is_a_fault_of_its_check_alone(tmp_path: Path) -> None:
    async def is_refused(case: Case) -> list[Finding]:
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/sluice/sluice.db")

    found = await round_of(a_case(written(tmp_path)), checks={"database": is_refused})
    assert "sudo -u sluice" in str(the(found, Verdict.FAULT, "/var/lib/sluice/sluice.db may not be looked at").remedy)


async def test_a_check_that_hangs_is_a_warning_and_holds_up_no_other(tmp_path: Path, autojump_clock: Any) -> None:
    async def hangs(case: Case) -> list[Finding]:
        await trio.sleep_forever()
        raise AssertionError

    async def is_well(case: Case) -> list[Finding]:
        return [Findings("well").ok("all", "is well")]

    case = a_case(written(tmp_path))
    found = await round_of(case, checks={"stuck": hangs, "well": is_well}, limit_seconds=5)
    assert [(finding.check, finding.verdict) for finding in found] == [
        ("stuck", Verdict.WARNING),
        ("well", Verdict.OK),
    ]
    assert trio.current_time() < 10
