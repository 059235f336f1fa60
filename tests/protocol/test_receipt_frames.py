"""Receipts straight from their frames: what the PDU would have said, or nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from receipt_vectors import VECTORS, pdu_of

from protocol.codec import decode, encode
from protocol.errors import BadPdu
from protocol.numbers import Tlv
from protocol.pdus import DeliverSm
from protocol.receipt_frames import read_receipt_frame
from protocol.receipts import Receipt, read_receipt

TEXT = b"id:5F3A sub:001 dlvrd:001 submit date:2603090814 done date:2603090815 stat:DELIVRD err:000 text:hi"
NAMED, STATE = (int(Tlv.RECEIPTED_MESSAGE_ID), b"5F3A\0"), (int(Tlv.MESSAGE_STATE), b"\2")
REFERENCE = (int(Tlv.USER_MESSAGE_REFERENCE), b"\0\7")


def a_frame(text: bytes = TEXT, *tlvs: tuple[int, bytes], **fields: object) -> bytes:
    return encode(
        DeliverSm(
            source_addr="1", destination_addr="2", **({"esm_class": 4} | fields), short_message=text, tlvs=dict(tlvs)
        )
    )


def from_frame(frame: bytes) -> Receipt | None:
    """From the midst of what was read, whatever stands around it."""
    for before, behind in ((b"", b""), (b"\0\4id:9 ", b"text:\0\1")):
        octets = before + frame + behind
        read = read_receipt_frame(octets, octets.decode("latin-1"), len(before), len(before) + len(frame))
        if not before:
            alone = read
    assert read == alone
    return read


def both_ways(frame: bytes) -> tuple[Receipt | None, Receipt | None]:
    """From the frame, and of its PDU."""
    try:
        pdu = decode(frame)
    except BadPdu:
        return from_frame(frame), None
    assert isinstance(pdu, DeliverSm)
    return from_frame(frame), read_receipt(pdu)


@pytest.mark.parametrize("tlvs", [(), (NAMED,), (STATE,), (NAMED, STATE), (STATE, NAMED), (STATE, NAMED, REFERENCE)])
def test_a_receipt_of_the_usual_layout_is_read_from_its_frame(tlvs):
    quick, careful = both_ways(a_frame(TEXT, *tlvs))
    assert quick is not None
    assert quick == careful
    assert quick.reference == (7 if REFERENCE in tlvs else None)


@pytest.mark.parametrize(
    "frame",
    [
        a_frame(b"Hello", esm_class=0),
        a_frame(b"id:1 stat:DELIVRD"),
        a_frame(TEXT, esm_class=0x44),
        a_frame(TEXT, (int(Tlv.RECEIPTED_MESSAGE_ID), b"77\0")),
        a_frame(TEXT, (int(Tlv.MESSAGE_STATE), b"\5"), NAMED),
        a_frame(TEXT, STATE, (int(Tlv.NETWORK_ERROR_CODE), b"\3\0\1")),
        a_frame(b"", (int(Tlv.MESSAGE_PAYLOAD), TEXT)),
        a_frame()[:30],
    ],
)
def test_whatever_may_say_more_is_left_to_the_pdu(frame):
    assert from_frame(frame) is None


def test_a_state_that_nobody_knows_is_read_with_its_tlvs():
    quick, careful = both_ways(a_frame(TEXT.replace(b"DELIVRD", b"WHATEVR"), NAMED))
    assert quick is not None
    assert quick == careful


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_each_shape_is_read_as_its_pdu_is_or_left_to_it(vector):
    pdu = pdu_of(vector["fields"])
    if isinstance(pdu, DeliverSm):
        quick, careful = both_ways(encode(pdu))
        assert quick is None or quick == careful


@given(st.data())
@example(None)
def test_no_octets_make_the_frame_say_otherwise_than_its_pdu(data):
    frame = a_frame(TEXT, NAMED, STATE)
    if data is not None:
        for _ in range(data.draw(st.integers(1, 4))):
            at, count = data.draw(st.integers(16, len(frame))), data.draw(st.integers(0, 3))
            frame = (
                frame[:at] + data.draw(st.sampled_from([b"", b"\0", b"\4", b"\x1e", b"5", b" "])) + frame[at + count :]
            )
        frame = frame[: data.draw(st.integers(16, len(frame)))]
    quick, careful = both_ways(frame)
    assert quick is None or quick == careful
