"""The campaigns' pages in a browser: how far each is, variants side by side, and pausing, resuming, canceling them."""

from typing import Any

from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import expect

HOSTILE = "<script>alert(1)</script> May \"'><img src=x onerror=alert(1)>"
SENDER = "<b>SHOP</b>"


def a_campaign(gateway: Gateway, many: int = 20, **fields: Any) -> dict[str, Any]:
    numbers = [f"+3460030{n:04}" for n in range(many)]
    asked = {"campaign_name": "May Promotion", "message": "{Hello|Hi} there", "recipients": numbers, **fields}
    answer = gateway.call("POST", "/v1/campaigns/sms", asked)
    assert answer.status == 202, answer
    campaign: dict[str, Any] = answer.json
    return campaign


def when(gateway: Gateway, campaign: dict[str, Any], status: str) -> dict[str, Any]:
    """The campaign once it stands so."""

    def standing() -> dict[str, Any] | None:
        found: dict[str, Any] = gateway.get(f"/v1/campaigns/{campaign['id']}")
        return found if found["status"] == status else None

    return gateway.wait_for(standing, f"the campaign {status}")


def test_a_campaign_shows_its_ends_and_its_variants(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    campaign = a_campaign(console_gateway)
    when(console_gateway, campaign, "completed")
    page = browser_console.go("/console/campaigns")
    browser_console.check()
    page.get_by_role("link", name="May Promotion").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("May Promotion")
    expect(page.locator(".shares li").first).to_contain_text("Delivered 20 100 %", use_inner_text=False)
    expect(page.locator(".variant h3")).to_contain_text(["Hello", "Hi"])
    expect(page.locator("main")).to_contain_text("20 recipients came: 20 accepted")
    assert page.get_by_role("button", name="Cancel").count() == 0
    browser_console.check()
    page.get_by_role("link", name="Look at its messages").click()
    expect(page.locator("table.hits tbody tr")).to_have_count(20)


def test_a_campaign_is_paused_resumed_and_canceled(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    campaign = a_campaign(console_gateway, rate=1, campaign_name="Slow one")
    when(console_gateway, campaign, "running")
    page = browser_console.go(f"/console/campaigns/{campaign['id']}")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("The campaign is paused")
    assert when(console_gateway, campaign, "paused")
    browser_console.check()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("status")).to_have_text("The campaign goes on.")
    assert when(console_gateway, campaign, "running")
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This can't be undone.")
    dialog.get_by_role("button", name="No").click()
    assert when(console_gateway, campaign, "running")
    page.get_by_role("button", name="Cancel").click()
    browser_console.check()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("The campaign is canceled")
    assert when(console_gateway, campaign, "canceled")
    done = [one["what"] for one in console_gateway.operator.get("/admin/audit?who=operator:anna&limit=3")["entities"]]
    assert done == ["cancel_campaign", "resume_campaign", "pause_campaign"]


def test_recipients_that_were_not_taken_are_told(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    campaign = a_campaign(console_gateway, recipients=["+34600300001", "nonsense"], campaign_name="Half of it")
    when(console_gateway, campaign, "completed")
    page = browser_console.go(f"/console/campaigns/{campaign['id']}")
    expect(page.locator("main")).to_contain_text("2 recipients came: 1 accepted, 1 rejected")
    expect(page.locator("table tbody tr")).to_contain_text("is not a phone number")
    browser_console.check()


def test_what_callers_wrote_shows_as_text(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    message = "{<u>Hello</u>|<i onclick=alert(1)>Hi</i>} there"
    names = {"campaign_name": HOSTILE, "from": SENDER, "tag": "<i>tag</i>", "message": message}
    campaign = a_campaign(console_gateway, **names)
    when(console_gateway, campaign, "completed")
    page = browser_console.go("/console/campaigns")
    page.get_by_role("link", name=HOSTILE, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    for words in (SENDER, "<i>tag</i>", "<u>Hello</u>"):
        expect(page.get_by_text(words, exact=True).first).to_be_visible()
    assert page.locator("main img, main script, main u, main i").count() == 0
    browser_console.check()


def test_the_list_is_filtered_by_account_and_status(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    when(console_gateway, a_campaign(console_gateway, 1), "completed")
    page = browser_console.go("/console/campaigns")
    page.get_by_label("Status").select_option("completed")
    page.get_by_label("Account").fill("shop")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody .badge").first).to_have_text("completed")
    page.get_by_label("Account").fill("other")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("No campaign like that.")
    browser_console.check()


def test_a_campaign_that_has_moved_on_says_so(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    campaign = a_campaign(console_gateway, rate=1, campaign_name="Moved on")
    when(console_gateway, campaign, "running")
    page = browser_console.go(f"/console/campaigns/{campaign['id']}")
    assert console_gateway.call("POST", f"/v1/campaigns/{campaign['id']}/cancel").status == 200
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("alert")).to_have_text("The campaign is canceled, so nothing was changed.")


def test_a_viewer_sees_campaigns_and_no_button(viewer_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    campaign = a_campaign(console_gateway, rate=1, campaign_name="Not yours")
    when(console_gateway, campaign, "running")
    page = viewer_console.go(f"/console/campaigns/{campaign['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not yours")
    assert page.locator("main button, main form").count() == 0
    assert console_gateway.call("POST", f"/v1/campaigns/{campaign['id']}/cancel").status == 200


def test_an_unknown_campaign_is_a_page_that_says_so(viewer_console: ConsoleBrowser) -> None:
    viewer_console.allowed = ("404",)
    page = viewer_console.go("/console/campaigns/cmp_none")
    expect(page.locator("body")).to_contain_text("There is no campaign of this id")
