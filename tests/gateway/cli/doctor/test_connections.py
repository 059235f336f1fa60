"""`sluice doctor`: hosts of carriers that can't be connected to, and their TLS."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from examined_machines import a_case, carrier_at, findings, met_with, the, written

from gateway.cli.doctor.findings import Verdict


async def test_a_closed_port_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        config = written(tmp_path, carrier=f'hosts = ["127.0.0.1:{reserved.getsockname()[1]}"]')
        finding = the(await findings(a_case(config), "tls"), Verdict.FAULT, "refused")
    assert "ask the carrier whether it is up" in str(finding.remedy)


async def test_a_local_address_of_no_machine_is_a_fault(tmp_path: Path) -> None:
    config = written(tmp_path, carrier='hosts = ["127.0.0.1:2775"]\nlocal_address = "192.0.2.77"')
    finding = the(await findings(a_case(config), "tls"), Verdict.FAULT, "192.0.2.77")
    assert "ip address add" in str(finding.remedy)


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [
        (-1, Verdict.FAULT, "certificate has expired"),
        (7, Verdict.WARNING, "7 days left"),
    ],
)
async def test_a_certificate_that_has_expired_or_soon_will_is_told(
    tmp_path: Path, days: int, verdict: Verdict, words: str
) -> None:
    context = met_with(tmp_path, datetime.now(UTC) + timedelta(days=days, hours=1))
    async with carrier_at(context) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]\ntls = {{ ca_file = "ca.pem" }}')
        the(await findings(a_case(config), "tls"), verdict, words)


async def test_tls_that_is_well_tells_names_and_days(tmp_path: Path) -> None:
    async with carrier_at(met_with(tmp_path, datetime.now(UTC) + timedelta(days=90, hours=1))) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]\ntls = {{ ca_file = "ca.pem" }}')
        (finding,) = await findings(a_case(config), "tls")
    assert finding.verdict is Verdict.OK
    assert "TLSv1.3" in finding.seen
    assert "certificate for 127.0.0.1, 90 days left" in finding.seen
