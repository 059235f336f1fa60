"""Keys under which a receipt finds its attempt: one that forgives spelling, and others that forgive the number base.

Ids are never unique; who matches, and what else must agree, is the store's.
"""

import re

_PADDING = " \t\r\n\0"
_HEX = re.compile(r"[0-9a-f]+")
_HEX_DIGITS = "0123456789abcdef"
_DECIMAL = re.compile(r"[0-9]+")
_MAX_DIGITS = 1024
"""Longer ids are opaque: SMPP allows 64 characters, and Python refuses to convert decimals beyond 4,300."""


def exact_key(message_id: str) -> str:
    """The id as it is compared: without padding, case, 0x and, if it is a number, leading zeros. "" matches nothing."""
    key = message_id.strip(_PADDING).casefold()
    digits = key.removeprefix("0x")
    # Nothing is left of a number without its digits: half the price of a pattern.
    if digits and not digits.strip(_HEX_DIGITS):
        return digits.lstrip("0") or "0"
    return key


def other_keys(message_id: str, base: str = "auto") -> tuple[str, ...]:
    """Keys of the same number in the other base: hexadecimal read as such, and decimal spelled as hexadecimal.

    `base`: that of the id given, `hex` or `decimal` where it is known; then only the other spelling of that.

    For use only where `exact_key` finds nothing. A UUID, or anything else that is no number as a whole, has none.
    """
    key = exact_key(message_id)
    if len(key) > _MAX_DIGITS or not _HEX.fullmatch(key):
        return ()
    others = [str(int(key, 16))] if base != "decimal" else []
    if base != "hex" and _DECIMAL.fullmatch(key):
        others.append(f"{int(key):x}")
    return tuple(other for other in others if other != key)
