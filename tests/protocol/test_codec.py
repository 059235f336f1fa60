"""Both ways at once: round trips, and the lean path against smpplib wherever smpplib is right."""

import struct
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import smpp

from protocol.codec import decode, encode
from protocol.command_status import CommandStatus
from protocol.errors import BadPdu, LocalProtocolError
from protocol.numbers import BIND_IDS, BindMode, CommandId, Tlv
from protocol.pdus import (
    HEADER_ONLY,
    AlertNotification,
    BindRequest,
    BindResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    GenericNack,
    Outbind,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    Unknown,
)


def text(size: int) -> st.SearchStrategy[str]:
    """What fits a C-octet string of that size."""
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size - 1)


OCTET = st.integers(0, 255)
UINT32 = st.integers(0, 0xFFFF_FFFF)
TLVS = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=30), max_size=5)
MODE = st.sampled_from(BindMode)
ENDS = {
    "service_type": text(6),
    "source_addr_ton": OCTET,
    "source_addr_npi": OCTET,
    "source_addr": text(21),
    "dest_addr_ton": OCTET,
    "dest_addr_npi": OCTET,
    "destination_addr": text(21),
    "esm_class": OCTET,
}
FROM_TO = {name: values for name, values in ENDS.items() if name not in ("service_type", "esm_class")}
MESSAGE = ENDS | {
    "protocol_id": OCTET,
    "priority_flag": OCTET,
    "schedule_delivery_time": text(17),
    "validity_period": text(17),
    "registered_delivery": OCTET,
    "replace_if_present_flag": OCTET,
    "data_coding": OCTET,
    "sm_default_msg_id": OCTET,
    "short_message": st.binary(max_size=254),
    "tlvs": TLVS,
    "sequence": UINT32,
}
DATA = ENDS | {"registered_delivery": OCTET, "data_coding": OCTET, "tlvs": TLVS, "sequence": UINT32}
RESP = {"status": UINT32, "message_id": text(65), "tlvs": TLVS, "sequence": UINT32}
SOURCE = {"source_addr_ton": OCTET, "source_addr_npi": OCTET, "source_addr": text(21)}
PDUS = st.one_of(
    st.builds(SubmitSm, **MESSAGE),
    st.builds(DeliverSm, **MESSAGE),
    st.builds(DataSm, **DATA),
    st.builds(SubmitSmResp, **RESP),
    st.builds(DataSmResp, **RESP),
    st.builds(DeliverSmResp, UINT32, UINT32),
    st.one_of([st.builds(kind, UINT32, UINT32) for kind in HEADER_ONLY]),
    st.builds(BindRequest, MODE, text(65), text(65), text(13), OCTET, OCTET, OCTET, text(41), UINT32),
    st.builds(BindResp, MODE, UINT32, text(65), st.none() | OCTET, UINT32),
    st.builds(Outbind, text(65), text(65), UINT32),
    st.builds(QuerySm, text(65).filter(bool), sequence=UINT32, **SOURCE),
    st.builds(CancelSm, text(6), text(65), sequence=UINT32, **FROM_TO),
    st.builds(QuerySmResp, UINT32, text(65), text(17), OCTET, OCTET, UINT32),
    st.builds(AlertNotification, OCTET, OCTET, text(21), OCTET, OCTET, text(21), TLVS, UINT32),
    st.builds(Unknown, st.sampled_from([CommandId.REPLACE_SM, 0x0001_0200]), UINT32, st.binary(max_size=60), UINT32),
)

SMPPLIB_TLVS = {
    Tlv.USER_MESSAGE_REFERENCE: ("user_message_reference", ">H"),
    Tlv.SOURCE_PORT: ("source_port", ">H"),
    Tlv.DESTINATION_PORT: ("destination_port", ">H"),
    Tlv.SAR_MSG_REF_NUM: ("sar_msg_ref_num", ">H"),
    Tlv.SAR_TOTAL_SEGMENTS: ("sar_total_segments", ">B"),
    Tlv.SAR_SEGMENT_SEQNUM: ("sar_segment_seqnum", ">B"),
}
"""In the order that smpplib writes them."""


def by_smpplib(name: str, sequence: int, status: int = 0, **values: object) -> bytes:
    pdu = smpp.make_pdu(name, sequence=sequence, **values)
    pdu.sequence, pdu.status = sequence, status  # what it was given to make_pdu is not used
    for field, value in values.items():
        setattr(pdu, field, value)
    octets: bytes = pdu.generate()
    return octets


