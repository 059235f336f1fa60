"""Octets however they come: any cutting of the stream means the same, and none breaks a session."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import encode
from protocol.numbers import BindMode, Tlv
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    SubmitSmResp,
    Unbind,
    Unknown,
)
from protocol.session import Session
from protocol.session_states import Role

STREAM = b"".join(
    encode(pdu)
    for pdu in (
        BindResp(BindMode.TRANSCEIVER, 0, "telco", 0x34, 1),
        DeliverSm(short_message=b"id:1 stat:DELIVRD", tlvs={Tlv.MESSAGE_STATE: b"\2"}, sequence=0),
        EnquireLink(0, 2),
        Unknown(0x0001_0200, 0, b"??", 3),
        DataSm(tlvs={Tlv.MESSAGE_PAYLOAD: bytes(300)}, sequence=0xFFFF_FFFF),
        SubmitSmResp(0, "5F3A", sequence=77),
        EnquireLinkResp(0, 5),
        GenericNack(3, 0),
        Unbind(0, 9),
    )
)


def a_session(role: Role) -> Session:
    return Session(
        role,
        window=5,
        response_timeout=60.0,
        enquire_link_idle=20.0,
        enquire_link_timeout=5.0,
        enquire_link_misses=2,
        bind_timeout=10.0,
    )


def heard_in_pieces(cuts: list[int]) -> tuple[list[object], bytes]:
    session = a_session(Role.ESME)
    session.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"), 0.0)
    events, sent, bounds = [], b"", [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(bounds):
        events += session.receive_bytes(STREAM[start:end], 0.0)
        sent += session.bytes_to_send()
    events += session.answer_unbind()
    return events, sent + session.bytes_to_send()


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cutting_of_the_stream_gives_the_same_events_and_answers(cuts):
    whole = heard_in_pieces([])
    assert [type(event).__name__ for event in whole[0]] == [
        "Bound",
        "Delivered",
        "PeerComplained",
        "Delivered",
        "PeerComplained",
        "PeerComplained",
        "PeerUnbound",
        "Closed",
    ]
    assert heard_in_pieces(cuts) == whole


@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans())
def test_no_octets_ever_raise(chunks, as_frames):
    session = a_session(Role.SMSC)
    for number, chunk in enumerate(chunks):
        data = struct.pack(">II", 8 + max(8, len(chunk)), number) + chunk.ljust(8, b"\0") if as_frames else chunk
        session.receive_bytes(data, float(number))
        session.tick(float(number))
        session.bytes_to_send()


def test_nothing_is_kept_of_what_comes_after_the_end(esme):
    esme.hears(b"\0\0\0\x20")
    esme.session.receive_eof(esme.now)
    for _ in range(100):
        assert esme.hears(b"\0\0\xff\xff" * 16_000) == []
    assert len(esme.session._framer._rest) <= 4
