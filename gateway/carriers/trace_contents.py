"""What of a message's contents may be seen though texts are redacted: headers of parts, what receipts say. Pure.

Whatever is not surely one of the two counts as text. Where contents lie in a frame is trace_fields.py's.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from protocol.codec import decode
from protocol.errors import BadPdu
from protocol.numbers import CommandId
from protocol.pdus import DataSm, DeliverSm
from protocol.receipts import read_receipt
from protocol.segments import CONCATENATION_8_BIT, CONCATENATION_16_BIT, LOCKING_SHIFT, SINGLE_SHIFT

Span = tuple[int, int]

_SHOWN_ELEMENTS = {CONCATENATION_8_BIT: 3, CONCATENATION_16_BIT: 4, SINGLE_SHIFT: 1, LOCKING_SHIFT: 1}
"""Elements of a header that tell nothing of a text, and their length (3GPP TS 23.040 §9.2.3.24)."""
# Values as receipts have them (SMPP 3.4 Appendix B), since a text may follow without a blank: a pair whose value is
# anything else is content. Possessive, so that a value is never shown in part.
_RECEIPT_PAIR = re.compile(
    rb"\b(?:id\s*:\s*[!-%'-+\--9<-{}~]{1,65}+"
    rb"|(?:sub|dlvrd)\s*:\s*[0-9]{1,6}+"
    rb"|(?:submit|done) ?date\s*:\s*[0-9]{1,14}+"
    rb"|stat\s*:\s*[A-Za-z]{1,16}+"
    rb"|err\s*:(?:\s*[0-9]{1,8}+|[0-9A-Za-z]{0,16}+))(?=[\s,;|&\0]|\Z)[\s,;|&]*+",
    re.IGNORECASE,
)
_RECEIPT_TEXT = re.compile(rb"\b(?:te?xt|msg|message|content|body)\s*[:=]", re.IGNORECASE)
_MESSAGES = frozenset({int(CommandId.DELIVER_SM), int(CommandId.DATA_SM)})


class UserData(NamedTuple):
    """A content taken apart: octets `start` to `end` of the frame."""

    start: int
    text: int
    """Where the text begins, behind the header if there is one."""
    end: int
    header: tuple[Span, ...] = ()
    """What may be seen of the header."""
    told: tuple[Span, ...] = ()
    """What a receipt says."""


def user_data(frame: bytes, start: int, end: int, *, has_header: bool, says: bool) -> UserData:
    """What of a content may be seen; `has_header` is the UDHI of its esm_class, `says` that it is a receipt's."""
    text, header = start, None
    if has_header and (header := _header_spans(frame, start, end)) is not None:
        text = start + 1 + frame[start]
    told = tuple(_receipt_spans(frame, text, end)) if says else ()
    return UserData(start, text, end, tuple(header or ()), told)


def is_receipt(frame: bytes) -> bool:
    """Whether what the PDU says of a message is no content."""
    if int.from_bytes(frame[4:8], "big") not in _MESSAGES:
        return False
    try:
        pdu = decode(frame)
    except BadPdu:
        return False
    return isinstance(pdu, DeliverSm | DataSm) and read_receipt(pdu) is not None


def _header_spans(frame: bytes, start: int, end: int) -> list[Span] | None:
    """The header's length and elements that may be seen; None where it is no header.

    UDHI may be an echo of our own esm_class without any header behind it: then these octets are text. So elements must
    end where the header does, and one at least must be known.
    """
    if start >= end or (stop := start + 1 + frame[start]) > end:
        return None
    spans = [(start, start + 1)]
    at = start + 1
    while at + 2 <= stop:
        behind = at + 2 + frame[at + 1]
        if behind > stop:
            return None
        if _SHOWN_ELEMENTS.get(frame[at]) == frame[at + 1]:
            if frame[at + 1] > 1 and not 1 <= frame[behind - 1] <= frame[behind - 2]:
                return None
            spans.append((at, behind))
        at = behind
    return spans if at == stop and len(spans) > 1 else None


def _receipt_spans(frame: bytes, start: int, end: int) -> Iterator[Span]:
    """Where a receipt says what it says: keys with their values, up to `text:`."""
    body = frame[start:end]
    text = _RECEIPT_TEXT.search(body)
    for pair in _RECEIPT_PAIR.finditer(body, 0, text.start() if text else len(body)):
        yield start + pair.start(), start + pair.end()
