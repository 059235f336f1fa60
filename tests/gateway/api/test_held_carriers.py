"""Operators hold carriers: by the calls of /admin, on disk, in the audit, and told wherever carriers are."""

from typing import Any

import pytest
from houses import House, hashed

from gateway.desk.carriers_view import HeldView


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    anna = {"sha256": hashed("anna"), "name": "anna"}
    viewer = {"sha256": hashed("viewer"), "name": "vera", "role": "viewer"}
    configuration["operator"]["tokens"] += [anna, viewer]
    return configuration


async def done(house: House, how: str, **given: Any) -> Any:
    answer = await house.operator("anna").post(f"/admin/carriers/telco/{how}", **given)
    assert answer.status_code == 200, await answer.get_json()
    return await answer.get_json()


async def audited(house: House) -> list[tuple[str, str, str | None]]:
    found = await (await house.operator().get("/admin/audit")).get_json()
    return [(one["who"], one["what"], one["outcome"]) for one in found["entities"]]


async def test_a_hold_says_who_how_and_why_and_is_in_the_audit(house: House) -> None:
    held = (await done(house, "pause", json={"why": "new invoice"}))["held"]
    assert (held["how"], held["who"], held["why"]) == ("pause", "operator:anna", "new invoice")
    assert house.carriers.told == [("hold", "telco"), ("take_back", "telco"), ("bind_again", "telco")]
    await done(house, "drain")
    assert (await done(house, "resume"))["held"] is None
    assert (await done(house, "resume"))["held"] is None
    assert await audited(house) == [
        ("operator:anna", "resume_carrier", "telco"),
        ("operator:anna", "drain_carrier", "telco"),
        ("operator:anna", "pause_carrier", "telco: new invoice"),
    ]


async def test_a_hold_is_told_with_the_carriers_and_the_status(house: House) -> None:
    await done(house, "drain", json={"why": None})
    for path in ("/admin/carriers", "/admin/status"):
        answer = await (await house.operator("viewer").get(path)).get_json()
        (carrier,) = answer.get("entities") or answer["carriers"]
        assert carrier["held"]["how"] == "drain"


async def test_a_rebind_is_audited(house: House) -> None:
    assert (await house.operator("anna").post("/admin/carriers/telco/rebind")).status_code == 202
    assert house.carriers.rebound == ["telco"]
    assert await audited(house) == [("operator:anna", "rebind_carrier", "telco")]


@pytest.mark.parametrize("how", ["pause", "drain", "resume", "rebind"])
async def test_viewers_hold_nothing_and_no_carrier_is_not_found(house: House, how: str) -> None:
    answer = await house.operator("viewer").post(f"/admin/carriers/telco/{how}")
    assert (answer.status_code, (await answer.get_json())["code"]) == (403, "insufficient_scope")
    answer = await house.operator().post(f"/admin/carriers/nobody/{how}")
    assert (answer.status_code, (await answer.get_json())["code"]) == (404, "not_found")
    assert house.carriers.told == []
    assert await audited(house) == []


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"reason": "x"}, {"reason": ["unknown_field"]}),
        ({"why": 7}, {"why": ["wrong_type"]}),
        ({"why": "x" * 501}, {"why": ["too_long"]}),
    ],
)
async def test_what_is_no_reason_is_refused(house: House, body: Any, codes: Any) -> None:
    answer = await house.operator().post("/admin/carriers/telco/pause", json=body)
    assert (answer.status_code, (await answer.get_json())["codes"]) == (422, codes)
    assert house.carriers.told == []


async def test_operators_are_told_who_holds_a_carrier_and_accounts_only_that_it_is_held(house: House) -> None:
    await done(house, "pause", json={"why": "fraud of a customer"})
    query = "number=%2B34600000001&account=shop&sender=SHOP"
    lines = (await (await house.operator().get(f"/admin/route?{query}")).get_json())["lines"]
    held = house.carriers.carriers()[0].held
    assert isinstance(held, HeldView)
    (line,) = [line for line in lines if line.startswith("telco: ")]
    assert line.startswith("telco: held by anna since 20")
    assert line.endswith("(fraud of a customer)")
    assert lines[-1].startswith("nobody can take it now")
    answer = await house.client().post("/v1/sms/preview", json={"to": "+34600000001", "text": "Hello"})
    told = await answer.get_data(as_text=True)
    assert "is held by its operator" in told
    assert "anna" not in told
    assert "fraud" not in told
