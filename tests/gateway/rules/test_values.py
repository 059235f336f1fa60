import pytest

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.values import read_label, type_fault, unstorable


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "must be a string, not a number"),
        (5.5, "must be a string, not a number"),
        (True, "must be a string, not true or false"),
        ([], "must be a string, not an array"),
        ({}, "must be a string, not an object"),
        (None, "must be a string, not null"),
        ((1 << 63) - 1, "must be a string, not a number"),
    ],
)
def test_a_wrong_type_is_named_with_the_right_one(value: object, words: str) -> None:
    assert type_fault(value, "a string") == Fault(words, FaultCode.WRONG_TYPE)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1, 10**400])
def test_an_integer_beyond_64_bits_is_named_as_such(value: int) -> None:
    assert type_fault(value, "a string").code is FaultCode.INTEGER_TOO_LARGE


def test_what_nothing_can_store_is_found_with_its_place() -> None:
    assert unstorable("añ🙂") is None
    assert unstorable("ab\0") == Fault("has U+0000 at position 3; leave it out", FaultCode.NUL)
    assert unstorable("🙂\ud83d") == Fault("has half of a surrogate pair at position 2", FaultCode.LONE_SURROGATE)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", FaultCode.EMPTY),
        ("x" * 41, FaultCode.TOO_LONG),
        ("a\nb", FaultCode.NOT_PRINTABLE),
        ("a\0b", FaultCode.NUL),
        ("a\udc00", FaultCode.LONE_SURROGATE),
        (7, FaultCode.WRONG_TYPE),
    ],
)
def test_a_label_is_short_and_printable(value: object, code: FaultCode) -> None:
    fault = read_label(value, 40)
    assert isinstance(fault, Fault)
    assert fault.code is code


def test_a_label_may_be_in_any_script() -> None:
    assert read_label("заказ 8841 ñ", 40) == "заказ 8841 ñ"
    assert read_label("x" * 40, 40) == "x" * 40
