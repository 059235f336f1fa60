"""What is said of a body that is no JSON, not only JSON, or JSON that means two things."""

import json
from typing import Any

import pytest

from gateway.api.bodies import decode
from gateway.api.problems import Problem


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty."),
        (b" \n", "The body is empty."),
        (b'{"to":\n  "x",}', "Line 2, column "),
        (b'{"to":"x"', "Line 1, column 10: expecting ',' delimiter."),
        (b'{"to":"x"} x', "Line 1, column 12: extra data."),
        (b'{"to":"a\xff"}', "The body is not UTF-8: byte 8 of it cannot be read."),
        (b"\xef\xbb\xbf{}", "Line 1, column 1: "),
        (b"NaN", "NaN is not JSON."),
        (b'{"validity":1e400}', "The body has a number that is out of range."),
        (b'{"validity":' + b"1" * 5000 + b"}", "The body has a number with too many digits."),
        (b"[" * 100_000, "The body is nested too deep."),
        (b'{"a":' * 100_000, "The body is nested too deep."),
        (b'{"to":"1","to":"2"}', 'An object has the member "to" twice.'),
        (b'{"to":"1","to" :"2"}', 'An object has the member "to" twice.'),
        (b'{"to":"1","t\\u006f":"2"}', 'An object has the member "to" twice.'),
        (b'[{"a":{"x":1,"x":1}}]', 'An object has the member "x" twice.'),
        (b'[{"to":"1"},{"to":"2","to":"3"}]', 'An object has the member "to" twice.'),
        (b'[1,{"a":{"x":1,"x":1}}]', 'An object has the member "x" twice.'),
        (b'{"a":[{"x":1,"x":1}]}', 'An object has the member "x" twice.'),
    ],
)
def test_a_fault_is_told_with_its_place(body: bytes, detail: str) -> None:
    with pytest.raises(Problem) as raised:
        decode(body)
    assert (raised.value.kind.slug, raised.value.kind.status) == ("invalid-json", 400)
    assert raised.value.detail.startswith(detail)


@pytest.mark.parametrize(
    "value",
    [
        {"text": 'she said "hi": yes', "to": "+1"},
        {"text": '":":":', "nested": [{"a": '" :'}]},
        [{}, [], [[{"a": {}}]], None, True, 1.5, "x"],
        {"text": "\x00", "big": 10**40},
        {"text": "\ud800 alone"},
    ],
)
def test_what_is_right_is_read_as_it_was_written(value: Any) -> None:
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, indent=2, separators=(" , ", " : ")).encode()) == value


def test_deep_nesting_within_reason_is_read() -> None:
    assert decode(b"[" * 50 + b"]" * 50) is not None


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
def test_nesting_is_read_or_refused_at_whatever_depth(opening: bytes, closing: bytes) -> None:
    """Neither the quick reader nor Python's calls end where the other does."""
    told = set()
    for depth in [*range(800, 1_200), *range(1_200, 20_000, 400)]:
        try:
            decode(opening * depth + b"1" + closing * depth)
        except Problem as problem:
            told.add(problem.detail)
    assert told <= {"The body is nested too deep."}
