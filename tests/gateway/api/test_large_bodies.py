"""A large body is read as any other; one that would take long is refused, and only such a one."""

import json
from functools import partial
from inspect import isawaitable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api.bodies import decode
from gateway.api.large_bodies import LEAST_VALUES, MOST_DEPTH, MOST_DIGITS, decode_in_turns
from gateway.api.problems import Problem

ITEMS = 500
COMMAS = "," * (2 * LEAST_VALUES)
"""A text for which a body is looked at closely."""
SLICE = 64 * 1024


async def refused(body: bytes, items: int = ITEMS) -> str:
    with pytest.raises(Problem) as raised:
        await decode_in_turns(body, items)
    return f"{raised.value.kind.status} {raised.value.detail}"


@pytest.mark.parametrize("count", [1, ITEMS])
async def test_as_many_items_as_are_taken_are_read(count: int) -> None:
    body = json.dumps([{"text": COMMAS}, *[{}] * (count - 1)]).encode()
    assert len(await decode_in_turns(body, ITEMS)) == count


async def test_one_item_more_is_refused_before_anything_is_decoded() -> None:
    body = json.dumps([{"text": COMMAS}, *[1] * ITEMS]).encode() + b"no JSON from here on"
    assert await refused(body) == "413 The array holds more than 500 messages; at most 500 go into one call."


async def test_lists_in_an_object_are_no_items() -> None:
    assert await decode_in_turns(json.dumps({"text": COMMAS, "more": [1] * 600}).encode(), ITEMS)


async def test_as_many_values_as_are_taken_are_read_and_one_more_is_refused() -> None:
    blanks = b" " * LEAST_VALUES * 2
    # Two arrays are values too.
    inner = [1] * (LEAST_VALUES - 2)
    assert await decode_in_turns(blanks + json.dumps([inner]).encode(), ITEMS) == [inner]
    assert await refused(blanks + json.dumps([[*inner, 1]]).encode()) == "413 The body holds more than 20,000 values."


async def test_where_more_messages_are_taken_more_values_are() -> None:
    body = json.dumps([[1, 2, 3]] * 10_000).encode()
    assert len(await decode_in_turns(body, 10_000)) == 10_000


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
async def test_deep_nesting_is_refused(opening: str, closing: str) -> None:
    deep = opening * (MOST_DEPTH + 1) + "1" + closing * (MOST_DEPTH + 1)
    assert await refused(f'["{COMMAS}",{deep}]'.encode()) == "400 The body is nested too deep."


@pytest.mark.parametrize("number", ["9" * 4301, "0." + "9" * 4301, "[" + ",".join(["9" * 1000] * 5) + "]"])
async def test_numbers_with_too_many_digits_are_refused(number: str) -> None:
    assert await refused(f'["{COMMAS}",{number}]'.encode()) == "400 The body has a number with too many digits."


async def test_digits_in_a_text_are_no_number() -> None:
    value = ["9" * 100_000, int("9" * (MOST_DIGITS // 2)), "\\" * 1000 + '"' + "1" * 5000]
    assert await decode_in_turns(json.dumps(value).encode(), ITEMS) == value


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a":1,"a":2}', 'An object has the member "a" twice.'),
        (b'["\xff"]', "The body is not UTF-8: byte 2 of it cannot be read."),
        (b'{"a":}', "Line 1, column 6: expecting value."),
    ],
)
async def test_a_fault_is_told_as_of_a_small_body(body: bytes, detail: str) -> None:
    assert await refused(body + b" " * 3 * LEAST_VALUES) == f"400 {detail}"


async def test_half_of_a_surrogate_pair_is_left_to_the_fields() -> None:
    value = {"text": "\ud800" + COMMAS}
    assert await decode_in_turns(json.dumps(value).encode(), ITEMS) == value


async def test_null_is_a_value() -> None:
    assert await decode_in_turns(b" " * 3 * LEAST_VALUES + b"null", ITEMS) is None


PIECES = st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", ",", "9", ":", "é", " ", "\u2028"]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(pieces=PIECES, shift=st.integers(0, 60), more=st.recursive(st.integers(), st.lists, max_leaves=10))
async def test_wherever_a_slice_ends_strings_are_told_from_what_is_around_them(
    pieces: list[str], shift: int, more: Any
) -> None:
    value = ["," * (SLICE - shift), "".join(pieces), more]
    assert await decode_in_turns(json.dumps(value, ensure_ascii=False).encode(), ITEMS) == value


@settings(max_examples=200, deadline=None)
@given(pieces=PIECES, shift=st.integers(0, 60))
async def test_what_is_no_json_is_refused_as_ever(pieces: list[str], shift: int) -> None:
    body = ('["' + "," * (SLICE - shift) + '",' + "".join(pieces) + "]").encode()
    told: list[Any] = []
    for read in (decode, partial(decode_in_turns, most_items=ITEMS)):
        try:
            value = read(body)
            told.append(await value if isawaitable(value) else value)
        except Problem as problem:
            told.append(problem.detail)
    assert told[0] == told[1]
