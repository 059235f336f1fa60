"""docs/problems has a page for each problem, with its cause, what to do and an example, and no other page."""

from pathlib import Path

import pytest

from gateway.api.description.problem_causes import CAUSES
from gateway.api.description.problem_examples import PROBLEM_EXAMPLES
from gateway.api.problem_types import TYPES
from gateway.cli.problem_pages import pages

FOLDER = Path(__file__).parents[2] / "docs" / "problems"


def test_each_type_has_a_cause_and_an_example() -> None:
    assert set(CAUSES) == set(PROBLEM_EXAMPLES) == set(TYPES)


@pytest.mark.parametrize("name", pages())
def test_each_page_is_as_its_type_is(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == pages()[name], "run: python -m gateway.cli.problem_pages docs/problems"


def test_there_is_no_page_of_a_type_that_is_gone() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(pages())


@pytest.mark.parametrize("slug", TYPES)
def test_each_page_has_a_cause_a_remedy_and_an_example(slug: str) -> None:
    page = pages()[f"{slug}.md"]
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## Cause", "## What to do", "## Example"]
    assert f'"type": "/problems/{slug}"' in page
