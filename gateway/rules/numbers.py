"""A phone number as a caller writes it -> E.164 and its country, or why not. What plans exist is numbering.py's.

Countries are never guessed: where several share a calling code and none of their plans has the number, it is None.
"""

import re
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException

from gateway.rules.faults import Fault, FaultCode
from gateway.rules.numbering import LONGEST, Plan, plan_of, ranges_of
from gateway.settings.types import BareDigits, NumberCheck

SHORTEST = 8
"""Digits with the calling code, where only the shape is checked."""

_MOST_CHARACTERS = 64
_INTERNATIONAL = re.compile(r"\+[0-9]+", re.ASCII).fullmatch
_DIGITS = re.compile(r"[0-9]+", re.ASCII).fullmatch
# What people and spreadsheets put between digits: blanks of all kinds, hyphens, and marks of writing direction.
_SEPARATORS = dict.fromkeys(
    map(ord, " -./()\t\u00a0\u2007\u2009\u200a\u202f\u2010\u2011\u2012\u2013\u200e\u200f\u202a\u202c\u2060\ufeff")
)
_NOT_A_NUMBER = Fault("is not a phone number", FaultCode.NOT_A_NUMBER)


class Number(NamedTuple):
    e164: str
    country: str | None
    """ISO 3166 alpha-2."""


class Numbers:
    """Reads numbers as one account's settings say."""

    __slots__ = ("_check", "_default_region", "_minds_plans", "_takes_bare_digits")

    def __init__(self, check: NumberCheck, bare_digits: BareDigits, default_region: str | None) -> None:
        self._check = check
        self._minds_plans = check is not NumberCheck.SHAPE
        self._takes_bare_digits = bare_digits is BareDigits.INTERNATIONAL
        self._default_region = default_region

    def check(self, raw: str) -> Number | Fault:
        """The number in E.164, or what is wrong with it."""
        found = self.assigned(raw)
        return self._check_closely(raw) if found is None else Number(raw, found.lastgroup)

    def assigned(self, raw: str) -> re.Match[str] | None:
        """The quick look: of what is E.164 as it stands and given out by its country, which names the group.

        None says nothing: `check` then tells.
        """
        ranges = ranges_of(raw[:4], len(raw)) if self._minds_plans else None
        return None if ranges is None else ranges.find(raw)

    def _check_closely(self, raw: str) -> Number | Fault:
        number: str | Fault = raw if _INTERNATIONAL(raw) else self._with_plus(raw)
        if not isinstance(number, str):
            return number
        digits = number[1:]
        plan = plan_of(digits)
        if self._check is NumberCheck.SHAPE:
            return _by_shape(digits, plan)
        if plan is None:
            return _no_plan(digits)
        national = digits[len(plan.calling_code) :]
        if plan.may_have_trunk_prefix(national):
            national = _without_national_prefix(number, national)
            number = f"+{plan.calling_code}{national}"
        if len(national) not in plan.lengths:
            return _wrong_length(national, plan)
        if len(number) > LONGEST + 1:
            return _beyond_e164(number[1:])
        if self._check is NumberCheck.VALID and not plan.is_assigned(national):
            return Fault(f"is not in the numbering plan of {plan.name}", FaultCode.NUMBER_NOT_VALID)
        return Number(number, plan.country or plan.region_of(national))

    def _with_plus(self, raw: str) -> str | Fault:
        """The international form of any other spelling."""
        if len(raw) > _MOST_CHARACTERS:
            return _NOT_A_NUMBER
        number = raw.translate(_SEPARATORS)
        if _INTERNATIONAL(number):
            return number
        if not _DIGITS(number):
            return _NOT_A_NUMBER
        if self._default_region is not None:
            return _by_region(number, self._default_region)
        if self._takes_bare_digits and not number.startswith("0"):
            return f"+{number}"
        return _needs_plus(number)


def _by_shape(digits: str, plan: Plan | None) -> Number | Fault:
    if len(digits) < SHORTEST:
        return Fault(
            f"is too short: {_count(len(digits))}, {SHORTEST} to {LONGEST} are needed", FaultCode.NUMBER_TOO_SHORT
        )
    if len(digits) > LONGEST:
        return _beyond_e164(digits)
    if digits.startswith("0"):
        return _no_plan(digits)
    country = None if plan is None else plan.country or plan.region_of(digits[len(plan.calling_code) :])
    return Number(f"+{digits}", country)


def _by_region(digits: str, region: str) -> str | Fault:
    """A number as it is dialled inside its region, its prefix for calls abroad included."""
    try:
        return _e164(phonenumbers.parse(digits, region))
    except NumberParseException as error:
        if error.error_type == NumberParseException.TOO_LONG:
            return _beyond_e164(digits)
        return _NOT_A_NUMBER


def _without_national_prefix(number: str, national: str) -> str:
    """The national part as libphonenumber reads it: it takes +44 07911... for +44 7911..."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(number, None))
    except NumberParseException:
        return national


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def _needs_plus(digits: str) -> Fault:
    international = digits.removeprefix("00")
    plan = plan_of(international)
    if plan is not None and len(international) - len(plan.calling_code) in plan.lengths:
        return Fault(f"has no plus: write it as +{international}", FaultCode.NEEDS_PLUS)
    return Fault("has no country code: write it with a plus, such as +34600000001", FaultCode.NEEDS_PLUS)


def _no_plan(digits: str) -> Fault:
    return Fault(f"begins with +{digits[:3]}, which is no country code", FaultCode.UNKNOWN_COUNTRY_CODE)


def _beyond_e164(digits: str) -> Fault:
    return Fault(f"is too long: {_count(len(digits))}, {LONGEST} are the most", FaultCode.NUMBER_TOO_LONG)


def _wrong_length(national: str, plan: Plan) -> Fault:
    length = len(national)
    told = f"{plan.name}: {_count(length)}, {_lengths(plan)} are needed"
    if length < min(plan.lengths):
        return Fault(f"is too short for {told}", FaultCode.NUMBER_TOO_SHORT)
    if length > max(plan.lengths):
        return Fault(f"is too long for {told}", FaultCode.NUMBER_TOO_LONG)
    return Fault(f"has the wrong length for {told}", FaultCode.NUMBER_WRONG_LENGTH)


def _lengths(plan: Plan) -> str:
    """`9`, `7 or 9`, `7 to 11`."""
    lengths = sorted(plan.lengths)
    if len(lengths) > 2 and lengths[-1] - lengths[0] == len(lengths) - 1:
        return f"{lengths[0]} to {lengths[-1]}"
    *others, last = map(str, lengths)
    return f"{', '.join(others)} or {last}" if others else last


def _count(digits: int) -> str:
    return "1 digit" if digits == 1 else f"{digits} digits"
