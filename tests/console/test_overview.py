"""The overview in a browser: what is wrong first, figures that move by themselves, pictures that can be read."""

import re
from collections.abc import Callable
from pathlib import Path

from arrivals import wait_until
from browsers import ConsoleBrowser
from daemons import OPERATOR_TOKEN, Gateway
from playwright.sync_api import expect


def test_what_is_wrong_stands_first_and_leads_to_it(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go()
    expect(page.locator("#amiss li").first).to_contain_text(re.compile("carrier away can't send", re.IGNORECASE))
    browser_console.check()
    page.locator("#amiss").get_by_role("link", name="Its binds").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Carriers")


def test_live_figures_move_by_themselves(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = browser_console.go()
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    line = page.locator("[data-plot=rate] path.line.s1")
    before = line.get_attribute("d")
    wait_until(lambda: line.get_attribute("d") != before or None, "the line moves")
    for _ in range(5):
        console_gateway.send_bulk([{"to": f"+3460020{n:04}", "text": "Hello"} for n in range(50)])
    accepted = page.locator("[data-plot=rate] .s1 .value")
    wait_until(lambda: float(accepted.inner_text()) > 0 or None, "accepted messages are seen")
    delivered = page.locator("[data-plot=delivery] .s1 .value")
    wait_until(lambda: delivered.inner_text().endswith(" s") or None, "the time to delivery is seen")
    assert page.locator("#bars tr").count() == 3
    browser_console.check()


def test_each_picture_has_its_table(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go()
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    summaries = page.locator("figure summary")
    assert summaries.count() == 5
    for place in range(5):
        summaries.nth(place).click()
    assert page.locator("figure table tbody tr").count() >= 5
    expect(page.get_by_role("table").first.get_by_role("columnheader").nth(1)).to_have_text("accepted")
    browser_console.check()


def test_it_can_be_read_in_the_dark(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit(color_scheme="dark")
    visitor.go("/console")
    visitor.check()
    visitor.sign_in()
    expect(visitor.page.locator("#live")).to_have_attribute("data-state", "on")
    visitor.check()


def test_without_javascript_there_is_something(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.go("/console")
    page.get_by_label("Operator token").fill(OPERATOR_TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#amiss li").first).to_contain_text("away")
    assert (page.locator("[data-plot=rate] path.line.s1").get_attribute("d") or "").startswith("M")
    assert page.locator("#bars tr").count() == 3


def test_it_rests_while_nobody_sees_it_and_comes_back(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit()
    page = visitor.sign_in()
    live = page.locator("#live")
    expect(live).to_have_attribute("data-state", "on")
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    turn = hide + " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(turn, True)
    expect(live).to_have_attribute("data-state", "off")
    line = page.locator("[data-plot=rate] path.line.s1")
    before = line.get_attribute("d")
    page.evaluate(turn, False)
    expect(live).to_have_attribute("data-state", "on")
    wait_until(lambda: line.get_attribute("d") != before or None, "it goes on")


def test_a_stream_ends_with_its_session_and_says_so(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit()
    visitor.allowed = ("401",)
    page = visitor.sign_in()
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    other = visitor.context.new_page()
    other.goto(visitor.url + "/console/audit")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url(visitor.url + "/console/sign-in")
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")


def test_pictures_of_it_can_be_taken(browser_console: ConsoleBrowser, tmp_path: Path) -> None:
    expect(browser_console.go().locator("#live")).to_have_attribute("data-state", "on")
    browser_console.shot(tmp_path / "overview.png", dark=True)
    assert (tmp_path / "overview.png").read_bytes().startswith(b"\x89PNG")
