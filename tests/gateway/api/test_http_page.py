"""docs/http.md tells every call, every problem and every field as they are."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.api.operations import OPERATIONS
from gateway.api.problems import TYPES, ProblemType
from gateway.api.schemas import NewMessage, What
from gateway.rules.faults import FaultCode

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text()


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_each_problem_stands_in_the_table_with_its_words(kind: ProblemType) -> None:
    retry = "yes" if kind.retryable else "no"
    line = f"| {kind.status} | `{kind.code}` | {kind.explanation} | {retry} |"
    assert line in PAGE


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_each_path_is_told(path: str) -> None:
    assert path in PAGE


def test_each_field_of_a_message_is_told() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(NewMessage)]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("what", What)
def test_each_step_of_the_timeline_is_told(what: What) -> None:
    assert f"`{what}`" in PAGE


def test_each_code_of_a_field_is_told() -> None:
    assert [code.value for code in FaultCode if f"`{code.value}`" not in PAGE] == []


def test_each_example_in_json_is_json() -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        assert json.loads(example)


def test_each_python_example_compiles() -> None:
    for example in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        compile(example, "docs/http.md", "exec")


async def test_each_call_of_operators_stands_in_their_table(house: Any) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /admin/[^`]*)` \|", re.sub(r"\{\w+\}", "{}", PAGE), re.MULTILINE))
    rules = [rule for rule in house.operator_app.url_map.iter_rules() if rule.rule.startswith("/admin/")]
    calls = {
        f"{method} {re.sub('<[^>]+>', '{}', rule.rule)}"
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert calls
    assert calls - told == set()
