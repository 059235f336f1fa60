"""A campaign's JSON body, looked through in turns: the same as Python reads, and every fault with its place."""

import json
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.campaigns.bodies import CampaignBody
from gateway.api.problems import Problem


async def read(body: bytes, most: int = 100_000) -> tuple[dict[str, Any], list[Any]]:
    campaign = CampaignBody(bytearray(body))
    await campaign.look_through(most)
    return campaign.definition, [one async for some in campaign.recipients() for one in some]


def problem_of(body: bytes, most: int = 100_000) -> Problem:
    with pytest.raises(Problem) as found:
        trio.run(read, body, most)
    return found.value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)
SPACES = st.sampled_from([None, 1])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=6).filter(lambda name: name != "recipients"), VALUES, max_size=4),
       st.lists(VALUES, max_size=300), SPACES, st.booleans())  # fmt: skip
def test_whatever_is_json_is_read_as_python_reads_it(
    members: dict[str, Any], recipients: list[Any], indent: int | None, at_the_end: bool
) -> None:
    both = {**members, "recipients": recipients} if at_the_end else {"recipients": recipients, **members}
    body = json.dumps(both, indent=indent).encode()
    assert trio.run(read, body) == (json.loads(json.dumps(members)), recipients)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    {
        "nothing": (b"", "invalid_json", "empty"),
        "blanks": (b" \n" * 50_000, "invalid_json", "empty"),
        "an array": (b'[{"phone": "1"}]', "not_an_object", "object"),
        "a number": (b"12", "invalid_json", "Line 1, column 1"),
        "no end": (b'{"recipients": [{"phone": "1"},', "invalid_json", "ends too early"),
        "half a string": (b'{"recipients": ["1', "invalid_json", "ends too early"),
        "two commas": (b'{"recipients": ["1",,"2"]}', "invalid_json", "Line 1, column 21"),
        "a comma at the end": (b'{"recipients": ["1","2",]}', "invalid_json", "Line 1, column 25"),
        "a comma behind the last member": (b'{"recipients": ["1"],}', "invalid_json", "Line 1, column 22"),
        "no colon": (b'{\n"recipients" ["1"]}', "invalid_json", "Line 2, column 1"),
        "something behind": (b'{"recipients": ["1"]} x', "invalid_json", "the end of the body"),
        "recipients twice": (b'{"recipients": ["1"], "recipients": ["2"]}', "invalid_json", '"recipients" twice'),
        "a member twice": (b'{"tag": "a", "recipients": ["1"], "tag": "b"}', "invalid_json", '"tag" twice'),
        "a field twice": (b'{"recipients": ["1", {"a": 1, "a": 2}]}', "invalid_json", "recipients[1]"),
        "no JSON in one": (b'{"recipients": ["1", {"a": tru}]}', "invalid_json", "recipients[1]"),
        "a bare word": (b'{"recipients": ["1", yes]}', "invalid_json", "recipients[1]"),
        "octets that are no UTF-8": (b'{"recipients": ["1", "\xff"]}', "invalid_json", "recipients[1]"),
        "a control character": (b'{"recipients": ["1\n"]}', "invalid_json", "recipients[0]"),
        "deep arrays": (b'{"recipients": [' + b"[" * 100_000, "invalid_json", "nested too deep"),
        "deep braces": (b'{"a":' * 100_000, "invalid_json", "nested too deep"),
        "an endless number": (b'{"recipients": [' + b"9" * 50_000 + b"]}", "invalid_json", "too many digits"),
        "a recipient of 1 MB": (b'{"recipients": ["1","' + b"x" * 10**6 + b'"]}', "body_too_large", "recipients[1]"),
        "a text of 1 MB": (b'{"message": "' + b"x" * 1_000_000 + b'"}', "body_too_large", "All but"),
        "a closing bracket": (b'{"recipients": ["1"}]', "invalid_json", "Line 1, column 20"),
    }.values(),
)  # fmt: skip
def test_what_is_no_campaign_is_a_problem_that_says_where(body: bytes, code: str, words: str) -> None:
    problem = problem_of(body)
    assert problem.kind.code == code
    assert words in problem.detail
    assert len(problem.detail) < 300


def test_more_recipients_than_may_be_are_told_before_any_is_kept() -> None:
    assert problem_of(json.dumps({"recipients": ["1"] * 101}).encode(), 100).kind.code == "too_many_recipients"
    assert len(trio.run(read, json.dumps({"recipients": ["1"] * 100}).encode(), 100)[1]) == 100


class Octets(trio.abc.Instrument):
    """How many turns a task takes."""

    def __init__(self) -> None:
        self.turns = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.turns += 1


@pytest.mark.parametrize(
    "recipients",
    [[{"phone": "+34600000001", "first_name": "Alice"}] * 20_000, ["+34600000001"] * 50_000, [{"a": [1]}] * 20_000],
    ids=["objects", "numbers", "nested"],
)
async def test_others_are_served_while_a_body_is_looked_through(recipients: list[Any]) -> None:
    body = json.dumps({"recipients": recipients}).encode()
    counted = Octets()
    trio.lowlevel.add_instrument(counted)
    try:
        await read(body)
    finally:
        trio.lowlevel.remove_instrument(counted)
    assert counted.turns >= len(recipients) / 100
