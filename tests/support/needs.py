"""Parts that a machine may lack: a test that needs one is skipped and names it, or fails where none may be absent."""

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

REQUIRE_ALL = "SLUICE_TESTS_REQUIRE_ALL"
"""Set to 1 where every part has to be there, as in continuous integration."""


def need(what: str, find: Callable[[], T | None], *, install: str) -> T:
    """What `find` finds. Otherwise the test is skipped, or fails if REQUIRE_ALL is set; `install` says what to do."""
    found = find()
    if found is not None:
        return found
    reason = f"{what} is absent; {install}"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL}=1 allows nothing to be absent)", pytrace=False)
    pytest.skip(reason)
