from dataclasses import replace

import pytest

from protocol.codec import decode, encode
from protocol.errors import LocalProtocolError
from protocol.numbers import BindMode
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    Outbind,
    SubmitSm,
    SubmitSmResp,
)


@pytest.mark.parametrize("status", [0, 0x08, 0x64, 0xFFFFFFFF])
@pytest.mark.parametrize("sequence", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_deliver_sm_resp_is_exactly_17_octets(status, sequence):
    frame = encode(DeliverSmResp(status, sequence))
    assert len(frame) == 17
    assert frame[3] == 17
    assert frame[16:] == b"\0"


@pytest.mark.parametrize("pdu", [SubmitSmResp(0x58, sequence=7), BindResp(BindMode.RECEIVER, 0x0E, sequence=7)])
def test_a_refusal_is_a_header_alone(pdu):
    assert len(encode(pdu)) == 16


def test_a_refused_data_sm_keeps_its_body():
    assert len(encode(DataSmResp(0x08, sequence=7))) == 17


@pytest.mark.parametrize("pdu", [SubmitSm(), DeliverSm(), DataSm()])
@pytest.mark.parametrize("field", ["service_type", "source_addr", "destination_addr"])
@pytest.mark.parametrize(("value", "reason"), [("x" * 66, "at most"), ("a\0b", "NUL"), ("€", "latin-1|does not fit")])
def test_a_string_that_does_not_fit_is_refused_not_cut(pdu, field, value, reason):
    with pytest.raises(LocalProtocolError, match=reason):
        encode(replace(pdu, **{field: value}))


@pytest.mark.parametrize("pdu", [SubmitSm(), DeliverSm()])
@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("service_type", 5),
        ("source_addr", 20),
        ("destination_addr", 20),
        ("schedule_delivery_time", 16),
        ("validity_period", 16),
    ],
)
def test_a_string_may_fill_its_field_and_no_more(pdu, field, longest):
    assert b"x" * longest in encode(replace(pdu, **{field: "x" * longest}))
    with pytest.raises(LocalProtocolError, match=field):
        encode(replace(pdu, **{field: "x" * (longest + 1)}))


@pytest.mark.parametrize(
    "pdu", [BindRequest(BindMode.TRANSCEIVER, "", ""), BindResp(BindMode.TRANSCEIVER, 0), Outbind("", "")]
)
def test_a_system_id_longer_than_the_specification_has_it_is_sent_whole_up_to_64_characters(pdu):
    longer = replace(pdu, system_id="x" * 64)
    assert decode(encode(longer)) == longer
    with pytest.raises(LocalProtocolError, match="system_id holds at most 64"):
        encode(replace(pdu, system_id="x" * 65))


@pytest.mark.parametrize("pdu", [SubmitSm(), DeliverSm(), DataSm()])
@pytest.mark.parametrize("value", [-1, 256])
def test_an_integer_beyond_its_octet_is_refused(pdu, value):
    with pytest.raises(LocalProtocolError, match=type(pdu).__name__):
        encode(replace(pdu, data_coding=value))


def test_a_short_message_beyond_254_octets_is_refused():
    assert encode(SubmitSm(short_message=bytes(254)))
    with pytest.raises(LocalProtocolError, match="254"):
        encode(SubmitSm(short_message=bytes(255)))


@pytest.mark.parametrize(
    "pdu",
    [
        SubmitSm(sequence=-1),
        DeliverSmResp(1 << 32),
        BindRequest(BindMode.RECEIVER, "a", "b", interface_version=256),
    ],
)
def test_a_number_that_does_not_fit_is_our_fault_to_hear(pdu):
    with pytest.raises(LocalProtocolError):
        encode(pdu)


def test_a_refusal_by_the_codec_shows_no_number_of_a_subscriber():
    with pytest.raises(LocalProtocolError) as caught:
        encode(SubmitSm(destination_addr="34600000001", data_coding=256))
    assert "34600000001" not in str(caught.value)


def test_a_password_longer_than_the_specification_allows_is_sent_whole():
    assert b"a-long-password-of-28-octets\0" in encode(
        BindRequest(BindMode.TRANSCEIVER, "acme", "a-long-password-of-28-octets")
    )
    assert b"a-long-password-of-28-octets\0" in encode(Outbind("telco", "a-long-password-of-28-octets"))
