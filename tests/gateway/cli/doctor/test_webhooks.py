"""`sluice doctor`: endpoints that can't be reached or may not be posted to; those that are well are told no event."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from examined_machines import a_case, carrier_at, findings, met_with, the, with_endpoint

from gateway.cli.doctor.findings import Verdict


async def test_an_endpoint_that_is_well_is_told_no_event(tmp_path: Path, webhooks: Any) -> None:
    found = await findings(a_case(with_endpoint(tmp_path, webhooks.url)), "webhooks")
    assert [finding.verdict for finding in found] == [Verdict.OK]
    assert webhooks.events.all() == []
    assert webhooks.forgeries == []


async def test_an_endpoint_whose_name_points_inside_is_a_fault(tmp_path: Path) -> None:
    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    case = a_case(with_endpoint(tmp_path, "https://shop.example/sms", ""), resolve=inside)
    finding = the(await findings(case, "webhooks"), Verdict.FAULT, "inside network")
    assert "allow_networks" in str(finding.remedy)


async def test_an_endpoint_where_nobody_listens_is_a_fault(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{reserved.getsockname()[1]}/sms"
        the(await findings(a_case(with_endpoint(tmp_path, url)), "webhooks"), Verdict.FAULT, "connection refused")


async def test_an_endpoint_with_a_certificate_of_nobody_is_a_fault(tmp_path: Path) -> None:
    async with carrier_at(met_with(tmp_path, datetime.now(UTC) + timedelta(days=90))) as host:
        found = await findings(a_case(with_endpoint(tmp_path, f"https://{host}/sms")), "webhooks")
    assert "renew or mend the certificate" in str(the(found, Verdict.FAULT, "certificate is refused").remedy)
