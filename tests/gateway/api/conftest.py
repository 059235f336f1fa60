"""The house of the API's tests (tests/support/houses.py), and a message to send through it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from houses import House, a_configuration, house_of


@pytest.fixture
def configuration() -> dict[str, Any]:
    return a_configuration()


@pytest.fixture
async def house(configuration: dict[str, Any], tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(configuration, tmp_path) as house:
        yield house


@pytest.fixture
def a_message() -> Callable[..., dict[str, Any]]:
    def message(**changes: Any) -> dict[str, Any]:
        return {"to": "+34600000001", "text": "Your code is 1234", **changes}

    return message
