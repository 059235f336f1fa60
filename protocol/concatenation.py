"""Which part of a long message an inbound PDU is, and the text of the parts that came.

What the octets of a text mean is reading.py's; which parts belong together, and how long one waits, is the caller's.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import groupby
from typing import NamedTuple

from protocol.numbers import EsmClass, Tlv
from protocol.pdus import DataSm, DeliverSm
from protocol.reading import read_parts
from protocol.segments import read_header
from protocol.text import CODECS, Codec, Encoding
from protocol.writing import TextWay

GAP = "[…]"
"""Stands in a text where parts never came."""

_UDHI = int(EsmClass.UDHI)
_MESSAGE_PAYLOAD = int(Tlv.MESSAGE_PAYLOAD)
_SAR_MSG_REF_NUM = int(Tlv.SAR_MSG_REF_NUM)
_SAR_TOTAL_SEGMENTS = int(Tlv.SAR_TOTAL_SEGMENTS)
_SAR_SEGMENT_SEQNUM = int(Tlv.SAR_SEGMENT_SEQNUM)
_PADDING = b" \0"


class ReferenceKind(IntEnum):
    """Where a reference stands: the same number in another place is another message's."""

    UDH8 = 1
    UDH16 = 2
    SAR = 3


class Place(NamedTuple):
    """A part among the others of its message."""

    kind: ReferenceKind
    reference: int
    part: int
    """From 1 to `total`."""
    total: int
    """At least 2."""


class Part(NamedTuple):
    """The octets of a part as they came, with its header."""

    part: int
    octets: bytes
    data_coding: int
    has_header: bool


def octets_of(pdu: DeliverSm | DataSm) -> bytes:
    """The user data; some SMSCs put a NUL or a blank into short_message beside the message_payload."""
    octets = pdu.octets
    if pdu.tlvs and not octets.strip(_PADDING):
        return pdu.tlvs.get(_MESSAGE_PAYLOAD, octets)
    return octets


def place_of(pdu: DeliverSm | DataSm, octets: bytes) -> Place | None:
    """By the user data header, else by the sar_ TLVs (SMPP 3.4 §5.3.2.22 to 24). None: a message of its own, as is
    what claims to be a part that cannot be."""
    if pdu.esm_class & _UDHI:
        header = read_header(octets)
        if header is not None and header.reference is not None:
            kind = ReferenceKind.UDH16 if header.is_wide else ReferenceKind.UDH8
            return _place(kind, header.reference, header.part, header.total)
    tlvs = pdu.tlvs
    if not tlvs or _SAR_MSG_REF_NUM not in tlvs:
        return None
    reference, part, total = (
        int.from_bytes(tlvs.get(tag, b""), "big")
        for tag in (_SAR_MSG_REF_NUM, _SAR_SEGMENT_SEQNUM, _SAR_TOTAL_SEGMENTS)
    )
    return _place(ReferenceKind.SAR, reference, part, total)


def _place(kind: ReferenceKind, reference: int, part: int, total: int) -> Place | None:
    can_be = 1 <= part <= total <= 0xFF and total > 1 and reference <= 0xFFFF
    return Place(kind, reference, part, total) if can_be else None


def join(parts: Sequence[Part], total: int, way: TextWay) -> tuple[str, Encoding]:
    """The text of what came, in the order of `part`; GAP stands for what lacks.

    Neighbours of one data_coding are joined before they are read, since some phones cut inside a character. Others are
    read apart: some networks choose the alphabet of each part anew.
    """
    by_number = {part.part: part for part in parts}
    numbers: Iterable[int] = range(1, total + 1)

    def likeness(number: int) -> tuple[int, bool] | None:
        part = by_number.get(number)
        return None if part is None else (part.data_coding, part.has_header)

    pieces = []
    for like, run in groupby(numbers, likeness):
        if like is None:
            pieces.append(GAP)
        else:
            pieces.append(read_parts([by_number[number].octets for number in run], *like, way))
    is_ucs2 = any(encoding_of(part.data_coding, way) is Encoding.UCS2 for part in parts)
    # No text of ours holds U+0000, which not every database can keep; here it is padding.
    return "".join(pieces).replace("\0", ""), Encoding.UCS2 if is_ucs2 else Encoding.GSM7


def encoding_of(data_coding: int, way: TextWay) -> Encoding:
    """UCS-2 where the carrier, SMPP 3.4 §5.2.19 or a coding group of 3GPP TS 23.038 §4 says so; else septets or
    octets."""
    if data_coding in (0, way.data_coding):
        return Encoding.GSM7
    is_ucs2 = data_coding == way.ucs2_data_coding or CODECS[data_coding & 0xFF] is Codec.UCS2
    return Encoding.UCS2 if is_ucs2 else Encoding.GSM7
