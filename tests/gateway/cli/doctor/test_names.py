"""`sluice doctor`: a host that has no address is a fault."""

from pathlib import Path

from examined_machines import a_case, findings, the, written

from gateway.cli.doctor.findings import Verdict


async def test_a_name_that_does_not_resolve_is_a_fault(tmp_path: Path) -> None:
    config = written(tmp_path, carrier='hosts = ["smpp.telco.invalid:2775"]')
    finding = the(await findings(a_case(config), "dns"), Verdict.FAULT, "smpp.telco.invalid")
    assert "getent ahosts smpp.telco.invalid" in str(finding.remedy)
