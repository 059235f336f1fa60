import pytest

from gateway.simulator.segment_marks import Mark, mark_of
from protocol.numbers import Tlv
from protocol.pdus import DataSm, SubmitSm


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"\x05\x00\x03\x2a\x03\x02Hello", Mark(0x2A, 2, 3, b"Hello")),
        (b"\x06\x08\x04\x12\x34\x03\x02Hello", Mark(0x1234, 2, 3, b"Hello")),
        (b"\x06\x05\x04\x0b\x84\x23\xf0Hello", Mark(None, 1, 1, b"Hello")),
    ],
)
def test_a_header_tells_the_part_and_is_no_part_of_the_text(octets: bytes, expected: Mark) -> None:
    assert mark_of(SubmitSm(esm_class=0x40, short_message=octets)) == expected


def test_sar_tlvs_tell_the_part() -> None:
    tlvs = {Tlv.SAR_MSG_REF_NUM: b"\x00\x07", Tlv.SAR_TOTAL_SEGMENTS: b"\x02", Tlv.SAR_SEGMENT_SEQNUM: b"\x02"}
    assert mark_of(SubmitSm(short_message=b"Hello", tlvs={**tlvs})) == Mark(7, 2, 2, b"Hello")


def test_a_message_of_one_part_has_no_reference() -> None:
    assert mark_of(SubmitSm(short_message=b"Hello")) == Mark(None, 1, 1, b"Hello")
    assert mark_of(DataSm(tlvs={Tlv.MESSAGE_PAYLOAD: b"Hello"})) == Mark(None, 1, 1, b"Hello")


@pytest.mark.parametrize("octets", [b"", b"\xff", b"\xffHello", b"\x05\x00"])
def test_a_header_that_is_none_leaves_the_octets_as_they_are(octets: bytes) -> None:
    assert mark_of(SubmitSm(esm_class=0x40, short_message=octets)) == Mark(None, 1, 1, octets)
