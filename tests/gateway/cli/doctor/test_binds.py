"""`sluice doctor`: binds: what a running gateway says of them, and one that is tried where none runs."""

from pathlib import Path

import pytest
from examined_machines import a_case, carrier_at, findings, the, written

from gateway.cli.doctor.binds import of_carrier
from gateway.cli.doctor.findings import Verdict


async def test_nothing_is_bound_unless_asked_for(tmp_path: Path) -> None:
    async with carrier_at() as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]')
        assert "--bind" in str(the(await findings(a_case(config), "binds"), Verdict.NOTE, "count binds").remedy)
        (finding,) = await findings(a_case(config, may_bind=True), "binds")
    assert finding.verdict is Verdict.OK
    assert "took a bind as acme" in finding.seen


@pytest.mark.parametrize(
    ("how", "words"), [("pause", "paused by operator:anna"), ("drain", "drained by operator:anna")]
)
def test_a_carrier_that_an_operator_holds_is_a_note(how: str, words: str) -> None:
    held = {"how": how, "since": "2026-11-22T18:00:00.000Z", "who": "operator:anna", "why": "they asked"}
    found = of_carrier({"name": "telco", "held": held, "binds": [], "alarm": None, "breaker": None})
    assert "--resume" in str(the(found, Verdict.NOTE, words).remedy)


def test_a_carrier_that_refuses_every_bind_is_a_fault_and_an_open_breaker_a_warning() -> None:
    bind = {"name": "telco/1", "state": "bound", "since": "2026-11-22T18:00:00.000Z", "last_error": None}
    refused = {"name": "telco", "binds": [{**bind, "state": "refused"}], "alarm": "ESME_RINVPASWD", "breaker": None}
    assert "ask the carrier" in str(the(of_carrier(refused), Verdict.FAULT, "ESME_RINVPASWD").remedy)
    breaker = {"state": "open", "detail": "errors 0.82 of 40", "cause": "errors"}
    sick = {"name": "telco", "binds": [bind], "alarm": None, "breaker": breaker}
    the(of_carrier(sick), Verdict.WARNING, "errors 0.82 of 40")
    half = {"name": "telco", "binds": [bind, {**bind, "name": "telco/2", "state": "waiting"}], "alarm": None}
    the(of_carrier(half), Verdict.WARNING, "telco/2")


async def test_a_carrier_that_refuses_a_bind_is_a_fault(tmp_path: Path) -> None:
    async with carrier_at(bind_status=0x0E) as host:
        config = written(tmp_path, carrier=f'hosts = ["{host}"]')
        found = await findings(a_case(config, may_bind=True), "binds")
    assert "password" in str(the(found, Verdict.FAULT, "no bind as acme").remedy)
