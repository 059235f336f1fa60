"""Which spellings of an id are the same id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.receipt_keys import exact_key, other_keys


@pytest.mark.parametrize(
    ("message_id", "key"),
    [
        ("5F3A", "5f3a"),
        ("0000031077", "31077"),
        ("00ab12", "ab12"),
        ("0x1F2E", "1f2e"),
        ("0X001F2E", "1f2e"),
        (" 77\0\0", "77"),
        ("0", "0"),
        ("0000", "0"),
        ("0x0", "0"),
        ("0x", "0x"),
        ("0xyz", "0xyz"),
        ("", ""),
        ("\0 ", ""),
        ("007-4", "007-4"),
        ("00.5", "00.5"),
        ("0SMSC1", "0smsc1"),
        ("0C4F1E2A-0001-4000-8000-00000000000A", "0c4f1e2a-0001-4000-8000-00000000000a"),
    ],
)
def test_exact_key_forgives_padding_case_and_leading_zeros_of_numbers(message_id, key):
    assert exact_key(message_id) == key


@pytest.mark.parametrize(
    ("message_id", "keys"),
    [
        ("2c5e7f91", ("744390545",)),
        ("0744390545", ("31209358661", "2c5e7f91")),
        ("7E4A11C05D", ("542408556637",)),
        ("0x2C5E7F91", ("744390545",)),
        ("93AD20F40000007E", ("10641197726890459262",)),
        ("9", ()),
        ("10", ("16", "a")),
        ("0", ()),
        ("", ()),
        ("SMSC1", ()),
        ("1773043200.104501000200", ()),
        ("7d0f21aa-5b53-4c1e-9a77-0d3e6f1b2c48", ()),
        ("٤٥", ()),
        ("1" * 1025, ()),
    ],
)
def test_other_keys_are_the_same_number_in_the_other_base(message_id, keys):
    assert other_keys(message_id) == keys


def test_long_numbers_are_converted_whole():
    assert exact_key(f"{16**63:x}") in other_keys(str(16**63))
    assert str(16**63) in other_keys(f"{16**63:X}")
    assert len(other_keys("1" * 1024)) == 2


@given(st.integers(0, 2**256), st.integers(0, 6))
def test_a_number_finds_itself_in_the_other_base(number, zeros):
    as_hex, as_decimal = f"{'0' * zeros}{number:X}", f"{'0' * zeros}{number}"
    assert exact_key(as_decimal) in (exact_key(as_hex), *other_keys(as_hex))
    assert exact_key(as_hex) in (exact_key(as_decimal), *other_keys(as_decimal))


@given(st.text(max_size=80))
def test_keys_are_stable_and_a_key_is_not_its_own_alternative(message_id):
    key = exact_key(message_id)
    assert exact_key(key) == key
    others = other_keys(message_id)
    assert key not in others
    assert others == other_keys(key)
    assert all(exact_key(other) == other for other in others)


def test_a_known_base_leaves_one_other_spelling() -> None:
    assert other_keys("24378") == ("148344", "5f3a")
    assert other_keys("24378", "decimal") == ("5f3a",)
    assert other_keys("24378", "hex") == ("148344",)
    assert other_keys("5F3A", "decimal") == ()
    assert other_keys("5F3A", "hex") == ("24378",)
