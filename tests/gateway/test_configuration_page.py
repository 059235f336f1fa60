"""docs/configuration.md is what the settings say of themselves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.configuration_page import page
from gateway.settings import Settings
from gateway.settings.problems import section_in
from gateway.settings.types import Section

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for field in section.model_fields.values():
        if (inner := section_in(field.annotation)) is not None:
            yield from sections(inner)


def test_the_page_is_as_the_settings_are() -> None:
    assert PAGE.read_text() == page(), "run: python -m gateway.cli.configuration_page > docs/configuration.md"


@pytest.mark.parametrize("section", list(sections(Settings)), ids=lambda section: section.__name__)
def test_every_key_is_described_and_every_section_too(section: type[Section]) -> None:
    assert section.__doc__
    undescribed = [
        key
        for key, field in section.model_fields.items()
        if not field.description and section_in(field.annotation) is None
    ]
    assert undescribed == []


def test_every_key_has_its_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", page(), re.MULTILINE))
    keys = {key for section in sections(Settings) if section is not Settings for key in section.model_fields}
    assert keys <= rows


def test_every_row_has_four_cells() -> None:
    rows = [
        line
        for line in page().splitlines()
        if line.startswith("| `") and not line.startswith(("| `otp`", "| `trans", "| `promo"))
    ]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
