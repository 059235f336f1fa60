"""What others wrote stays text on every page: no element of theirs is made, nothing of theirs runs or turns text."""

from urllib.parse import urlencode

import pytest
from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import Dialog, expect
from simulators import Simulator
from webhook_receivers import WebhookReceiver

SCRIPT = "<img id=owned src=x onerror=alert(1)><script id=owned>alert(2)</script></pre></script>"
TURNED = "exe.\u202egpj"
LONG = "W" * 300
SENDER = "<b id=owned"
NAMED = "⟨U+202E⟩"


@pytest.fixture(scope="module")
def hostile(
    console_gateway: Gateway, console_webhooks: WebhookReceiver, console_simulator: Simulator
) -> dict[str, str]:
    """Ids of a message and a campaign in which everything that can be is hostile."""
    message = console_gateway.send(
        "+34600000404",
        f"{SCRIPT}{TURNED}{LONG}",
        **{"from": SENDER, "client_id": SCRIPT[:40], "tag": SCRIPT[:40]},
        webhook_url=f"{console_webhooks.url}/<script>alert(3)</script><b/id=owned>",
    )
    console_webhooks.wait(message, "undelivered")
    body = {
        "campaign_name": SCRIPT,
        "from": SENDER,
        "message": f"{{Hi|Hello}} {SCRIPT}",
        "spintax": True,
        "recipients": [{"phone": f"+3462000000{n}"} for n in range(4)],
    }
    template = console_gateway.call("PUT", "/v1/templates/hostile", {"text": f"{SCRIPT} {{name}}"})
    assert template.status in (200, 201), template
    campaign = console_gateway.call("POST", "/v1/campaigns/sms", body)
    assert campaign.status in (200, 201, 202), campaign
    return {"message": message["id"], "client_id": message["client_id"], "campaign": campaign.json["id"]}


def _harmless(visitor: ConsoleBrowser, path: str) -> str:
    """The text of a page on which nothing hostile has come to life."""
    page = visitor.go(path)
    assert page.locator("#owned").count() == 0, f"an element of somebody else's on {path}"
    assert "\u202e" not in page.content(), f"text is turned on {path}"
    visitor.look()
    return page.locator("main").inner_text()


def test_a_message_full_of_html_shows_as_text(browser_console: ConsoleBrowser, hostile: dict[str, str]) -> None:
    page = browser_console.page
    page.on("dialog", _alerted)
    text = _harmless(browser_console, f"/console/messages/{hostile['message']}")
    browser_console.check()
    assert SENDER in text
    assert hostile["client_id"] in text
    page.get_by_role("button", name="Show numbers and text").click()
    page.locator("dialog[open]").get_by_role("button", name="Show numbers and text").click()
    shown = page.locator(".particulars .text")
    expect(shown).to_contain_text(SCRIPT)
    expect(shown).to_contain_text(f"exe.{NAMED}gpj")
    assert page.locator("#owned").count() == 0
    browser_console.check()


def test_searching_for_html_and_finding_it_shows_text(browser_console: ConsoleBrowser, hostile: dict[str, str]) -> None:
    browser_console.page.on("dialog", _alerted)
    for words in (hostile["client_id"], SCRIPT, TURNED, LONG):
        page = browser_console.go("/console/messages")
        page.get_by_label("Find a message").fill(words)
        page.get_by_role("button", name="Search", exact=True).click()
        page.wait_for_url("**q=*")
        assert page.locator("#owned").count() == 0
        assert "\u202e" not in page.locator("main").inner_text()
        browser_console.look()
        if words == hostile["client_id"]:
            expect(page.locator("table.hits")).to_contain_text(hostile["client_id"])
            browser_console.check()
    for name in ("status", "account", "carrier", "when", "after", "zone", "cursor"):
        _harmless(browser_console, f"/console/messages?{urlencode({name: SCRIPT + TURNED})}")
    for name in ("who", "what", "cursor"):
        _harmless(browser_console, f"/console/audit?{urlencode({name: SCRIPT + TURNED})}")


def test_no_other_page_gives_hostile_words_life(browser_console: ConsoleBrowser, hostile: dict[str, str]) -> None:
    browser_console.page.on("dialog", _alerted)
    assert SCRIPT in _harmless(browser_console, "/console/campaigns")
    assert SCRIPT in _harmless(browser_console, f"/console/campaigns/{hostile['campaign']}")
    _harmless(browser_console, "/console/webhooks")
    found = browser_console.page.locator('main a[href^="/console/webhooks/"]').all()
    links = [link.get_attribute("href") or "" for link in found]
    for path in {*links, "/console", "/console/carriers", "/console/opt-outs", "/console/held", "/console/audit"}:
        _harmless(browser_console, path)


def _alerted(dialog: Dialog) -> None:
    dialog.dismiss()
    raise AssertionError(f"a page said {dialog.message}")
