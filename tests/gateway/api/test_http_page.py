"""docs/http.md and the pages in docs/http tell every call and every field as they are, each call in three languages."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from page_examples import EVERYTHING, INDEX, PAGES, blocks, calls

from gateway.api.description.operations import OPERATIONS
from gateway.api.description.schemas import NewMessage, What
from gateway.rules.faults import FaultCode

ANY = re.compile(r"\{\w*\}")


def made(language: str) -> set[tuple[str, str]]:
    """The operations that the examples call."""
    found = set().union(*(calls(page, language) for page in PAGES.values()))
    return {
        (operation.method, operation.path)
        for operation in OPERATIONS
        for method, path in found
        if method == operation.method
        and re.fullmatch(ANY.sub("[^/]+", operation.path), path)
        # A word such as `import` is no number.
        and not (operation.path != path and any((method, path) == (one.method, one.path) for one in OPERATIONS))
    }


@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_each_call_has_an_example_in_each_language(language: str) -> None:
    assert {(operation.method, operation.path) for operation in OPERATIONS} - made(language) == set()


@pytest.mark.parametrize("page", [INDEX, *PAGES.values()], ids=lambda page: page.stem)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).is_file(), link


def test_the_index_names_each_page() -> None:
    index = INDEX.read_text("utf-8")
    assert [name for name in PAGES if f"(http/{name}.md)" not in index] == []


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_each_path_is_told(path: str) -> None:
    assert path in EVERYTHING


def test_each_field_of_a_message_is_told() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(NewMessage)]
    assert [name for name in names if f"`{name}`" not in EVERYTHING] == []


@pytest.mark.parametrize("what", What)
def test_each_step_of_the_timeline_is_told(what: What) -> None:
    assert f"`{what}`" in EVERYTHING


def test_each_code_of_a_field_is_told() -> None:
    assert [code.value for code in FaultCode if f"`{code.value}`" not in EVERYTHING] == []


def test_each_example_in_json_is_json() -> None:
    examples = [example for page in PAGES.values() for example in blocks(page, "json")]
    assert len(examples) >= 4
    for example in examples:
        assert json.loads(example)


async def test_each_call_of_operators_stands_in_their_table(house: Any) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /admin/[^`]*)` \|", re.sub(r"\{\w+\}", "{}", EVERYTHING), re.MULTILINE))
    rules = [rule for rule in house.operator_app.url_map.iter_rules() if rule.rule.startswith("/admin/")]
    calls = {
        f"{method} {re.sub('<[^>]+>', '{}', rule.rule)}"
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert calls
    assert calls - told == set()
