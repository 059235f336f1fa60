"""Where a long text is cut, and what the header that joins its parts says (3GPP TS 23.040 §9.2.3.24).

No cut falls inside an escape pair or a surrogate pair. How a carrier gets the pieces is writing.py's.
"""

from dataclasses import dataclass
from enum import StrEnum

from protocol.alphabets import LANGUAGE_IDENTIFIERS, Language
from protocol.errors import LocalProtocolError
from protocol.text import ESCAPE, Encoding, encode_gsm, encode_ucs2

MAX_PARTS = 255
"""The header's counters are one octet (3GPP TS 23.040 §9.2.3.24.1)."""

CONCATENATION_8_BIT = 0x00
CONCATENATION_16_BIT = 0x08
SINGLE_SHIFT = 0x24
LOCKING_SHIFT = 0x25
"""Elements of a header (3GPP TS 23.040 §9.2.3.24)."""

_LANGUAGES = {identifier: language for language, identifier in LANGUAGE_IDENTIFIERS.items()}


class TooManyParts(LocalProtocolError):  # noqa: N818
    """The text needs more segments than a header can count, or a carrier takes; `parts` tells how many."""

    def __init__(self, parts: int, most: int = MAX_PARTS) -> None:
        super().__init__(f"{parts} parts are needed, {most} are possible")
        self.parts = parts


class LongMessages(StrEnum):
    """How the parts of a long message are joined."""

    UDH8 = "udh8"
    UDH16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"


@dataclass(slots=True)
class Segment:
    """What one submit_sm carries of a text."""

    short_message: bytes
    """With the user data header, if the text has more than one part."""
    esm_class: int
    data_coding: int
    part: int
    """From 1."""
    total: int
    tlvs: bytes = b""
    """Encoded, to stand behind the body: SAR's, or message_payload."""


@dataclass(slots=True, frozen=True)
class UserDataHeader:
    """What an inbound message's header says."""

    length: int
    """Octets of the header, its length octet included: the text begins there."""
    reference: int | None
    """None if the message is not one of several."""
    part: int
    total: int
    locking: Language | None = None
    single: Language | None = None
    """The national tables of a text in septets (3GPP TS 23.038 §6.2.1.2); None for the default ones."""
    is_wide: bool = False
    """The reference has 16 bits."""


def count(text: str, encoding: Encoding) -> int:
    """How many segments the usual way makes of the text (or would, beyond 255). Raises NotEncodable."""
    return len(_cut(text, encoding))


def _cut(text: str, encoding: Encoding) -> list[bytes]:
    if encoding is Encoding.GSM7:
        return cut(encode_gsm(text), 160, 153, encoding)
    return cut(encode_ucs2(text), 140, 134, encoding)


def cut(octets: bytes, alone: int, room: int, encoding: Encoding) -> list[bytes]:
    """Pieces of at most `room` octets of a text's septets or UCS-2; one piece if all of it is at most `alone`."""
    if len(octets) <= alone:
        return [octets]
    pieces = []
    start = 0
    while start < len(octets):
        end = start + room
        if end < len(octets):
            # An escape is never the second septet of a pair, so one at the end always lacks its other half.
            if encoding is Encoding.GSM7:
                end -= octets[end - 1] == ESCAPE
            elif 0xD8 <= octets[end - 2] <= 0xDB:
                end -= 2
        pieces.append(octets[start:end])
        start = end
    return pieces


def read_header(octets: bytes) -> UserDataHeader | None:
    """The user data header that an inbound message with UDHI begins with; None if the octets hold none.

    A header cut short is read as far as it goes. A concatenation that cannot be is ignored, and of several the last
    counts (3GPP TS 23.040 §9.2.3.24, §9.2.3.24.1).
    """
    if not octets or octets[0] >= len(octets):
        return None
    length = 1 + octets[0]
    reference, part, total, is_wide = None, 1, 1, False
    languages: dict[int, Language | None] = {}
    at = 1
    while at + 2 <= length:
        element, size = octets[at], octets[at + 1]
        value = octets[at + 2 : min(at + 2 + size, length)]
        at += 2 + size
        is_concatenation = (element, len(value)) in ((CONCATENATION_8_BIT, 3), (CONCATENATION_16_BIT, 4))
        if is_concatenation and 1 <= value[-1] <= value[-2]:
            reference, total, part = int.from_bytes(value[:-2], "big"), value[-2], value[-1]
            is_wide = element == CONCATENATION_16_BIT
        if len(value) == 1:
            # A language that is reserved is the default one (3GPP TS 23.038 §6.2.1.2.4).
            languages[element] = _LANGUAGES.get(value[0])
    locking, single = languages.get(LOCKING_SHIFT), languages.get(SINGLE_SHIFT)
    return UserDataHeader(length, reference, part, total, locking, single, is_wide)
