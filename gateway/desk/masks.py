"""What is shown of a phone number, and what is not, where somebody need not know whose it is. Pure."""

import re
from collections.abc import Sequence
from enum import Enum

from gateway.rules.numbering import plan_of

_DIGITS_SHOWN, _LEAST_DIGITS = 2, 7
_DOT = "•"
_RECEIPT_TEXT = re.compile(r"(?is)(\btext:).*")
_NUMBER = re.compile(rf"(\+?)(\d{{{_LEAST_DIGITS},}})", re.ASCII)
"""Shorter ones are nobody's but a service's."""
_DIGITS = re.compile(rf"\d{{{_LEAST_DIGITS},}}", re.ASCII)


class Sight(Enum):
    """How much of numbers is seen."""

    MASKED = "masked"
    WHOLE = "whole"

    def of(self, address: str) -> str:
        """A number or a name, as it is seen."""
        return address if self is Sight.WHOLE else masked_number(address)

    def in_words(self, words: str, *addresses: str) -> str:
        """Words in which these numbers may stand, in full or as within their country, as they are seen."""
        if self is Sight.WHOLE:
            return words
        numbers = [found[2] for address in addresses if (found := _NUMBER.fullmatch(address)) is not None]
        return _DIGITS.sub(lambda found: _among(found[0], numbers), words)

    def throughout(self, words: str) -> str:
        """Words in which anybody's number may stand, as they are seen."""
        return words if self is Sight.WHOLE else _NUMBER.sub(lambda found: masked_number(found[0]), words)


def masked_number(address: str) -> str:
    """`+34•••••••01` of `+34600000001`: the country's code and the last two digits. Names and short codes stay."""
    found = _NUMBER.fullmatch(address)
    if found is None:
        return address
    plus, digits = found.groups()
    plan = plan_of(digits)
    code = "" if plan is None else plan.calling_code
    return f"{plus}{code}{_DOT * (len(digits) - len(code) - _DIGITS_SHOWN)}{digits[-_DIGITS_SHOWN:]}"


def _among(digits: str, numbers: Sequence[str]) -> str:
    """Digits as they are seen where they may be one of these numbers."""
    national = digits.lstrip("0")
    for number in numbers:
        if number in digits:
            return digits.replace(number, masked_number(number))
        if len(national) >= _LEAST_DIGITS and number.endswith(national):
            return f"{_DOT * (len(digits) - _DIGITS_SHOWN)}{digits[-_DIGITS_SHOWN:]}"
    return digits


def without_text(raw: str) -> str:
    """A receipt without what it quotes of the message's text."""
    return _RECEIPT_TEXT.sub(r"\1", raw)
