"""The carriers' page in a browser: which carrier is sick and why, and what an operator does to one takes effect."""

from collections.abc import Callable
from typing import Any

import pytest
from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import Locator, expect

HOSTILE = "<img src=x onerror=alert(1)> \u202egpj.exe"
TURN_MS = 5000
"""Of a page that renews itself."""


def card(visitor: ConsoleBrowser, name: str) -> Locator:
    return visitor.page.locator(f"section[id='carrier-{name}']")


def carrier(gateway: Gateway, name: str) -> dict[str, Any]:
    return next(one for one in gateway.operator.get("/admin/carriers")["entities"] if one["name"] == name)


def ask(visitor: ConsoleBrowser, name: str, what: str, why: str) -> None:
    """Pause or drain it, with a reason, as people do."""
    card(visitor, name).get_by_text(f"{what}…", exact=True).click()
    card(visitor, name).locator("details[open]").get_by_label("Reason").fill(why)
    card(visitor, name).get_by_role("button", name=f"{what} {name}").click()


@pytest.fixture
def nothing_held(console_gateway: Gateway) -> Any:
    yield
    for name in ("telco", "away"):
        assert console_gateway.operator.call("POST", f"/admin/carriers/{name}/resume").status < 300
    console_gateway.wait_for(lambda: carrier(console_gateway, "telco")["able"], "telco able again")


def test_the_sick_carrier_stands_first_and_says_why(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go("/console/carriers")
    expect(page.locator("section.desk h2")).to_have_text(["away", "hasty", "telco"])
    expect(card(browser_console, "away")).to_contain_text("can't send")
    expect(card(browser_console, "away").locator(".why")).to_contain_text("No bind can send")
    expect(card(browser_console, "telco")).to_contain_text("sending")
    expect(card(browser_console, "telco").get_by_role("meter")).to_have_count(1)
    browser_console.check()


@pytest.mark.usefixtures("nothing_held")
def test_a_carrier_is_paused_with_a_reason_and_resumed(phone_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = phone_console.go("/console/carriers")
    ask(phone_console, "telco", "Pause", HOSTILE)
    expect(page.get_by_role("status")).to_have_text("telco is paused.")
    held = carrier(console_gateway, "telco")["held"]
    assert (held["how"], held["who"], held["why"]) == ("pause", "operator:anna", HOSTILE)
    expect(card(phone_console, "telco").locator(".why")).to_contain_text("Paused by anna", use_inner_text=True)
    expect(card(phone_console, "telco").locator("q")).to_have_text("<img src=x onerror=alert(1)> ⟨U+202E⟩gpj.exe")
    assert page.locator("img[src=x]").count() == 0
    phone_console.check()
    waiting = console_gateway.send("+34600200001")
    assert console_gateway.message(waiting["id"])["status"] == "queued"
    card(phone_console, "telco").get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_have_text("telco takes its share again.")
    assert carrier(console_gateway, "telco")["held"] is None
    console_gateway.wait_message(waiting["id"], status="delivered")


@pytest.mark.usefixtures("nothing_held")
def test_a_carrier_is_drained_and_unbinds(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = browser_console.go("/console/carriers")
    ask(browser_console, "telco", "Drain", "they move house")
    expect(page.get_by_role("status")).to_contain_text("telco drains")
    console_gateway.wait_for(
        lambda: all(bind["bound_since"] is None for bind in carrier(console_gateway, "telco")["binds"]), "telco unbound"
    )
    page.reload()
    expect(card(browser_console, "telco").locator(".badge").first).to_have_text("drained")
    browser_console.check()


def test_a_carrier_that_is_down_is_tried_at_once(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = browser_console.go("/console/carriers")
    card(browser_console, "away").get_by_role("button", name="Rebind").click()
    expect(page.get_by_role("status")).to_have_text("The binds of away that are down are tried now.")
    audit = console_gateway.operator.get("/admin/audit?limit=5")["entities"]
    assert any(one["who"] == "operator:anna" and one["outcome"] == "away" for one in audit)


def test_a_reason_has_to_be_given(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    browser_console.go("/console/carriers")
    ask(browser_console, "telco", "Pause", "")
    assert browser_console.page.evaluate("document.activeElement.matches(':invalid')")
    assert carrier(console_gateway, "telco")["held"] is None


def test_the_page_renews_itself_but_not_under_somebodys_hands(
    visit: Callable[..., ConsoleBrowser], console_gateway: Gateway
) -> None:
    browser_console = visit()
    browser_console.page.clock.install()
    page = browser_console.sign_in(to="/console/carriers")
    card(browser_console, "telco").get_by_text("Pause…", exact=True).click()
    assert console_gateway.operator.call("POST", "/admin/carriers/away/pause", {"why": "noon"}).status < 300
    with page.expect_response(lambda answer: answer.url.endswith("/console/carriers")):
        page.clock.fast_forward(TURN_MS)
    expect(card(browser_console, "telco").locator("details[open]")).to_be_visible()
    expect(card(browser_console, "away").locator(".badge").first).not_to_have_text("paused")
    card(browser_console, "telco").get_by_text("Pause…", exact=True).click()
    page.get_by_role("heading", level=1).click()
    page.clock.fast_forward(TURN_MS)
    expect(card(browser_console, "away").locator(".badge").first).to_have_text("paused")
    assert console_gateway.operator.call("POST", "/admin/carriers/away/resume").status < 300
    page.get_by_label("Renew every 5 s").uncheck()
    browser_console.check()


def test_a_viewer_sees_carriers_and_no_button(viewer_console: ConsoleBrowser) -> None:
    page = viewer_console.go("/console/carriers")
    expect(page.locator("section.desk")).to_have_count(3)
    assert page.locator("main button, main summary, main form").count() == 0
    viewer_console.check()
