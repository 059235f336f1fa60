"""The message ids an SMSC hands out, as real ones write them: often one way in the answer and another in the receipt.

Inside an id is a number that counts up; only its spelling is this file's matter.
"""

from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID


class IdFormat(Enum):
    """How a message id is spelt (smsc-specific, so SMPP 3.4 §5.2.23 leaves it open)."""

    DECIMAL = "decimal"
    HEX = "hex"
    HEX_RESPONSE_DECIMAL_RECEIPT = "hex-response-decimal-receipt"
    HEX_TLV_DECIMAL_TEXT = "hex-tlv-decimal-text"
    LOWER_RECEIPT = "lower-receipt"
    PADDED = "padded"
    UUID = "uuid"
    LONG = "long"
    EMPTY = "empty"
    ZERO = "zero"
    SAME = "same"


class Spelling(NamedTuple):
    """One number's three appearances: submit_sm_resp, the receipt's text, its receipted_message_id."""

    response: Callable[[int], str]
    text: Callable[[int], str]
    tlv: Callable[[int], str]


def _hex(number: int) -> str:
    return f"{number:X}"


def _lower_hex(number: int) -> str:
    return f"{number:x}"


def _padded(number: int) -> str:
    return f"{number:020d}"


def _uuid(number: int) -> str:
    return str(UUID(bytes=blake2b(number.to_bytes(16, "big"), digest_size=16).digest(), version=4))


def _long(number: int) -> str:
    """The 64 octets that SMPP 3.4 §5.2.23 allows, all of them."""
    return f"{number:064d}"


def _always(text: str) -> Callable[[int], str]:
    def spell(_: int) -> str:
        return text

    return spell


def _alike(spell: Callable[[int], str]) -> Spelling:
    return Spelling(spell, spell, spell)


SPELLINGS: dict[IdFormat, Spelling] = {
    IdFormat.DECIMAL: _alike(str),
    IdFormat.HEX: _alike(_hex),
    IdFormat.HEX_RESPONSE_DECIMAL_RECEIPT: Spelling(_hex, str, str),
    IdFormat.HEX_TLV_DECIMAL_TEXT: Spelling(_hex, str, _hex),
    IdFormat.LOWER_RECEIPT: Spelling(_hex, _lower_hex, _lower_hex),
    IdFormat.PADDED: Spelling(str, _padded, _padded),
    IdFormat.UUID: _alike(_uuid),
    IdFormat.LONG: _alike(_long),
    IdFormat.EMPTY: _alike(_always("")),
    IdFormat.ZERO: _alike(_always("0")),
    IdFormat.SAME: _alike(_always("5F3A00")),
}
