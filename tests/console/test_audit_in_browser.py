"""The audit's page: who did what by hand, narrowed by either, and as a viewer sees it."""

from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import expect


def _do(gateway: Gateway) -> str:
    """Something done by hand, by an account and by an operator; the message's id."""
    (message,) = gateway.get("/v1/sms?client_id=order-20")["entities"]
    assert gateway.call("PUT", "/v1/templates/welcome", {"text": "Hi {name}"}).status in (200, 201)
    assert gateway.operator.call("POST", f"/admin/messages/{message['id']}/reveal").status == 200
    return str(message["id"])


def test_the_audit_tells_who_did_what_and_on_what(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    message = _do(console_gateway)
    page = browser_console.go("/console/audit")
    rows = page.locator("table.doings tbody tr")
    expect(rows.first).to_contain_text("anna")
    expect(rows.first).to_contain_text("looked at numbers and text")
    expect(rows.first.get_by_role("link", name=message)).to_be_visible()
    expect(rows.nth(1)).to_contain_text("account shop")
    expect(rows.nth(1)).to_contain_text("saved a template")
    expect(rows.nth(1)).to_contain_text("welcome")
    browser_console.check()


def test_the_audit_is_narrowed_by_who_and_by_what(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    _do(console_gateway)
    page = browser_console.go("/console/audit")
    page.get_by_label("Who", exact=True).fill("account:shop")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**who=account*")
    assert set(page.locator("table.doings tbody th").all_inner_texts()) == {"account shop"}
    page.get_by_label("What", exact=True).select_option("reveal")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".nothing")).to_contain_text("Nobody did such a thing")
    browser_console.check()
    page.get_by_role("link", name="Look at everything").click()
    expect(page.locator("table.doings")).to_contain_text("looked at numbers and text")


def test_a_viewer_may_look_at_the_audit(viewer_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    _do(console_gateway)
    page = viewer_console.go("/console/audit")
    expect(page.locator("table.doings")).to_contain_text("looked at numbers and text")
    viewer_console.check()
