"""A long text as the octets of several short messages, and the header that joins them (3GPP TS 23.040 §9.2.3.24).

No cut falls inside an escape pair or a surrogate pair. Which reference is free, and the order of sending, is the
caller's.
"""

from dataclasses import dataclass
from enum import StrEnum

from protocol.errors import LocalProtocolError
from protocol.text import ESCAPE, Encoding, encode_gsm, encode_ucs2

MAX_PARTS = 255
"""The header's counters are one octet (3GPP TS 23.040 §9.2.3.24.1)."""

_UDHI = 0x40
_UCS2 = 0x08
_CONCATENATION_8_BIT = 0x00
_CONCATENATION_16_BIT = 0x08


class TooManyParts(LocalProtocolError):  # noqa: N818
    """The text needs more segments than a header can count; `parts` tells how many."""

    def __init__(self, parts: int) -> None:
        super().__init__(f"{parts} parts are needed, {MAX_PARTS} are possible")
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


def count(text: str, encoding: Encoding) -> int:
    """How many segments `split` makes of the text (or would, beyond 255). Raises NotEncodable."""
    return len(_cut(text, encoding))


def split(text: str, encoding: Encoding, reference: int) -> list[Segment]:
    """The text's segments in order, joined by the low octet of `reference`. Raises NotEncodable, TooManyParts."""
    pieces = _cut(text, encoding)
    data_coding = _UCS2 if encoding is Encoding.UCS2 else 0
    total = len(pieces)
    if total == 1:
        return [Segment(pieces[0], 0, data_coding, 1, 1)]
    if total > MAX_PARTS:
        raise TooManyParts(total)
    header = bytes((5, _CONCATENATION_8_BIT, 3, reference & 0xFF, total))
    return [
        Segment(b"%b%c%b" % (header, part, piece), _UDHI, data_coding, part, total)
        for part, piece in enumerate(pieces, 1)
    ]


def _cut(text: str, encoding: Encoding) -> list[bytes]:
    if encoding is Encoding.GSM7:
        octets, alone, room = encode_gsm(text), 160, 153
    else:
        octets, alone, room = encode_ucs2(text), 140, 134
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
    reference, part, total = None, 1, 1
    at = 1
    while at + 2 <= length:
        element, size = octets[at], octets[at + 1]
        value = octets[at + 2 : min(at + 2 + size, length)]
        at += 2 + size
        is_concatenation = (element, len(value)) in ((_CONCATENATION_8_BIT, 3), (_CONCATENATION_16_BIT, 4))
        if is_concatenation and 1 <= value[-1] <= value[-2]:
            reference, total, part = int.from_bytes(value[:-2], "big"), value[-2], value[-1]
    return UserDataHeader(length, reference, part, total)
