"""docs/security.md lists each limit that holds callers, with the value that it has."""

from dataclasses import fields
from pathlib import Path

import pytest

from gateway.api import app, bodies, large_bodies
from gateway.api.base import bare_app
from gateway.identifiers import Identifiers
from gateway.serving import server as serving
from gateway.serving import waits
from gateway.serving.waits import Patience
from gateway.settings import Settings
from gateway.simulator import connection

PAGES = Path(__file__).parents[3] / "docs"
PAGE = (PAGES / "security.md").read_text()
WAITS = Patience()
KIB = 1024


def seconds(value: float) -> str:
    return f"{value:g} s"


def the_limits() -> dict[str, list[str]]:
    """What each row of the table has to say."""
    body_limit = Settings.model_fields["http"].annotation.model_fields["body_limit"].default  # type: ignore[union-attr]
    body_seconds = bare_app("any", Identifiers(), 1).config["BODY_TIMEOUT"]
    return {
        "HTTP connections": [
            f"{serving.MOST_CONNECTIONS:,} for callers",
            f"{serving.MOST_OPERATOR_CONNECTIONS} for operators",
            f"{serving.OTHER_FILES} are left",
        ],
        "above that": [f"for {seconds(WAITS.settle)} at least", f"{serving.MOST_REFUSALS} at a time"],
        "the head of a request": [f"{waits.MOST_HEAD // KIB} KiB", seconds(WAITS.head)],
        "a body": [f"{body_limit // KIB // KIB} MiB", seconds(body_seconds)],
        "a connection without a request": [seconds(WAITS.idle)],
        "an answer that is not taken": [
            f"{seconds(WAITS.send)} for a piece",
            f"{seconds(WAITS.linger)} for the caller",
        ],
        "at a stop": [
            f"{seconds(serving.STOP_LIMIT_SECONDS)} for requests",
            f"{seconds(WAITS.first)} for the first",
            f"{seconds(WAITS.next)} for the next",
        ],
        f"large bodies (from {bodies.LARGE_BODY // KIB} KiB) worked on at a time": [str(app.BULK_SLOTS)],
        "JSON": [f"{large_bodies.MOST_DIGITS:,} digits", f"{large_bodies.MOST_DEPTH:,} arrays and objects"],
        "values in a body": [
            f"{large_bodies.LEAST_VALUES:,}", f"{large_bodies.VALUES_PER_MESSAGE} for each of `limits.bulk_items`",
        ],
    }  # fmt: skip


@pytest.mark.parametrize(("what", "values"), the_limits().items(), ids=the_limits())
def test_the_page_tells_each_limit_as_it_is(what: str, values: list[str]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {what} |")]
    assert [value for value in values if value not in row] == []


def test_no_patience_is_left_out() -> None:
    """A new one belongs into the table, and into the test above."""
    assert {field.name for field in fields(Patience)} == {"head", "idle", "settle", "send", "linger", "first", "next"}


def test_the_simulator_s_page_tells_its_bounds() -> None:
    page = (PAGES / "simulator.md").read_text()
    assert f"for {seconds(connection.WRITE_PATIENCE_SECONDS)}, and one with\n{connection.MOST_ANSWERS:,}" in page
