"""The frame of the console in a browser: signing in by keyboard alone, going about, and what axe finds."""

from browsers import ConsoleBrowser
from daemons import OPERATOR_TOKEN


def test_the_overview_opens_behind_the_sign_in(browser_console: ConsoleBrowser) -> None:
    assert browser_console.go().get_by_role("heading", level=1).inner_text() == "Overview"
    browser_console.check()


def test_signing_in_takes_a_keyboard_alone(visit) -> None:
    visitor = visit("phone")
    page = visitor.go("/console/audit?limit=5")
    visitor.check()
    page.keyboard.type(OPERATOR_TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_url(visitor.url + "/console/audit?limit=5")
