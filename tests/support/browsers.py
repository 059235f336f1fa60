"""A real browser that looks at the console: headless Chromium by Playwright, and axe-core for who can't see it.

What a page does amiss is kept and fails the test in the end: errors on its console, violations of its
Content-Security-Policy, requests to anywhere else.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from daemons import OPERATOR_TOKEN, sha256
from needs import need
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

VIEWER_TOKEN = "viewer_token_of_the_tests"
TOKENS = [
    {"sha256": sha256(OPERATOR_TOKEN), "name": "anna"},
    {"sha256": sha256(VIEWER_TOKEN), "name": "victor", "role": "viewer"},
]
"""Of a gateway's `operator` section."""
WIDTHS = {"desktop": (1280, 900), "phone": (360, 740)}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000
_AXE = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


def chromium() -> Path:
    """The system's, rather without windows, at half the cost. Without any a test is skipped or fails (needs.py)."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return need(
        "Chromium",
        lambda: next((Path(found) for name in names if (found := shutil.which(name))), None),
        install="run .ci/install-peers",
    )


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser while the block lasts."""
    path = chromium()
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS), env={**os.environ})
        try:
            yield browser
        finally:
            browser.close()


class ConsoleBrowser:
    """One visitor of a console, with one page open at a time. A new one costs the browser a window, a page a tab."""

    page: Page

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        """Of the operators' listener."""
        self.width = "desktop"
        """A key of WIDTHS."""
        self.faults: list[str] = []
        """What pages did amiss."""
        self.allowed: tuple[str, ...] = ()
        """Words of console errors that the test is about, such as `403`."""
        self.context = context
        context.add_init_script(_VIOLATIONS)
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", self._requested)
        context.on("console", self._said)

    @contextmanager
    def opened(self, width: str = "desktop") -> Iterator[Self]:
        """With a new page; in the end nothing may have been done amiss."""
        self.width, self.allowed = width, ()
        self.faults.clear()
        self.page = self.context.new_page()
        try:
            self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
            self._widen(width)
            yield self
            self.look()
        finally:
            self.page.close()

    def go(self, path: str = "/console") -> Page:
        """Open a page of the console."""
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, token: str = OPERATOR_TOKEN, *, to: str = "/console") -> Page:
        """By the form, as people do."""
        self.go(to)
        self.page.get_by_label("Operator token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.url + to)
        return self.page

    def check(self) -> None:
        """Fails with what pages did amiss so far, and what the open one shows amiss at a desk and on a phone: what axe
        finds serious, what does not fit."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        for width in sorted(WIDTHS, key=self.width.__eq__):
            self._widen(width)
            self._check_width()
        self.look()

    def _widen(self, width: str) -> None:
        across, down = WIDTHS[width]
        self.page.set_viewport_size({"width": across, "height": down})

    def _check_width(self) -> None:
        inner, outer = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert inner <= outer, f"the page is {inner} wide in a window of {outer}"
        told = [
            f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:300]}"
            for one in self.page.evaluate(_AXE)
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        assert not told, "\n".join([f"{outer} wide:", *told])

    def look(self) -> None:
        """Fails with what pages did amiss so far."""
        violations: list[Any] = self.page.evaluate("window.violations || []")
        self.faults += [f"policy: {words}" for words in violations]
        self.page.evaluate("window.violations = []")
        assert not self.faults, "\n".join(self.faults)

    def shot(self, path: Path, *, dark: bool = False, whole: bool = True) -> None:
        """A picture of the page, or of what the window shows of it."""
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.page.screenshot(path=path, full_page=whole)

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url)[:2] != urlsplit(self.url)[:2] and not request.url.startswith(("data:", "about:")):
            self.faults.append(f"a request elsewhere: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in self.allowed):
            self.faults.append(f"console: {message.text}")


@contextmanager
def visiting(browser: Browser, url: str, width: str = "desktop", **options: Any) -> Iterator[ConsoleBrowser]:
    """A visitor of the console at this URL, not signed in."""
    with _window(browser, url, **options) as visitor, visitor.opened(width):
        yield visitor


@contextmanager
def signed_in(browser: Browser, url: str, token: str) -> Iterator[ConsoleBrowser]:
    """One who is signed in with this token, with no page open yet."""
    with _window(browser, url) as visitor:
        with visitor.opened():
            visitor.sign_in(token, to="/console/audit")
        yield visitor


@contextmanager
def _window(browser: Browser, url: str, **options: Any) -> Iterator[ConsoleBrowser]:
    context = browser.new_context(locale="en-GB", **options)
    try:
        yield ConsoleBrowser(context, url)
    finally:
        context.close()
