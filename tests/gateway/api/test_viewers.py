"""A viewer may make every GET call of /admin, and learns no whole number and no text by any of them."""

import base64
import re
from collections.abc import Callable
from typing import Any

import pytest
import trio
from campaign_calls import a_campaign, posted, when
from houses import House, hashed

from gateway import identifiers
from gateway.rules.timestamps import rfc3339
from gateway.store.interface import Answer, AttemptName, Claim, InboundIn, ReceiptIn, Verdict
from protocol.receipts import Receipt, ReceiptState

Build = Callable[..., dict[str, Any]]
SECRET = "my secret"
NUMBERS = re.compile(r"60000000\d", re.ASCII)
OWN = "%2B34911000222"
"""Asked about by the viewer, who knows it already."""
ENDLESS = {"/admin/carriers/<carrier>/trace"}


@pytest.fixture
def configuration(configuration: dict[str, Any]) -> dict[str, Any]:
    configuration["accounts"]["shop"] |= {"number_check": "shape", "default_region": None}
    configuration["operator"]["tokens"].append({"sha256": hashed("viewer"), "name": "vera", "role": "viewer"})
    return configuration


async def fill(house: House, a_message: Build) -> dict[str, str]:
    """Something of everything that has a number or a text; ids by what the calls' paths begin with."""
    claims: list[Claim] = []
    claimed = trio.Event()

    def take(found: list[Claim]) -> None:
        claims.extend(found)
        if len(claims) == 2:
            claimed.set()

    sent = await (await house.client().post("/v1/sms", json=a_message(to="+34600000001", text=SECRET))).get_json()
    await house.client().post("/v1/sms", json=a_message(to="+34600000002", text=SECRET, lane="promotional"))
    house.store.open_window("telco/1", "telco", take)
    house.store.ask("telco/1", 2)
    await claimed.wait()
    first, second = sorted(claims, key=lambda claim: claim.message)
    now = identifiers.now_ms()
    answer = Answer(first.message, 1, 1, Verdict.SENT, 0, "5F3A", now, 38, 0, None)
    house.store.answered("telco/1", [answer], 1, lambda _: None)
    house.store.doubt("telco/1", [AttemptName(second.message, 1, 1)], 0)
    await house.store.keep_alive()
    for carriers_id, number, quotes in (("5F3A", 1, False), ("77", 3, False), ("78", 4, True)):
        raw = f"id:{carriers_id} to:60000000{number} stat:DELIVRD text:{SECRET}"
        end = (ReceiptState.DELIVERED, "DELIVRD", "000", None, None, None, f"3460000000{number}", "SHOP", raw, ())
        receipt = Receipt(carriers_id, (), *end, may_quote=quotes)
        house.store.receipt(ReceiptIn("telco", "telco/1", receipt, now, None, None, None), lambda _: None)
    house.store.inbound(InboundIn(1, "telco", None, "34600000005", "34911000111", SECRET, "gsm7", now), lambda _: None)
    for number in (6, 7):
        path = f"/v1/opt-outs/+3460000000{number}"
        given = {"source": "web form", "evidence": f"asked from +3460000000{number}"}
        assert (await house.client().call("PUT", path, json=given)).status_code == 201
    good = {"phone": "+15551234567", "first_name": "Alice", "code": "ALICE20"}
    campaign = await posted(house, a_campaign(good, good | {"phone": "34600000008"}, message=f"{SECRET} {{code}}"))
    await when(house, campaign, "scheduled")
    return {"/admin/messages": sent["id"], "/admin/campaigns": campaign["id"]}


def paths_of(house: House, ids: dict[str, str]) -> list[str]:
    found = []
    for rule in house.operator_app.url_map.iter_rules():
        if rule.rule.startswith("/admin") and "GET" in (rule.methods or ()) and rule.rule not in ENDLESS:
            path = rule.rule.replace("<account>", "shop").replace("<number>", "%2B34600000006")
            found.append(path.replace("<id>", ids.get(path.partition("/<id>")[0], "")))
    today = rfc3339(identifiers.now_ms())[:10]
    days = f"carrier=telco&from={today}&to={today}"
    queries = {
        "route": f"number={OWN}&account=shop",
        "reconciliation": days,
        "opt-outs/shop": "limit=1",
        "messages": "limit=1",
    }
    return [f"{path}?{queries[path[7:]]}" if path[7:] in queries else path for path in found]


async def said_to(token: str, house: House, paths: list[str]) -> str:
    """All answers, their headers, and what their cursors are made of."""
    every = ""
    for path in paths:
        answer = await house.operator(token).get(path)
        said = (await answer.get_data()).decode()
        assert answer.status_code == 200, (path, said)
        for cursor in re.findall(r'"next_cursor":"([^"]+)"', said):
            said += base64.urlsafe_b64decode(f"{cursor}====").decode("latin-1")
        every += f"{path} {answer.headers} {said}\n"
    return every


async def test_no_answer_tells_a_viewer_a_number_nor_anybody_a_text(house: House, a_message: Build) -> None:
    paths = paths_of(house, await fill(house, a_message))
    assert len(paths) > 20
    said = await said_to("operator-token-of-tests", house, paths)
    assert set(NUMBERS.findall(said)) == {f"60000000{number}" for number in (1, 2, 3, 4, 5, 6, 8)}, "7 is on page two"
    assert SECRET not in said
    said = await said_to("viewer", house, paths)
    shown = [line[:80] for line in said.splitlines() if NUMBERS.search(line.partition(" ")[2]) or SECRET in line]
    assert shown == []