def values_of(pdu: object) -> dict[str, object]:
    left_out = {"sequence", "tlvs", "status", "mode"}
    return {field.name: getattr(pdu, field.name) for field in fields(pdu) if field.name not in left_out}


@given(PDUS)
def test_decoding_what_was_encoded_gives_the_same_pdu(pdu):
    frame = encode(pdu)
    assert struct.unpack(">I", frame[:4]) == (len(frame),)
    assert decode(frame) == pdu


@given(
    st.one_of(st.builds(SubmitSm, **MESSAGE), st.builds(DeliverSm, **MESSAGE), st.builds(DataSm, **DATA)),
    st.sets(st.sampled_from(list(SMPPLIB_TLVS))),
    st.integers(0, 255),
)
def test_messages_have_the_octets_that_smpplib_gives_them(pdu, tags, number):
    written = {tag: (name, struct.pack(size, number)) for tag, (name, size) in SMPPLIB_TLVS.items() if tag in tags}
    if isinstance(pdu, DataSm):  # it writes this one in another place of the order
        written.pop(Tlv.USER_MESSAGE_REFERENCE, None)
    pdu = replace(pdu, tlvs={tag: octets for tag, (_, octets) in written.items()})
    names = {name: number for name, _ in written.values()}
    assert encode(pdu) == by_smpplib(pdu.command_id.name.lower(), pdu.sequence, **values_of(pdu), **names)


@given(st.builds(SubmitSm, **MESSAGE | {"short_message": st.just(b"")}), st.binary(min_size=1, max_size=3000))
def test_a_payload_has_the_octets_that_smpplib_gives_it(pdu, payload):
    pdu = replace(pdu, tlvs={Tlv.MESSAGE_PAYLOAD: payload})
    assert encode(pdu) == by_smpplib("submit_sm", pdu.sequence, **values_of(pdu), message_payload=payload)


@given(st.builds(BindRequest, MODE, text(16), text(9), text(13), OCTET, OCTET, OCTET, text(41), UINT32))
def test_binds_have_the_octets_that_smpplib_gives_them(pdu):
    assert encode(pdu) == by_smpplib(BIND_IDS[pdu.mode].name.lower(), pdu.sequence, **values_of(pdu))


@given(MODE, text(16), st.none() | OCTET, UINT32)
def test_bind_responses_have_the_octets_that_smpplib_gives_them(mode, system_id, version, sequence):
    theirs = by_smpplib(
        BIND_IDS[mode].name.lower() + "_resp", sequence, system_id=system_id, sc_interface_version=version
    )
    assert encode(BindResp(mode, 0, system_id, version, sequence)) == theirs


@given(st.sampled_from([SubmitSmResp, DataSmResp]), text(65), UINT32)
def test_message_responses_have_the_octets_that_smpplib_gives_them(kind, message_id, sequence):
    theirs = by_smpplib(kind.command_id.name.lower(), sequence, message_id=message_id)
    assert encode(kind(0, message_id, {}, sequence)) == theirs


@given(st.sampled_from([kind for kind in HEADER_ONLY if kind is not CancelSmResp]), UINT32, UINT32)
def test_header_only_pdus_have_the_octets_that_smpplib_gives_them(kind, status, sequence):
    assert encode(kind(status, sequence)) == by_smpplib(kind.command_id.name.lower(), sequence, status)


@given(st.one_of(st.builds(SubmitSm, **MESSAGE), st.builds(DeliverSm, **MESSAGE)))
def test_messages_mean_what_smpplib_reads_in_them(pdu):
    parsed = smpp.parse_pdu(encode(replace(pdu, tlvs={})), sequence=0, allow_unknown_opt_params=True)
    theirs = {name: getattr(parsed, name) for name in values_of(pdu)}
    if not pdu.short_message:
        theirs["short_message"] = b""  # smpplib stops before an empty one and leaves None
    ours = {
        name: value.encode("latin-1") if isinstance(value, str) else value for name, value in values_of(pdu).items()
    }
    assert theirs == ours
    assert (parsed.sequence, parsed.status) == (pdu.sequence, 0)


def read(frame: bytes) -> object:
    """The PDU, or the BadPdu; whatever else is raised fails the test."""
    try:
        return decode(frame)
    except BadPdu as fault:
        return fault


