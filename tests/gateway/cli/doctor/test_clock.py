"""`sluice doctor`: a clock that is not kept, or is off."""

from pathlib import Path
from typing import Any

import pytest
from examined_machines import SomeMachine, a_case, findings, the, with_endpoint, written

from gateway.cli.doctor.findings import Verdict
from gateway.rules import quiet_hours


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ({"synchronised": False}, Verdict.WARNING, "is not synchronised"),
        ({"synchronised": None}, Verdict.NOTE, "does not say whether it is synchronised"),
    ],
)
async def test_a_clock_that_is_not_kept_is_told(
    tmp_path: Path, told: dict[str, Any], verdict: Verdict, words: str
) -> None:
    remedy = the(await findings(a_case(written(tmp_path), SomeMachine(**told)), "clock"), verdict, words).remedy
    assert "chrony" in str(remedy)


async def test_zones_of_countries_with_quiet_hours_whose_clocks_nobody_knows_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = quiet_hours.zone_named
    monkeypatch.setattr(quiet_hours, "zone_named", lambda name: None if name == "Asia/Calcutta" else known(name))
    monkeypatch.setattr(quiet_hours, "_zones", quiet_hours._zones.__wrapped__)
    case = a_case(written(tmp_path, top='[countries.IN]\nquiet_hours = "21:00-09:00"\n'))
    told = the(await findings(case, "clock"), Verdict.FAULT, "zone: Asia/Calcutta is not known here")
    assert "tzdata" in str(told.remedy)


@pytest.mark.parametrize(
    ("ahead", "verdict", "words"),
    [
        (600.0, Verdict.FAULT, "600.0 s ahead of that of 127.0.0.1"),
        (-30.0, Verdict.WARNING, "30.0 s behind that of 127.0.0.1"),
    ],
)
async def test_a_clock_that_is_off_is_told_by_an_endpoints_own(
    tmp_path: Path, webhooks: Any, ahead: float, verdict: Verdict, words: str
) -> None:
    config = with_endpoint(tmp_path, webhooks.url)
    case = a_case(config, SomeMachine(ahead=ahead))
    whole = [finding for finding in await findings(case, "clock") if finding.verdict is verdict]
    (finding,) = whole
    # Its Date is of the whole second.
    seconds, rest = finding.seen.split(" ", 1)
    assert abs(float(seconds) - abs(ahead)) < 2
    assert rest.startswith(words.split(" ", 1)[1])
    assert finding.remedy
    assert webhooks.events.all() == []
