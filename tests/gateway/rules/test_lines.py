"""Lines are told as libphonenumber tells them, at a fraction of the cost."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from gateway.rules.lines import Line, line_of
from gateway.rules.numbers import Number, Numbers
from gateway.settings.types import BareDigits, NumberCheck

EXPECTED = {
    PhoneNumberType.FIXED_LINE: Line.LANDLINE,
    PhoneNumberType.MOBILE: Line.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Line.EITHER,
}
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def as_the_library_has_it(number: str) -> Line:
    return EXPECTED.get(phonenumbers.number_type(phonenumbers.parse(number)), Line.OTHER)


@pytest.mark.parametrize("region", REGIONS)
def test_example_numbers_of_every_kind_are_told_as_the_library_tells_them(region: str) -> None:
    for kind in PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
            country = phonenumbers.region_code_for_number(example)
            assert line_of(number, country) is as_the_library_has_it(number), number


@given(st.sampled_from([1, 7, 33, 34, 39, 44, 49, 52, 54, 55, 61, 81, 86, 91, 971]), st.integers(10**6, 10**11))
def test_any_number_is_told_as_the_library_tells_it(code: int, national: int) -> None:
    found = Numbers(NumberCheck.VALID, BareDigits.REFUSE, None).check(f"+{code}{national}")
    if isinstance(found, Number):
        assert line_of(*found) is as_the_library_has_it(found.e164)


def test_a_number_of_no_countrys_plan_is_no_landline() -> None:
    assert line_of("+1234567890", None) is Line.OTHER
    assert line_of("+34910000001", "FR") is Line.OTHER