@given(st.sampled_from([*CommandId, 0, 0x0001_0200]), st.binary(max_size=120), UINT32)
def test_whatever_the_octets_are_only_a_bad_pdu_is_raised(command_id, body, sequence):
    result = read(struct.pack(">IIII", 16 + len(body), command_id, 0, sequence) + body)
    assert result.sequence == sequence
    if isinstance(result, BadPdu):
        assert (result.command_id, result.status) == (command_id, CommandStatus.ESME_RINVCMDLEN)


@given(st.binary(max_size=15))
def test_less_than_a_header_is_a_bad_pdu(octets):
    with pytest.raises(BadPdu):
        decode(octets)


@given(PDUS, st.data())
def test_a_frame_cut_anywhere_is_a_bad_pdu_or_one_of_its_kind(pdu, data):
    frame = encode(pdu)
    result = read(frame[: data.draw(st.integers(16, len(frame)))])
    assert type(result) in (type(pdu), BadPdu)
    assert result.sequence == pdu.sequence


@pytest.mark.parametrize(
    ("frame", "pdu"),
    [
        # SMPP 3.4 §3.2.2, the example that the specification itself works through.
        (
            "0000002F000000020000000000000001534D50503354455354007365637265743038005355424D49543100000101 00",
            BindRequest(BindMode.TRANSMITTER, "SMPP3TEST", "secret08", "SUBMIT1", 0x00, 1, 1, "", 1),
        ),
        ("00000010000000150000000000000007", EnquireLink(0, 7)),
        ("00000010800000000000000300000000", GenericNack(3, 0)),
        ("000000100000000600000000FFFFFFFF", Unbind(0, 0xFFFFFFFF)),
        ("00000015800000040000000000000002 3546334100", SubmitSmResp(0, "5F3A", {}, 2)),
        ("00000011800000050000000000000000 00", DeliverSmResp(0, 0)),
    ],
)
def test_vectors_read_and_write_as_the_specification_has_them(frame, pdu):
    octets = bytes.fromhex(frame)
    assert decode(octets) == pdu
    assert encode(pdu) == octets


def test_query_sm_needs_a_message_id():
    with pytest.raises(LocalProtocolError, match="QuerySm"):
        encode(QuerySm(""))


def test_cancel_sm_has_the_octets_of_the_specification():
    # SMPP 3.4 §4.9.1, which smpplib does not know.
    pdu = CancelSm("", "5F3A", 5, 0, "SHOP", 1, 1, "34600000001", 7)
    body = b"\0" + b"5F3A\0" + b"\5\0SHOP\0" + b"\1\00134600000001\0"
    assert encode(pdu) == struct.pack(">IIII", 16 + len(body), 8, 0, 7) + body
    assert encode(CancelSmResp(0x11, 7)) == bytes.fromhex("00000010800000080000001100000007")


@pytest.mark.parametrize("changes", [{"message_id": "x" * 65}, {"source_addr": "1" * 21}, {"dest_addr_ton": 256}])
def test_a_cancel_sm_that_no_frame_can_hold_is_refused(changes):
    with pytest.raises(LocalProtocolError):
        encode(CancelSm(**changes))


@pytest.mark.parametrize("body", [b"", b"\0", b"5F3A", b"5F3A\0", b"5F3A\0\0", b"5F3A\0\0\5"])
def test_a_refused_query_may_come_without_a_body_or_with_the_beginning_of_one(body):
    command_id = int(CommandId.QUERY_SM_RESP)
    refused, accepted = (struct.pack(">IIII", 16 + len(body), command_id, status, 9) + body for status in (0x67, 0))
    assert decode(refused) == QuerySmResp(CommandStatus.ESME_RQUERYFAIL, sequence=9)
    with pytest.raises(BadPdu):
        decode(accepted)


def test_a_cut_request_stays_a_bad_pdu_whatever_its_status_says():
    with pytest.raises(BadPdu):
        decode(struct.pack(">IIII", 17, CommandId.QUERY_SM, 0x67, 9) + b"\0")


def test_an_alert_notification_keeps_its_optional_parameters():
    pdu = AlertNotification(tlvs={0x0422: b"\x01"}, sequence=9)
    assert decode(encode(pdu)) == pdu


def test_a_string_of_the_long_tail_is_not_cut_but_refused():
    with pytest.raises(LocalProtocolError, match="message_id holds at most 64"):
        encode(QuerySm("x" * 65))
