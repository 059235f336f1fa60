"""The webhooks' pages in a browser: which endpoint is sick, taking it back into service, telling its events again."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsers import ConsoleBrowser
from callers import Caller
from daemons import Gateway
from playwright.sync_api import Locator, Page, expect
from webhook_receivers import WebhookReceiver


def endpoint(gateway: Gateway, url: str) -> dict[str, Any]:
    return next(one for one in gateway.operator.get("/admin/endpoints")["entities"] if one["url"] == url)


def row(page: Page, url: str) -> Locator:
    return page.locator("tbody tr").filter(has=page.get_by_text(url, exact=True))


def open_own(visitor: ConsoleBrowser, url: str) -> Page:
    """The page of this endpoint, by the list."""
    page = visitor.go("/console/webhooks")
    row(page, url).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook of shop")
    return page


@pytest.fixture
def disabled(console_gateway: Gateway, console_webhooks: WebhookReceiver) -> Iterator[dict[str, Any]]:
    """A message whose end nobody was told of, as the endpoint said 410 to what came before it."""
    console_webhooks.answer = lambda events: 410
    message = console_gateway.send("+34600500001")
    console_gateway.wait_for(lambda: not endpoint(console_gateway, console_webhooks.url)["enabled"], "it disabled")
    console_webhooks.answer = lambda events: 204
    yield message
    assert console_gateway.call("POST", "/v1/webhook/enable").status == 200


def test_an_endpoint_that_is_well_shows_its_figures(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_webhooks: WebhookReceiver
) -> None:
    console_webhooks.wait(console_gateway.send("+34600500004"), "delivered")
    page = browser_console.go("/console/webhooks")
    expect(row(page, console_webhooks.url).locator(".badge")).to_have_text("well")
    browser_console.check()
    open_own(browser_console, console_webhooks.url)
    expect(page.locator(".tiles")).to_contain_text("Waiting")
    expect(page.locator("tbody tr").first).to_contain_text("message.delivered")
    browser_console.check()


def test_one_that_said_gone_is_taken_back_into_service(
    browser_console: ConsoleBrowser,
    console_gateway: Gateway,
    console_webhooks: WebhookReceiver,
    disabled: dict[str, Any],
) -> None:
    page = browser_console.go("/console/webhooks")
    expect(page.locator("tbody tr .badge").first).to_have_text("disabled")
    browser_console.check()
    row(page, console_webhooks.url).get_by_role("button", name="Enable").click()
    expect(page.get_by_role("status")).to_contain_text("back in service")
    console_webhooks.wait(disabled, "delivered")
    assert endpoint(console_gateway, console_webhooks.url)["enabled"]
    done = console_gateway.operator.get("/admin/audit?limit=1")["entities"][0]
    assert (done["who"], done["what"]) == ("operator:anna", "enable_endpoint")


def test_one_event_is_told_again(browser_console: ConsoleBrowser, console_webhooks: WebhookReceiver) -> None:
    page = open_own(browser_console, console_webhooks.url)
    event = page.locator("tbody tr").first
    event_id = event.locator("code").inner_text()
    before = len(console_webhooks.deliveries.all(lambda told: told.events[0]["id"] == event_id))
    event.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_have_text("1 event is told again.")
    console_webhooks.deliveries.wait_for(before + 1, lambda told: told.events[0]["id"] == event_id)


def test_events_of_a_range_are_told_again(browser_console: ConsoleBrowser, console_webhooks: WebhookReceiver) -> None:
    page = open_own(browser_console, console_webhooks.url)
    page.get_by_text("Replay…").click()
    browser_console.check()
    asked = page.locator("details[open]")
    asked.get_by_label("From (UTC)").fill("2020-01-01T00:00")
    asked.get_by_label("Until (UTC)").fill("2020-01-02T00:00")
    asked.get_by_label("told ones too").check()
    asked.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_contain_text("No event is told again")
    page.get_by_text("Replay…").click()
    asked.get_by_label("From (UTC)").fill("2020-01-01T00:00")
    asked.get_by_label("told ones too").check()
    asked.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_role("status")).to_contain_text("events are told again.")


def test_the_outbox_is_filtered(browser_console: ConsoleBrowser, console_webhooks: WebhookReceiver) -> None:
    page = open_own(browser_console, console_webhooks.url)
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("No event like that.")
    page.get_by_label("Status").select_option("")
    page.get_by_label("Type").fill("message.sent")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody th").first).to_contain_text("message.sent")
    page.get_by_label("Message").fill("<b>nonsense")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("No event like that.")
    browser_console.check()


def test_a_hostile_address_shows_as_text(
    browser_console: ConsoleBrowser, console_gateway: Gateway, console_webhooks: WebhookReceiver, hostile_webhook: str
) -> None:
    message = Caller(console_gateway.url, "other").send("+34600500003")
    console_webhooks.wait(message, "delivered")
    page = browser_console.go("/console/webhooks")
    expect(row(page, hostile_webhook).locator(".url")).to_have_text(hostile_webhook)
    row(page, hostile_webhook).get_by_role("link").click()
    expect(page.locator("p.url")).to_have_text(hostile_webhook)
    assert page.locator("main img, main b").count() == 0
    browser_console.check()


def test_a_viewer_sees_endpoints_and_no_button(
    viewer_console: ConsoleBrowser, console_webhooks: WebhookReceiver
) -> None:
    page = viewer_console.go("/console/webhooks")
    assert page.locator("main button").count() == 0
    row(page, console_webhooks.url).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Webhook of shop")
    assert page.locator("main form[method=post], main details").count() == 0
    viewer_console.check()
