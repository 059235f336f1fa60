"""The held queue's page in a browser: what a restored store holds, letting some of it go, and ending the rest.

One restored gateway for all: those who look come first.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import TOKENS, ConsoleBrowser
from daemons import Gateway, account, carrier, configuration, environment, running
from playwright.sync_api import Page, expect
from simulators import Simulator, simulating
from sluice_processes import sluice_process

HOSTILE = "<script>alert(1)</script> \"'><img src=x onerror=alert(1)>"


def command(folder: Path, *arguments: str | Path) -> None:
    """A `sluice` command that must do what it is told to, with the configuration in this folder."""
    given = [*arguments, "--config", folder / "sluice.toml"]
    process = sluice_process(given, folder=folder, environment=environment())
    assert process.wait(60) == 0, process.errors.all()


def settings_of(folder: Path, port: int) -> dict[str, Any]:
    return configuration(
        folder,
        carriers={"telco": carrier(port)},
        operator={"listen": ["127.0.0.1:0"], "tokens": TOKENS},
        accounts={"shop": account(senders=["*"])},
    )


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a gateway whose carrier was down: three one-time codes, two other messages and a campaign wait."""
    folder = tmp_path_factory.mktemp("before")
    with running(folder, settings_of(folder, 1)) as gateway:
        for n in range(3):
            gateway.send(f"+3460080000{n}", lane="otp", validity=86_400)
        for n in range(2):
            gateway.send(f"+3460080001{n}", **{"from": "<b>SHOP</b>"})
        asked = {"campaign_name": HOSTILE, "message": "Hello", "recipients": ["+34600800021"]}
        assert gateway.call("POST", "/v1/campaigns/sms", {**asked, "schedule": "2027-05-24T09:00:00Z"}).status == 202
    command(folder, "backup", "--to", folder / "backup.db")
    return folder / "backup.db"


@pytest.fixture(scope="module")
def console_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulating(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def console_gateway(
    backup: Path, tmp_path_factory: pytest.TempPathFactory, console_simulator: Simulator
) -> Iterator[Gateway]:
    """Started on what was restored from it."""
    folder = tmp_path_factory.mktemp("after")
    settings = settings_of(folder, console_simulator.port)
    Gateway(folder, settings).write()
    command(folder, "restore", backup)
    with running(folder, settings) as gateway:
        gateway.wait_able("telco")
        yield gateway


def statuses(gateway: Gateway, lane: str) -> list[str]:
    return [one["status"] for one in gateway.get(f"/v1/sms?lane={lane}")["entities"]]


def held(gateway: Gateway) -> dict[str, Any] | None:
    found: dict[str, Any] | None = gateway.operator.get("/admin/held")["held"]
    return found


def do(page: Page, lane: str, what: str) -> None:
    """Release or end the group of a lane, and say yes."""
    page.locator("tbody tr").filter(has_text=lane).get_by_role("button", name=what).click()
    page.get_by_role("dialog").get_by_role("button", name=what).click()


def test_what_a_restart_would_send_again_is_shown_by_groups(browser_console: ConsoleBrowser) -> None:
    page = browser_console.go("/console/held")
    expect(page.get_by_role("heading", name="5 messages held")).to_be_visible()
    expect(page.locator(".why.warn")).to_contain_text("backup.db")
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    assert page.locator("main script, main img").count() == 0
    browser_console.check()
    page.get_by_role("link", name="of shop, transactional").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("+34•••••••1")
    expect(page.locator("tbody tr").first).to_contain_text("<b>SHOP</b>")
    assert "346008000" not in page.content()
    browser_console.check()


def test_all_that_would_go_out_is_told_before_it_does(
    browser_console: ConsoleBrowser, console_gateway: Gateway
) -> None:
    page = browser_console.go("/console/held")
    page.get_by_role("button", name="Release all").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("everything: 5 messages, 1 campaign and")
    expect(dialog).to_contain_text("A SECOND TIME")
    browser_console.check()
    dialog.get_by_role("button", name="No").click()
    assert held(console_gateway) is not None


def test_a_viewer_sees_what_is_held_and_no_button(viewer_console: ConsoleBrowser) -> None:
    page = viewer_console.go("/console/held")
    expect(page.get_by_role("heading", name="5 messages held")).to_be_visible()
    assert page.locator("main button, main form").count() == 0
    viewer_console.check()


def test_one_group_is_released_and_another_ended(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = browser_console.go("/console/held")
    page.locator("tbody tr").filter(has_text="otp").get_by_role("button", name="End").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("End 3 messages (shop, otp, rest, queued)? Messages are never sent")
    browser_console.check()
    dialog.get_by_role("button", name="No").click()
    assert statuses(console_gateway, "otp") == ["queued"] * 3
    do(page, "otp", "End")
    expect(page.get_by_role("status")).to_have_text("3 are ended and never sent.")
    console_gateway.wait_for(lambda: statuses(console_gateway, "otp") == ["unknown"] * 3, "the codes ended")
    do(page, "transactional", "Release")
    expect(page.get_by_role("status")).to_contain_text("2 released")
    console_gateway.wait_for(lambda: statuses(console_gateway, "transactional") == ["delivered"] * 2, "the rest sent")


def test_all_is_released_at_once(browser_console: ConsoleBrowser, console_gateway: Gateway) -> None:
    page = browser_console.go("/console/held")
    page.get_by_role("button", name="Release all").click()
    page.get_by_role("dialog").get_by_role("button", name="Release all").click()
    expect(page.get_by_role("status")).to_contain_text("released")
    console_gateway.wait_for(lambda: held(console_gateway) is None, "nothing held")
    page.reload()
    expect(page.locator("main")).to_contain_text("Nothing is held.")
    browser_console.check()
