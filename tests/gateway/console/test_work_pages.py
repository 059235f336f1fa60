"""Pages of carriers, campaigns, webhooks, opt-outs, held queue over a real store: who may act, and what is not."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from console_callers import OPERATOR, ConsoleCaller
from houses import House, a_configuration, hashed, house_of

from gateway.console.pages.campaigns import CampaignsPages
from gateway.console.pages.carriers import CarriersPages
from gateway.console.pages.held import HeldPages
from gateway.console.pages.opt_outs import OptOutsPages
from gateway.console.pages.webhooks import WebhooksPages

VIEWER = "viewer-token-of-tests"
TOKENS = [{"sha256": hashed(OPERATOR), "name": "anna"}, {"sha256": hashed(VIEWER), "name": "victor", "role": "viewer"}]
NOBODY: Any = None
ACTS = [
    route.rule.replace("<int:id>", "1").replace("<id>", "cmp_x").replace("<name>", "telco").replace("<event>", "evt_x")
    for pages in (
        CarriersPages(NOBODY, NOBODY),
        CampaignsPages(NOBODY, NOBODY),
        WebhooksPages(NOBODY, NOBODY, NOBODY),
        OptOutsPages(NOBODY, NOBODY),
        HeldPages(NOBODY, NOBODY),
    )
    for route in pages.routes()
    if route.acts
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(a_configuration(operator={"tokens": TOKENS}), tmp_path) as house:
        yield house


async def signed_in(house: House, token: str = OPERATOR) -> ConsoleCaller:
    caller = ConsoleCaller(house.operator_app)
    await caller.sign_in(token)
    await caller.get("/console/carriers")
    return caller


async def test_each_page_is_there_whatever_is_asked(house: House) -> None:
    for token in (OPERATOR, VIEWER):
        caller = await signed_in(house, token)
        for page in ("carriers", "campaigns", "webhooks", "opt-outs", "held", "held/messages"):
            for query in ("", "?cursor=nonsense&status=none&account=nobody&number=&lane=x"):
                assert (await caller.get(f"/console/{page}{query}")).status_code == 200, page + query


async def test_what_renews_itself_is_in_its_place_when_there_is_nothing_to_show(house: House) -> None:
    caller = await signed_in(house)
    for page in ("carriers", "campaigns", "webhooks", "held"):
        await caller.get(f"/console/{page}")
        assert caller.last.count("data-fresh") == 1, page


async def test_no_carrier_is_called_as_another_part_of_the_page(tmp_path: Path) -> None:
    telco = a_configuration()["carriers"]["telco"]
    carriers = dict.fromkeys(("telco", "confirm", "confirm-yes", "main", "name-telco"), telco)
    async with house_of(a_configuration(carriers=carriers, operator={"tokens": TOKENS}), tmp_path) as house:
        caller = await signed_in(house)
        ids = re.findall(r'\bid="([^"]*)"', caller.last)
    assert len(ids) > len(carriers)
    assert sorted(ids) == sorted(set(ids))


async def test_a_viewer_does_nothing(house: House) -> None:
    caller = await signed_in(house, VIEWER)
    csrf = caller.csrf
    for rule in ACTS:
        fields = {"csrf": csrf, "why": "x", "account": "shop", "number": "+34600000001"}
        assert (await caller.call("POST", f"/console{rule}", fields)).status_code == 403, rule
        assert "may look and not act" in caller.last


def test_everything_that_is_done_is_a_post_of_operators() -> None:
    assert len(ACTS) == 14
    for pages in (CarriersPages(NOBODY, NOBODY), HeldPages(NOBODY, NOBODY), OptOutsPages(NOBODY, NOBODY)):
        assert all(route.acts == (route.method == "POST") for route in pages.routes())


async def test_nothing_at_all_is_done_without_a_form_of_ours(house: House) -> None:
    caller = await signed_in(house)
    rules = [
        rule.rule
        for rule in house.operator_app.url_map.iter_rules()
        if rule.rule.startswith("/console/") and "POST" in (rule.methods or ()) and "<path:" not in rule.rule
    ]
    assert len(rules) > len(ACTS)
    for rule in rules:
        path = rule.replace("<int:id>", "1").replace("<", "").replace(">", "")
        assert (await caller.call("POST", path, {"account": "shop"})).status_code == 403, rule


async def test_a_blank_part_of_the_held_queue_is_not_all_of_it(house: House) -> None:
    caller = await signed_in(house)
    for way in ("release", "end"):
        fields = {"csrf": caller.csrf, "account": "shop", "route": ""}
        assert (await caller.call("POST", f"/console/held/{way}", fields)).status_code == 422
        await caller.get("/console/held")


async def test_what_is_not_there_is_a_page_that_says_so(house: House) -> None:
    caller = await signed_in(house)
    fields = {"csrf": caller.csrf}
    for path in (
        "carriers/nobody/pause",
        "carriers/nobody/resume",
        "campaigns/cmp_none/cancel",
        "webhooks/99/enable",
        "webhooks/99/replay",
        "webhooks/99/events/evt_none/replay",
    ):
        assert (await caller.call("POST", f"/console/{path}", fields)).status_code == 404, path
        assert "There is no " in caller.last
    for path in ("campaigns/cmp_none", "webhooks/99"):
        assert (await caller.get(f"/console/{path}")).status_code == 404, path
        assert "There is no " in caller.last


async def test_a_wrong_opt_out_is_told_in_words(house: House) -> None:
    caller = await signed_in(house)
    for fields in ({"account": "shop", "number": "12"}, {"account": "nobody", "number": "+34600000001"}):
        answer = await caller.post("/console/opt-outs/add", {**fields, "why": "x"})
        assert answer.status_code == 303
        await caller.get(answer.headers["Location"])
        assert 'class="flash bad"' in caller.last


async def test_a_page_that_renews_itself_takes_nothing_that_is_shown_once(house: House) -> None:
    caller = await signed_in(house)
    await caller.post("/console/carriers/telco/pause", {"why": "noon"})
    await caller.get("/console/carriers", headers={"Sluice-Renews": "1"})
    assert "telco is paused." not in caller.last
    await caller.get("/console/carriers")
    assert "telco is paused." in caller.last
