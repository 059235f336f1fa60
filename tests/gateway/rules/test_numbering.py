"""Our reading of the numbering plans against libphonenumber's own."""

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType, ValidationResult

from gateway.rules.country_names import COUNTRY_NAMES
from gateway.rules.faults import Fault
from gateway.rules.numbering import plan_of
from gateway.rules.numbers import LONGEST, Number, Numbers
from gateway.settings.types import BareDigits, NumberCheck

CALLING_CODES = sorted(COUNTRY_CODE_TO_REGION_CODE)
SHARED = sorted(code for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) > 1)
POSSIBLE = Numbers(NumberCheck.POSSIBLE, BareDigits.REFUSE, None)
VALID = Numbers(NumberCheck.VALID, BareDigits.REFUSE, None)


def _examples() -> list[str]:
    found = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE):
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                found.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return found


EXAMPLES = _examples()


def _expected(number: str, *, valid: bool) -> Number | None:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        return None
    if valid and not phonenumbers.is_valid_number(parsed):
        return None
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    region = phonenumbers.region_code_for_number(parsed)
    return None if len(e164) > LONGEST + 1 else Number(e164, None if region == "001" else region)


def _agrees(number: str) -> None:
    for numbers, valid in ((POSSIBLE, False), (VALID, True)):
        found, expected = numbers.check(number), _expected(number, valid=valid)
        assert isinstance(found, Fault) if expected is None else found == expected, (number, found, expected)
        assert numbers.check(f"{number[0]} {number[1:]}") == found, "the close look sees what the quick one saw"


digits = st.text("0123456789", min_size=1, max_size=15)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(CALLING_CODES), digits)
def test_any_digits_are_read_as_libphonenumber_reads_them(calling_code: int, national: str) -> None:
    _agrees(f"+{calling_code}{national}")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SHARED), st.text("0123456789", min_size=6, max_size=11))
def test_countries_that_share_a_calling_code_are_told_apart_as_libphonenumber_does(code: int, national: str) -> None:
    _agrees(f"+{code}{national}")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EXAMPLES), st.integers(0, 12), st.text("0123456789", max_size=3))
def test_numbers_near_real_ones_are_read_as_libphonenumber_reads_them(number: str, kept: int, tail: str) -> None:
    _agrees(number)
    changed = number[: max(len(number) - len(tail), 4)] + tail
    _agrees(changed)
    # A trunk prefix behind the calling code, as people write it.
    parsed = phonenumbers.parse(number, None)
    _agrees(f"+{parsed.country_code}{str(kept)[-1]}{phonenumbers.national_significant_number(parsed)}")


def test_every_plan_of_the_library_is_known_by_its_calling_code() -> None:
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        plan = plan_of(f"{code}12345678")
        assert plan is not None
        assert plan.calling_code == str(code)
        assert plan.lengths
        assert plan.country == (regions[0] if len(regions) == 1 and regions[0] != "001" else None)


def test_every_region_of_the_library_has_a_name() -> None:
    regions = {region for regions in COUNTRY_CODE_TO_REGION_CODE.values() for region in regions} - {"001"}
    assert regions == set(COUNTRY_NAMES)
