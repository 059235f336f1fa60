"""The console's frame over pages of the tests' own, with two operators: `anna` may act, `victor` may look.

A file that is about pages of the console gives them by a fixture `pages` of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from console_callers import OPERATOR, ConsoleCaller
from daemons import sha256
from quart import Response

from gateway.api.base import App, bare_app
from gateway.console.app import Console
from gateway.console.frame import Frame, Notice, Pages, Route, visitor
from gateway.desk.operators import Operators
from gateway.identifiers import Identifiers
from gateway.settings import Settings

VIEWER = "viewer-token-of-tests"


class Things:
    """Pages of the tests."""

    def __init__(self) -> None:
        self.console: Any = None
        self.done: list[tuple[str, str, dict[str, str]]] = []
        self.fault: Exception | None = None

    def routes(self) -> list[Route]:
        return [
            Route("GET", "", self.look),
            Route("GET", "/things", self.look),
            Route("POST", "/things/<name>", self.act, acts=True),
        ]

    async def look(self) -> Response:
        if self.fault is not None:
            raise self.fault
        page: Response = self.console.frame.page("things.html", title="<i>Things", active="held", words="<b>&words")
        return page

    async def act(self, name: str) -> Response:
        self.done.append((visitor().by().who, name, await self.console.frame.form()))
        answer: Response = self.console.frame.done("/console/things", f"Done to {name}.")
        return answer


@dataclass
class Stage:
    """The operators' app with a console of the tests' pages."""

    app: App
    console: Console
    things: Things
    notices: list[Notice]

    def caller(self, address: str = "203.0.113.9") -> ConsoleCaller:
        return ConsoleCaller(self.app, address)

    def notice(self, words: str, href: str) -> Notice:
        return Notice(words, href)

    def reload(self, *tokens: dict[str, Any]) -> None:
        """Other tokens are in force."""
        settings = _settings(list(tokens))
        for part in self.app.parts:
            part(settings)


ANNA = {"sha256": sha256(OPERATOR), "name": "anna"}
VICTOR = {"sha256": sha256(VIEWER), "name": "victor", "role": "viewer"}


def _settings(tokens: list[dict[str, Any]]) -> Settings:
    return Settings.model_validate(
        {
            "carriers": {"telco": {"hosts": ["localhost:2775"], "system_id": "acme", "password": "secret"}},
            "routes": [{"name": "rest", "tiers": ["telco"]}],
            "accounts": {"shop": {"tokens": [{"sha256": sha256("shop")}]}},
            "operator": {"tokens": tokens},
            "http": {"trusted_proxies": ["10.0.0.0/8"]},
        }
    )


@pytest.fixture
def pages() -> Callable[[Frame, Settings], Pages] | None:
    """What else the console has."""
    return None


@pytest.fixture
async def stage(pages: Callable[[Frame, Settings], Pages] | None) -> Stage:
    settings = _settings([ANNA, VICTOR])
    app = bare_app("sluice-operator", Identifiers(0), 64 * 1024, is_operators=True)
    operators, things, notices = Operators(settings), Things(), list[Notice]()
    app.parts.append(operators.reconfigure)
    console = Console(app, settings, operators, lambda: notices)
    console.templates.add(
        "things.html",
        '{% extends "layout.html" %}{% import "parts.html" as parts with context %}{% block main %}<p>{{ words }}</p>'
        '{{ parts.action("/console/things/one", "Do", danger=true, confirm="Sure?") }}'
        '{{ parts.status("in_doubt") }}{{ parts.when("2026-11-22T18:04:05.123Z") }}{{ parts.when(none) }}'
        '{{ parts.pager("cur_1", {"q": "<x>"}) }}{% endblock %}',
    )
    things.console = console
    console.add([things] if pages is None else [things, pages(console.frame, settings)])
    return Stage(app, console, things, notices)


@pytest.fixture
async def operator(stage: Stage) -> ConsoleCaller:
    """Signed in, and may act."""
    caller = stage.caller()
    await caller.sign_in()
    await caller.get("/console/things")
    return caller


@pytest.fixture
async def viewer(stage: Stage) -> ConsoleCaller:
    """Signed in, and may look."""
    caller = stage.caller()
    await caller.sign_in(VIEWER)
    await caller.get("/console/things")
    return caller
