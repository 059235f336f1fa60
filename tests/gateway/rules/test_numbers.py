import pytest

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.numbers import Number, Numbers
from gateway.settings.types import BareDigits, NumberCheck


def numbers(
    check: NumberCheck = NumberCheck.POSSIBLE, bare: BareDigits = BareDigits.REFUSE, region: str | None = None
) -> Numbers:
    return Numbers(check, bare, region)


def test_an_e164_number_is_taken_with_its_country() -> None:
    assert numbers().check("+34600000001") == Number("+34600000001", "ES")


@pytest.mark.parametrize(
    "written",
    [
        "+34 600 000 001",
        "+34-600-000-001",
        "(+34) 600.000/001",
        "+34\u00a0600\u202f000\u2011001",
        "\u202a+34600000001\u202c",
    ],
)
def test_separators_that_people_write_are_left_out(written: str) -> None:
    assert numbers().check(written) == Number("+34600000001", "ES")


def test_a_trunk_prefix_behind_the_country_code_is_left_out() -> None:
    assert numbers().check("+44 (0)7400 123456") == Number("+447400123456", "GB")


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        ("+3460000000", "is too short for Spain (+34): 8 digits, 9 are needed", "number_too_short"),
        ("+346000000012", "is too long for Spain (+34): 10 digits, 9 are needed", "number_too_long"),
        ("+1202555", "is too short for North America (+1): 6 digits, 10 are needed", "number_too_short"),
        ("+4412345", "is too short for United Kingdom (+44): 5 digits, 7, 9 or 10 are needed", "number_too_short"),
        ("+4474001234", "has the wrong length for United Kingdom (+44): 8 digits, 7, 9 or 10 are needed",
         "number_wrong_length"),
        ("+49123456789012345", "is too long: 17 digits, 15 are the most", "number_too_long"),
        ("+99912345678", "begins with +999, which is no country code", "unknown_country_code"),
        ("+03460000000", "begins with +034, which is no country code", "unknown_country_code"),
        ("34600000001", "has no plus: write it as +34600000001", "needs_plus"),
        ("0034600000001", "has no plus: write it as +34600000001", "needs_plus"),
        ("600000001", "has no country code: write it with a plus, such as +34600000001", "needs_plus"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_remedy(number: str, words: str, code: str) -> None:
    fault = numbers().check(number)
    assert isinstance(fault, Fault)
    assert fault == Fault(words, FaultCode(code))


@pytest.mark.parametrize(
    "text",
    ["", "+", "abc", "1800MICROSOFT", "+34600000001x5", "tel:+34600000001", "++34600000001", "+34600\0000001",
     "+３４600000001", "٣٤600000001", "+34" + " " * 100 + "600000001"],
)  # fmt: skip
def test_what_is_no_number_is_not_guessed_into_one(text: str) -> None:
    assert numbers().check(text) == Fault("is not a phone number", FaultCode.NOT_A_NUMBER)
    assert numbers(region="ES").check(text) == Fault("is not a phone number", FaultCode.NOT_A_NUMBER)


def test_national_digits_are_read_by_the_default_region() -> None:
    assert numbers(region="ES").check("600 000 001") == Number("+34600000001", "ES")
    assert numbers(region="GB").check("07400 123456") == Number("+447400123456", "GB")


def test_the_default_region_reads_its_own_prefix_for_calls_abroad() -> None:
    assert numbers(region="ES").check("00447400123456") == Number("+447400123456", "GB")


def test_national_digits_that_the_region_cannot_have_are_refused() -> None:
    spanish = numbers(region="ES")
    assert spanish.check("60000000") == Fault(
        "is too short for Spain (+34): 8 digits, 9 are needed", FaultCode.NUMBER_TOO_SHORT
    )
    assert spanish.check("6") == Fault("is not a phone number", FaultCode.NOT_A_NUMBER)
    assert spanish.check("00999123456789") == Fault("is not a phone number", FaultCode.NOT_A_NUMBER)
    assert spanish.check("6" * 20) == Fault("is too long: 20 digits, 15 are the most", FaultCode.NUMBER_TOO_LONG)


def test_a_plus_goes_before_the_default_region() -> None:
    assert numbers(region="ES").check("+447400123456") == Number("+447400123456", "GB")
    assert numbers(region="ES").check("+999000001") == Fault(
        "begins with +999, which is no country code", FaultCode.UNKNOWN_COUNTRY_CODE
    )


def test_bare_digits_are_international_where_the_account_says_so() -> None:
    international = numbers(bare=BareDigits.INTERNATIONAL)
    assert international.check("34600000001") == Number("+34600000001", "ES")
    assert international.check("0034600000001") == Fault("has no plus: write it as +34600000001", FaultCode.NEEDS_PLUS)


@pytest.mark.parametrize(("number", "country"), [("+1234567890", None), ("+15551234567", None), ("+99912345678", None)])
def test_textbook_numbers_pass_by_their_shape(number: str, country: str | None) -> None:
    assert numbers(NumberCheck.SHAPE).check(number) == Number(number, country)


def test_shape_asks_for_eight_to_fifteen_digits() -> None:
    shape = numbers(NumberCheck.SHAPE)
    assert shape.check("+1234567") == Fault("is too short: 7 digits, 8 to 15 are needed", FaultCode.NUMBER_TOO_SHORT)
    assert isinstance(shape.check("+123456789012345"), Number)
    assert shape.check("+1234567890123456") == Fault(
        "is too long: 16 digits, 15 are the most", FaultCode.NUMBER_TOO_LONG
    )
    assert isinstance(shape.check("+0123456789"), Fault)


def test_shape_still_tells_the_country_where_a_calling_code_has_one() -> None:
    assert numbers(NumberCheck.SHAPE).check("+34900") == Fault(
        "is too short: 5 digits, 8 to 15 are needed", FaultCode.NUMBER_TOO_SHORT
    )
    assert numbers(NumberCheck.SHAPE).check("+3412345678") == Number("+3412345678", "ES")


def test_valid_asks_for_a_range_that_was_given_out() -> None:
    valid = numbers(NumberCheck.VALID)
    assert valid.check("+34600000001") == Number("+34600000001", "ES")
    assert valid.check("+34100000001") == Fault(
        "is not in the numbering plan of Spain (+34)", FaultCode.NUMBER_NOT_VALID
    )


def test_a_country_is_never_guessed_where_several_share_a_calling_code() -> None:
    assert numbers().check("+14165550123") == Number("+14165550123", "CA")
    assert numbers().check("+77011234567") == Number("+77011234567", "KZ")
    assert numbers().check("+15551234567") == Number("+15551234567", None)


def test_a_number_of_no_country_has_none() -> None:
    found = numbers().check("+883510012345")
    assert isinstance(found, Number)
    assert found.country is None
