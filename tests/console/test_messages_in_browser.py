"""Where is this message? Found by whatever support was told, explained by its page, and what can be done about it."""

import re
from collections.abc import Callable
from typing import Any

from browsers import ConsoleBrowser
from daemons import Gateway
from playwright.sync_api import Page, expect
from simulators import Simulator
from webhook_receivers import WebhookReceiver

HERE = "/console/messages"


def _in_doubt(gateway: Gateway, message: str) -> bool:
    return any(doubt["id"] == message for doubt in gateway.operator.get("/admin/doubts")["entities"])


def _search(page: Page, words: str) -> None:
    page.get_by_label("Find a message").fill(words)
    with page.expect_navigation():  # else the page that was there may be looked at
        page.get_by_role("button", name="Search", exact=True).click()


def _hits(page: Page) -> list[str]:
    return page.locator("table.hits tbody th .id").all_inner_texts()


def _press(page: Page, button: str, *, sure: bool = True) -> None:
    """A button of the page, and yes to what it asks."""
    page.get_by_role("button", name=button, exact=True).click()
    if sure:
        page.locator("dialog[open]").get_by_role("button", name=button, exact=True).click()


def test_why_a_message_of_this_morning_never_arrived_is_told_in_three_clicks(
    phone_console: ConsoleBrowser,
    console_gateway: Gateway,
    console_simulator: Simulator,
    console_webhooks: WebhookReceiver,
) -> None:
    console_simulator.set("receipt-state", "UNDELIV=1")
    sent = console_gateway.send("+34600000001", "Your table is booked", client_id="table-1")
    console_webhooks.wait(sent, "undelivered")
    console_simulator.set("receipt-state", "UNDELIV=0")
    page = phone_console.go()

    page.get_by_role("link", name="Messages").click()
    page.get_by_label("Find a message").fill("0001")
    page.get_by_role("button", name="Today").click()
    page.locator("table.hits tbody tr").filter(has_text=sent["id"]).get_by_role("link").click()

    page.wait_for_url(f"**{HERE}/{sent['id']}")
    summary = page.locator(".verdict")
    expect(summary).to_contain_text("Not delivered")
    expect(summary).to_contain_text("telco")
    story = page.locator("ol.steps")
    for words in ("Accepted from shop", "Put to telco", "telco took it", "telco says: not delivered"):
        expect(story).to_contain_text(words)
    expect(story).to_contain_text("Customer told: undelivered")
    expect(page.locator("main")).not_to_contain_text("34600000001")
    expect(page.locator("main")).not_to_contain_text("Your table is booked")
    phone_console.check()


def test_one_field_understands_whatever_support_was_told(
    browser_console: ConsoleBrowser, console_gateway: Gateway
) -> None:
    (message,) = console_gateway.get("/v1/sms?client_id=order-7")["entities"]
    carriers_id = console_gateway.message(message["id"])["parts"][0]["carrier_message_id"]
    page = browser_console.go(HERE)
    for told in ("+34 600 100 007", "34600100007", "0034600100007", "order-7", carriers_id):
        _search(page, told)
        expect(page.get_by_label("Find a message")).to_have_value(told)
        assert _hits(page) == [message["id"]], told
    _search(page, message["id"])
    page.wait_for_url(f"**{HERE}/{message['id']}")
    expect(page.locator(".verdict")).to_contain_text("Delivered")


def test_the_last_digits_find_every_message_to_such_numbers(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(HERE)
    _search(page, "100012")
    assert len(_hits(page)) == 1
    expect(page.locator("table.hits")).to_contain_text("+34•••••••12")
    expect(page.locator("table.hits")).not_to_contain_text("100012")
    browser_console.check()


def test_filters_and_picks_narrow_what_is_listed(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_webhooks: WebhookReceiver
) -> None:
    sent = console_gateway.send("+34600000003", client_id="filtered")
    console_webhooks.wait(sent, "delivered")
    page = browser_console.go(HERE)
    page.get_by_label("Status").select_option("scheduled")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.get_by_role("link", name="look without the filters")).to_be_visible()
    browser_console.check()
    page.get_by_label("Status").select_option("delivered")
    page.get_by_label("Account").select_option("shop")
    page.get_by_label("Carrier").select_option("telco")
    page.get_by_role("button", name="Last hour").click()
    expect(page.get_by_role("button", name="Last hour")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("table.hits")).to_contain_text("filtered")
    page.get_by_label("Lane").select_option("otp")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_label("Lane").select_option("transactional")
    page.get_by_role("button", name="Yesterday").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="Clear all").click()
    expect(page.get_by_role("heading", name="Latest messages")).to_be_visible()


