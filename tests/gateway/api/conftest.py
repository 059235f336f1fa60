"""The house of the API's tests (tests/support/houses.py), and a message to send through it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from houses import House, a_configuration, house_of
from lean_callers import LeanCaller

SUBMITTING = frozenset(
    f"test_{name}"
    for name in (
        "account_limits",
        "direct",
        "draining",
        "duplicates",
        "hostile_bodies",
        "schedules",
        "submissions",
        "templates",
        "tokens",
    )
)
"""Modules whose tests of the calls that send run on both kinds of listeners."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`house` on the front, and on the lean listener."""
    if "house" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in SUBMITTING:
        metafunc.parametrize("listener", ["front", "lean"], indirect=True)


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "front"))


@pytest.fixture
def configuration() -> dict[str, Any]:
    return a_configuration()


@pytest.fixture
async def house(configuration: dict[str, Any], tmp_path: Path, listener: str) -> AsyncIterator[House]:
    async with house_of(configuration, tmp_path) as house:
        house.caller = LeanCaller if listener == "lean" else None
        yield house


@pytest.fixture
def a_message() -> Callable[..., dict[str, Any]]:
    def message(**changes: Any) -> dict[str, Any]:
        return {"to": "+34600000001", "text": "Your code is 1234", **changes}

    return message
