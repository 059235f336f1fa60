"""Leniency, each case one that some SMSC sends."""

import struct

import pytest

from protocol.codec import decode, encode
from protocol.errors import BadPdu
from protocol.fields import write_tlvs
from protocol.numbers import BindMode, CommandId, Tlv
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Outbind,
    SubmitSm,
    SubmitSmResp,
)

RECEIPT_TLVS = {Tlv.RECEIPTED_MESSAGE_ID: b"5F3A\0", Tlv.MESSAGE_STATE: b"\2", Tlv.NETWORK_ERROR_CODE: b"\3\0\0"}


def a_frame(command_id: int, body: bytes, status: int = 0, sequence: int = 7) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, status, sequence) + body


def a_body(
    short_message: bytes = b"hello", behind: bytes = b"", sm_length: int | None = None, service: bytes = b""
) -> bytes:
    length = len(short_message) if sm_length is None else sm_length
    head = service + b"\0\1\1" + b"34600000001\0\5\0SHOP\0" + b"\4\0\0" + b"\0\0" + b"\1\0\0\0"
    return head + bytes([length]) + short_message + behind


def a_deliver(**parts: object) -> DeliverSm:
    pdu = decode(a_frame(CommandId.DELIVER_SM, a_body(**parts)))
    assert isinstance(pdu, DeliverSm)
    assert (pdu.source_addr, pdu.destination_addr, pdu.esm_class, pdu.sequence) == ("34600000001", "SHOP", 4, 7)
    return pdu


def test_service_type_longer_than_its_six_octets_is_taken():
    assert a_deliver(service=b"TRANSACTIONAL").service_type == "TRANSACTIONAL"


def test_nul_inside_the_short_message_is_part_of_it():
    assert a_deliver(short_message=b"id:1\0stat:DELIVRD\0").short_message == b"id:1\0stat:DELIVRD\0"


def test_nul_behind_the_short_message_does_not_hide_the_tlvs():
    pdu = a_deliver(behind=b"\0" + write_tlvs(RECEIPT_TLVS))
    assert (pdu.short_message, pdu.tlvs) == (b"hello", RECEIPT_TLVS)


def test_sm_length_longer_than_the_body_takes_what_remains():
    pdu = a_deliver(short_message=b"hello", sm_length=200)
    assert (pdu.short_message, pdu.tlvs) == (b"hello", {})


def test_tlvs_of_a_vendor_are_kept_raw():
    assert a_deliver(behind=write_tlvs({0x1400: b"\1\2"} | RECEIPT_TLVS)).tlvs == {0x1400: b"\1\2"} | RECEIPT_TLVS


def test_garbage_behind_the_tlvs_is_dropped():
    assert a_deliver(behind=write_tlvs(RECEIPT_TLVS) + b"\xff").tlvs == RECEIPT_TLVS


def test_a_message_payload_stands_for_an_empty_short_message():
    assert a_deliver(short_message=b"", behind=write_tlvs({Tlv.MESSAGE_PAYLOAD: b"id:1"})).octets == b"id:1"


def test_any_octet_is_a_character_of_an_address():
    frame = encode(SubmitSm(source_addr="\x80\xff"))
    assert decode(frame) == SubmitSm(source_addr="\x80\xff")


@pytest.mark.parametrize("kept", range(len(a_body(b"")) - 1))
@pytest.mark.parametrize("command_id", [CommandId.DELIVER_SM, CommandId.SUBMIT_SM])
def test_a_message_without_all_mandatory_fields_is_a_bad_pdu(command_id, kept):
    with pytest.raises(BadPdu) as caught:
        decode(a_frame(command_id, a_body(b"")[:kept]))
    assert (caught.value.command_id, caught.value.sequence) == (command_id, 7)


@pytest.mark.parametrize("kept", range(10))
def test_a_data_sm_without_all_mandatory_fields_is_a_bad_pdu(kept):
    body = b"\0" + b"\0\0" + b"\0" + b"\0\0" + b"\0" + b"\0\0\0"
    assert decode(a_frame(CommandId.DATA_SM, body)) == DataSm(sequence=7)
    with pytest.raises(BadPdu):
        decode(a_frame(CommandId.DATA_SM, body[:kept]))


@pytest.mark.parametrize("kind", [SubmitSmResp, DataSmResp])
@pytest.mark.parametrize(
    ("status", "body", "message_id", "tlvs"),
    [
        (0x58, b"", "", {}),
        (0, b"", "", {}),
        (0, b"\0", "", {}),
        (0, b"5F3A", "5F3A", {}),
        (0, b"5F3A\0" + write_tlvs({Tlv.CONGESTION_STATE: b"\x63"}), "5F3A", {Tlv.CONGESTION_STATE: b"\x63"}),
        (0, b"x" * 200 + b"\0", "x" * 200, {}),
        (0, b"5F3A\0\0\0", "5F3A", {}),
        (0x0B, b"\0" + write_tlvs({Tlv.ADDITIONAL_STATUS_INFO_TEXT: b"no\0"}), "", {0x1D: b"no\0"}),
    ],
)
def test_an_answer_is_read_whatever_became_of_its_body(kind, status, body, message_id, tlvs):
    assert decode(a_frame(kind.command_id, body, status)) == kind(status, message_id, tlvs, 7)


@pytest.mark.parametrize("body", [b"", b"\0", b"5F3A\0", b"\0" + write_tlvs(RECEIPT_TLVS)])
def test_the_body_of_deliver_sm_resp_says_nothing(body):
    assert decode(a_frame(CommandId.DELIVER_SM_RESP, body, 8)) == DeliverSmResp(8, 7)


def test_a_body_behind_enquire_link_is_ignored():
    assert decode(a_frame(CommandId.ENQUIRE_LINK, b"\0")) == EnquireLink(0, 7)


@pytest.mark.parametrize(
    ("body", "system_id", "version"),
    [
        (b"", "", None),
        (b"telco", "telco", None),
        (b"telco\0", "telco", None),
        (b"telco\0" + write_tlvs({Tlv.SC_INTERFACE_VERSION: b"\x50"}), "telco", 0x50),
        (b"telco\0" + write_tlvs({Tlv.SC_INTERFACE_VERSION: b""}), "telco", None),
    ],
)
def test_a_bind_response_is_read_whatever_became_of_its_body(body, system_id, version):
    frame = a_frame(CommandId.BIND_RECEIVER_RESP, body)
    assert decode(frame) == BindResp(BindMode.RECEIVER, 0, system_id, version, 7)


def test_a_bind_without_the_last_nul_is_taken():
    body = b"acme\0secret\0\0\x34\1\2range"
    expected = BindRequest(BindMode.TRANSCEIVER, "acme", "secret", "", 0x34, 1, 2, "range", 7)
    assert decode(a_frame(CommandId.BIND_TRANSCEIVER, body)) == expected


@pytest.mark.parametrize("body", [b"", b"acme\0", b"acme\0secret\0", b"acme\0secret\0\0\x34\1"])
def test_a_bind_without_all_mandatory_fields_is_a_bad_pdu(body):
    with pytest.raises(BadPdu):
        decode(a_frame(CommandId.BIND_TRANSCEIVER, body))


def test_an_outbind_is_read():
    assert decode(a_frame(CommandId.OUTBIND, b"telco\0secret")) == Outbind("telco", "secret", 7)
