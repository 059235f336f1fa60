"""The opt-outs' page in a browser: a number looked up, added and removed; the list shows nobody's whole number."""

from typing import Any

from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import Page, expect

HOSTILE = "<script>alert(1)</script> asked by phone"


def kept(gateway: Gateway, number: str) -> list[dict[str, Any]]:
    """Opt-outs of a number, as its account sees them."""
    answer = gateway.call("GET", f"/v1/opt-outs/{number.replace('+', '%2B')}")
    return answer.json["entities"] if answer.status == 200 else []


def look_up(visitor: ConsoleBrowser, number: str) -> Page:
    page = visitor.go("/console/opt-outs")
    page.get_by_label("Account").select_option("shop")
    page.get_by_label("Number").fill(number)
    page.get_by_role("button", name="Look up").click()
    return page


def test_a_number_is_added_with_a_reason_and_removed(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    number = "+34600610001"
    page = look_up(browser_console, number)
    hidden = f"+34•••••••{number[-2:]}"
    expect(page.get_by_role("heading", name=hidden)).to_be_visible()
    expect(page.get_by_text("not opted out")).to_be_visible()
    browser_console.check()
    page.get_by_label("Reason").fill(HOSTILE)
    page.get_by_role("button", name="Add opt-out").click()
    expect(page.get_by_role("status")).to_have_text(f"{hidden} is opted out of shop's messages.")
    assert len(kept(console_gateway, number)) == 1
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    assert page.locator("main script").count() == 0
    browser_console.check()
    page.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"shop may then write to {hidden} again")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_have_text(f"The opt-out of {hidden} is removed.")
    assert kept(console_gateway, number) == []
    done = [one["what"] for one in console_gateway.operator.get("/admin/audit?who=operator:anna&limit=2")["entities"]]
    assert done == ["delete_opt_out", "put_opt_out"]


def test_an_opt_out_may_be_of_one_sender_alone(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    number = "+34600610002"
    page = look_up(browser_console, number)
    page.get_by_label("Reason").fill("asked")
    page.get_by_label("Only from this sender").fill("SHOP")
    page.get_by_role("button", name="Add opt-out").click()
    expect(page.locator("#found").locator("xpath=../../table")).to_contain_text("SHOP")
    assert [one["sender"] for one in kept(console_gateway, number)] == ["SHOP"]


def test_a_number_that_is_none_is_refused_in_words(browser_console: ConsoleBrowser) -> None:
    page = look_up(browser_console, "12 <b>")
    expect(page.get_by_role("alert")).to_contain_text("The number ")
    browser_console.check()


def test_the_list_goes_on_page_by_page_without_a_whole_number(
    viewer_console: ConsoleBrowser, console_gateway: Gateway
) -> None:
    numbers = [f"+34600700{n:03}" for n in range(60)]
    for number in numbers:
        assert console_gateway.call("PUT", f"/v1/opt-outs/{number}", {"source": "<i>form</i>"}).status == 201
    page = viewer_console.go("/console/opt-outs?account=shop")
    expect(page.get_by_text("<i>form</i>", exact=True).first).to_be_visible()
    seen = page.locator("tbody tr").count()
    assert not any(number[1:] in page.content() for number in numbers)
    viewer_console.check()
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Older")).to_have_count(0)
    assert seen + page.locator("tbody tr").count() >= len(numbers)
    assert not any(number[1:] in page.content() + page.url for number in numbers)


def test_a_viewer_looks_up_and_changes_nothing(viewer_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    number = "+34600600009"
    assert console_gateway.call("PUT", f"/v1/opt-outs/{number}", {}).status == 201
    page = look_up(viewer_console, number)
    expect(page.locator(".badge").filter(has_text="opted out")).to_be_visible()
    assert page.locator("main form[method=post], main details").count() == 0
    viewer_console.check()
