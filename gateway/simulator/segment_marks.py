"""What tells one submitted segment from another: its place in a long message and its text without the header."""

from typing import NamedTuple

from protocol.numbers import EsmClass, Tlv
from protocol.pdus import DataSm, SubmitSm
from protocol.segments import read_header

# Plain integers: arithmetic and look-ups by an IntEnum member call back into Python.
_UDHI = int(EsmClass.UDHI)
_SAR_MSG_REF_NUM = int(Tlv.SAR_MSG_REF_NUM)
_SAR_TOTAL_SEGMENTS = int(Tlv.SAR_TOTAL_SEGMENTS)
_SAR_SEGMENT_SEQNUM = int(Tlv.SAR_SEGMENT_SEQNUM)


class Mark(NamedTuple):
    """`reference` is None for a message of one part."""

    reference: int | None
    part: int
    parts: int
    text: bytes


def mark_of(pdu: SubmitSm | DataSm) -> Mark:
    """Reads the concatenation from the user data header, else from the sar_ TLVs (SMPP 3.4 §5.3.2.22 and on)."""
    octets = pdu.octets
    if pdu.esm_class & _UDHI:
        header = read_header(octets)
        if header is not None:
            return Mark(header.reference, header.part, header.total, octets[header.length :])
    tlvs = pdu.tlvs
    if tlvs and _SAR_MSG_REF_NUM in tlvs:
        reference, part, parts = (
            int.from_bytes(tlvs.get(tag, b"\1"), "big")
            for tag in (_SAR_MSG_REF_NUM, _SAR_SEGMENT_SEQNUM, _SAR_TOTAL_SEGMENTS)
        )
        return Mark(reference, part, parts, octets)
    return Mark(None, 1, 1, octets)