def test_an_address_holds_no_more_than_was_filled_in(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(HERE)
    page.get_by_label("Find a message").fill("100012")
    page.get_by_role("button", name="Today").click()
    page.wait_for_url(re.compile(r"\?q=100012&when=today&zone=[^&]+$"))
    page.get_by_role("button", name="Last hour").click()
    page.wait_for_url(re.compile(r"\?q=100012&when=hour&zone=[^&]+$"))
    page.get_by_role("button", name="Any time").click()
    page.wait_for_url(f"**{HERE}?q=100012")


def test_a_message_leads_back_to_the_search_that_found_it(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(HERE)
    _search(page, "100013")
    page.locator("table.hits tbody a").click()
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Messages").click()
    page.wait_for_url(f"**{HERE}?q=100013")
    expect(page.get_by_role("heading", name="Messages to numbers that end in 100013")).to_be_visible()


def test_who_signs_in_next_is_not_led_to_what_was_searched_before(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit()
    page = visitor.sign_in(to=f"{HERE}?q=100016")
    page.locator("table.hits tbody a").click()
    back = page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Messages")
    expect(back).to_have_attribute("href", re.compile(rf"{HERE}\?q=100016$"))
    message = page.url.removeprefix(visitor.url)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    visitor.sign_in(to=message)
    expect(back).to_have_attribute("href", re.compile(rf"{HERE}$"))


def test_the_overview_finds_a_message_by_the_keyboard(phone_console: ConsoleBrowser) -> None:
    page = phone_console.go()
    page.get_by_label("Find a message").press_sequentially("100014")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{HERE}?q=100014")
    assert len(_hits(page)) == 1


def test_times_say_in_which_zone_they_are(visit: Callable[..., ConsoleBrowser]) -> None:
    visitor = visit(timezone_id="Europe/Madrid")
    page = visitor.sign_in(to=f"{HERE}?q=100015")
    expect(page.get_by_role("columnheader", name="Accepted (Madrid time)")).to_be_visible()
    expect(page.get_by_role("contentinfo")).to_have_text("Time zone: Europe/Madrid")
    page.locator("table.hits tbody a").click()
    expect(page.locator(".particulars time").first).to_have_text(re.compile(r":\d\d Madrid time$"))


def test_times_typed_in_and_sent_by_enter_count(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(f"{HERE}?when=today")
    page.get_by_text("From … to …").click()
    page.get_by_label("To", exact=True).fill("2020-01-01T00:00")
    page.get_by_label("To", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.get_by_label("To", exact=True)).to_have_value("2020-01-01T00:00")
    browser_console.check()


def test_pages_go_on_to_older_messages(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    console_gateway.send_bulk([{"to": f"+346009{n:05}", "text": "More"} for n in range(60)])
    page = browser_console.go(HERE)
    newest = _hits(page)
    assert len(newest) == 50
    browser_console.check()
    page.get_by_role("link", name="Older messages").click()
    page.wait_for_url("**cursor=cur_*")
    assert not set(newest) & set(_hits(page))


def test_what_is_not_found_is_said_in_words_with_what_to_try(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(HERE)
    for words in ("nobody-has-this", "+3460010", "<b>'\"&%_\\"):
        _search(page, words)
        expect(page.get_by_label("Find a message")).to_have_value(words)
        expect(page.locator(".nothing")).to_contain_text("type the last 4 to 6 digits")
    browser_console.check()


def test_an_id_that_was_not_copied_whole_is_said_to_be_none(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go(f"{HERE}?q=msg_01KAK5")
    expect(page.locator(".fault")).to_contain_text("was it copied whole?")
    expect(page.get_by_label("Find a message")).to_have_attribute("aria-invalid", "true")
    browser_console.check()


def test_a_message_that_waits_says_for_what_and_can_be_canceled(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_webhooks: WebhookReceiver
) -> None:
    sent = console_gateway.send("+34611000001", "Waits for its carrier")
    page = browser_console.go(f"{HERE}/{sent['id']}")
    expect(page.locator(".verdict")).to_contain_text("Waits")
    browser_console.check()
    _press(page, "Cancel it")
    expect(page.locator(".flash")).to_contain_text("Canceled")
    expect(page.locator(".verdict")).to_contain_text("canceled")
    expect(page.locator("ol.steps")).to_contain_text("anna canceled a message")
    console_webhooks.wait(sent, "canceled")
    expect(page.get_by_role("button", name="Cancel it")).to_have_count(0)


def test_saying_no_changes_nothing(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    sent = console_gateway.send("+34611000002", "Waits for its carrier")
    page = browser_console.go(f"{HERE}/{sent['id']}")
    page.get_by_role("button", name="Cancel it").click()
    page.locator("dialog[open]").get_by_role("button", name="No", exact=True).click()
    assert console_gateway.message(sent["id"])["status"] == "queued"


def test_its_webhook_is_told_again(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_webhooks: WebhookReceiver
) -> None:
    (message,) = console_gateway.get("/v1/sms?client_id=order-9")["entities"]
    before = len(_deliveries(console_webhooks, message["id"]))
    page = browser_console.go(f"{HERE}/{message['id']}")
    _press(page, "Send its webhooks again")
    expect(page.locator(".flash")).to_contain_text("told again")
    console_gateway.wait_for(lambda: len(_deliveries(console_webhooks, message["id"])) > before, "the second telling")
    expect(page.locator("ol.steps")).to_contain_text("anna told events again")


def _deliveries(receiver: WebhookReceiver, message: str) -> list[Any]:
    return [
        told for told in receiver.deliveries.all() if any(event.get("message_id") == message for event in told.events)
    ]


def _doubt(gateway: Gateway, simulator: Simulator) -> dict[str, Any]:
    """A message whose answer was lost."""
    simulator.set("swallow-share", "1")
    simulator.set("no-receipts")
    sent = gateway.send("+34612000002", "Is it there?")
    gateway.wait_for(lambda: _in_doubt(gateway, sent["id"]), "the doubt")
    simulator.set("swallow-share", "0")
    simulator.set("receipt-share", "1")
    return sent


def test_a_doubt_is_settled_by_what_the_carrier_says(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_simulator: Simulator
) -> None:
    for button, status in (
        ("The carrier has it", "sent"),
        ("Send it again", "delivered"),
        ("Leave it unknown", "unknown"),
    ):
        sent = _doubt(console_gateway, console_simulator)
        page = browser_console.go(f"{HERE}/{sent['id']}")
        expect(page.get_by_role("heading", name="In doubt: does the carrier have it?")).to_be_visible()
        if status == "sent":
            browser_console.check()
        _press(page, button, sure=status != "sent")
        expect(page.locator(".flash")).to_contain_text("Settled")
        expect(page.get_by_role("heading", name="In doubt: does the carrier have it?")).to_have_count(0)
        expect(page.locator("ol.steps")).to_contain_text("anna settled a doubt")
        console_gateway.wait_message(sent["id"], status=status)


def test_numbers_and_text_are_shown_once_asked_for_and_that_is_audited(
    browser_console: ConsoleBrowser, console_gateway: Gateway
) -> None:
    (message,) = console_gateway.get("/v1/sms?client_id=order-10")["entities"]
    page = browser_console.go(f"{HERE}/{message['id']}")
    expect(page.locator("main")).not_to_contain_text(message["to"])
    expect(page.locator("main")).not_to_contain_text("Hello 10")
    _press(page, "Show numbers and text")
    expect(page.locator("h1")).to_have_text(f"Message to {message['to']}")
    expect(page.locator(".particulars")).to_contain_text("Hello 10")
    expect(page.locator("pre.raw").first).to_contain_text("stat:DELIVRD")
    browser_console.check()
    page.get_by_role("link", name="Hide them again").click()
    expect(page.locator("main")).not_to_contain_text(message["to"])
    page.goto(f"{browser_console.url}/console/audit?what=reveal")
    first = page.locator("table.doings tbody tr").first
    expect(first).to_contain_text("anna")
    expect(first).to_contain_text("looked at numbers and text")
    first.get_by_role("link", name=message["id"]).click()
    page.wait_for_url(f"**{HERE}/{message['id']}")


def test_a_viewer_sees_the_story_and_can_do_nothing(viewer_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    (message,) = console_gateway.get("/v1/sms?client_id=order-11")["entities"]
    page = viewer_console.go(f"{HERE}/{message['id']}")
    expect(page.locator(".verdict")).to_contain_text("Delivered")
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    expect(page.locator("main")).not_to_contain_text(message["to"])
    viewer_console.check()


def test_a_viewers_forged_forms_are_refused(viewer_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    (message,) = console_gateway.get("/v1/sms?client_id=order-12")["entities"]
    viewer_console.go(f"{HERE}/{message['id']}")
    viewer_console.allowed = ("403",)
    for what in ("reveal", "cancel", "replay", "settle"):
        status = viewer_console.page.evaluate(
            """async (path) => {
              const csrf = document.querySelector('input[name="csrf"]').value;
              const answer = await fetch(path, {method: "POST", body: new URLSearchParams({csrf, outcome: "sent"})});
              return answer.status;
            }""",
            f"{HERE}/{message['id']}/{what}",
        )
        assert status == 403, what


def test_a_message_that_is_not_there_is_told_in_words(browser_console: ConsoleBrowser) -> None:
    browser_console.allowed = ("404",)
    page = browser_console.go(f"{HERE}/msg_{'0' * 26}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    browser_console.check()


def test_a_search_takes_a_keyboard_alone(visit: Callable[..., ConsoleBrowser], console_gateway: Gateway) -> None:
    visitor = visit("desktop")
    page = visitor.sign_in(to=HERE)
    page.get_by_label("Find a message").focus()
    page.keyboard.type("order-13")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=order-13"))
    page.locator("table.hits tbody a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{HERE}/msg_*")
