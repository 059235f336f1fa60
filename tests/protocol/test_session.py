"""What the peer says, each test one behaviour that is met on the wire."""

import struct

import pytest

from protocol.codec import encode
from protocol.command_status import CommandStatus
from protocol.fields import write_header
from protocol.numbers import BindMode, Tlv
from protocol.pdus import (
    AlertNotification,
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unknown,
)
from protocol.receipts import read_receipt
from protocol.session_events import (
    BindRefused,
    Bound,
    Closed,
    CloseReason,
    Delivered,
    PeerComplained,
    Reported,
    SubmitAnswered,
    SubmitExpired,
    Submitted,
    Unbound,
)
from protocol.session_states import Role, SessionState


@pytest.fixture
def binding(dialogue):
    """An ESME that waits for the answer to bind_receiver, sequence number 1."""
    it = dialogue()
    it.session.bind(BindRequest(BindMode.RECEIVER, "acme", "secret"), it.now)
    it.said()
    return it


# Messages and their answers


def test_a_receipt_before_its_submit_sm_resp_is_told_first(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    receipt = DeliverSm(short_message=b"id:5F3A stat:DELIVRD", sequence=1)
    delivered, answered = esme.hears(receipt, SubmitSmResp(0, "5F3A", sequence=sequence))
    assert delivered == Delivered(receipt)
    assert answered == SubmitAnswered("m1", 0, "5F3A", {}, 0.0, late=False)


def test_receipts_of_an_earlier_session_come_right_after_the_bind(binding):
    receipt = DeliverSm(short_message=b"id:1 stat:DELIVRD", sequence=1)
    assert binding.hears(BindResp(BindMode.RECEIVER, 0, "telco", sequence=1), receipt) == [
        Bound("telco", None),
        Delivered(receipt),
    ]


def test_an_inbound_message_before_bind_resp_is_taken_and_can_be_answered(binding):
    message = DeliverSm(short_message=b"hello", tlvs={Tlv.RECEIPTED_MESSAGE_ID: b"1\0"}, sequence=4)
    assert binding.hears(message) == [Delivered(message)]
    binding.session.answer(message, 0)
    assert binding.said() == [DeliverSmResp(0, 4)]
    assert binding.hears(BindResp(BindMode.RECEIVER, 0, "telco", 0x34, 1)) == [Bound("telco", 0x34)]


def test_a_receipt_as_data_sm_is_delivered_and_answered_in_kind(esme):
    receipt = DataSm(esm_class=4, tlvs={Tlv.MESSAGE_PAYLOAD: b"id:1 stat:DELIVRD"}, sequence=3)
    assert esme.hears(receipt) == [Delivered(receipt)]
    esme.session.answer(receipt, 0)
    assert esme.said() == [DataSmResp(0, sequence=3)]


@pytest.mark.parametrize("mode", BindMode)
def test_a_receipt_is_taken_whatever_the_mode(dialogue, mode):
    it = dialogue().binds(mode)
    assert it.hears(DeliverSm(sequence=3)) == [Delivered(DeliverSm(sequence=3))]


@pytest.mark.parametrize("message_id", ["0", "", "same", "x" * 64])
def test_any_message_id_is_told_as_it_is_even_an_empty_one(esme, message_id):
    sequences = [esme.session.submit(SubmitSm(), token, esme.now) for token in ("m1", "m2")]
    events = esme.hears(*[SubmitSmResp(0, message_id, sequence=sequence) for sequence in sequences])
    assert [(event.token, event.message_id) for event in events] == [("m1", message_id), ("m2", message_id)]


def test_an_answer_with_optional_parameters_hands_them_on(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    (event,) = esme.hears(SubmitSmResp(0, "5F3A", {Tlv.CONGESTION_STATE: b"\x50"}, sequence))
    assert event.tlvs == {Tlv.CONGESTION_STATE: b"\x50"}


def test_a_refusal_without_a_body_is_an_answer(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    refusal = struct.pack(">IIII", 16, 0x8000_0004, 0x58, sequence)
    assert esme.hears(refusal) == [SubmitAnswered("m1", 0x58, "", {}, 0.0, late=False)]


def test_an_acceptance_without_a_body_is_an_answer(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    assert esme.hears(struct.pack(">IIII", 16, 0x8000_0004, 0, sequence)) == [
        SubmitAnswered("m1", 0, "", {}, 0.0, late=False)
    ]


def test_answers_out_of_order_find_their_requests(esme):
    sequences = [esme.session.submit(SubmitSm(), token, esme.now) for token in range(5)]
    events = esme.hears(*[SubmitSmResp(0, str(number), sequence=number) for number in reversed(sequences)])
    assert [(event.token, event.message_id) for event in events] == [
        (token, str(sequences[token])) for token in (4, 3, 2, 1, 0)
    ]


@pytest.mark.parametrize("sequence", [0, 1, 0x7FFF_FFFF, 0x8000_0000, 4_000_000_000, 0xFFFF_FFFF])
@pytest.mark.parametrize("kind", [DeliverSm, DataSm])
def test_a_delivery_is_answered_with_the_very_sequence_number_it_had(esme, kind, sequence):
    (event,) = esme.hears(kind(sequence=sequence))
    esme.session.answer(event.pdu, 0)
    assert [said.sequence for said in esme.said()] == [sequence]


def test_deliver_sm_resp_is_exactly_17_octets_on_the_wire(esme):
    (event,) = esme.hears(DeliverSm(sequence=3))
    esme.session.answer(event.pdu, CommandStatus.ESME_RX_T_APPN)
    assert esme.session.bytes_to_send() == struct.pack(">IIIIB", 17, 0x8000_0005, 0x64, 3, 0)


def test_a_service_type_too_long_does_not_hinder_a_delivery(esme):
    body = encode(DeliverSm(sequence=3))[16:]
    frame = struct.pack(">IIII", 16 + 13 + len(body), 5, 0, 3) + b"TRANSACTIONAL" + body
    (event,) = esme.hears(frame)
    assert event.pdu.service_type == "TRANSACTIONAL"


@pytest.mark.parametrize("sequence", [999, 0, 0x8000_0001, 0xFFFF_FFFF])
def test_an_answer_to_no_request_is_told_and_never_guessed(esme, sequence):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    assert esme.hears(SubmitSmResp(0, "5F3A", sequence=sequence)) == [PeerComplained(0, sequence)]
    assert esme.session.window.in_flight == 1


def test_a_submit_is_told_to_the_smsc_as_it_came(smsc):
    pdu = SubmitSm(
        destination_addr="34600000001", short_message=b"\0\1", tlvs={Tlv.SAR_MSG_REF_NUM: b"\0\1"}, sequence=4
    )
    assert smsc.hears(pdu) == [Submitted(pdu)]


# Binding


@pytest.mark.parametrize("mode", BindMode)
def test_a_bind_answered_by_another_binds_response_is_answered(binding, mode):
    assert binding.hears(BindResp(mode, 0, "telco", sequence=1)) == [Bound("telco", None)]
    assert binding.session.mode is BindMode.RECEIVER


def test_a_bind_response_that_does_not_echo_the_sequence_number_is_taken(binding):
    assert binding.hears(BindResp(BindMode.RECEIVER, 0, "telco", sequence=0)) == [Bound("telco", None)]


@pytest.mark.parametrize("sequence", [0, 1])
@pytest.mark.parametrize(("status", "told"), [(0x03, 0x03), (0xFF, 0xFF), (0, 0xFF)])
def test_a_bind_answered_by_generic_nack_is_refused(binding, sequence, status, told):
    assert binding.hears(GenericNack(status, sequence)) == [
        BindRefused(told),
        Closed(CloseReason.BIND_REFUSED, CommandStatus(told).name),
    ]


def test_a_nack_of_something_else_does_not_end_a_bind(binding):
    assert binding.hears(GenericNack(3, 99)) == [PeerComplained(3, 99)]
    assert binding.session.state is SessionState.BINDING


def test_a_bind_never_answered_times_out(binding):
    assert binding.waits(9.9) == []
    assert binding.waits(0.1) == [Closed(CloseReason.BIND_TIMEOUT, "bind was not answered")]


@pytest.mark.parametrize("status", [0x0D, 0x0E])
@pytest.mark.parametrize("body", [b"", b"\0", b"telco\0"])
def test_a_wrong_password_is_told_with_or_without_a_body(binding, status, body):
    frame = struct.pack(">IIII", 16 + len(body), 0x8000_0001, status, 1) + body
    assert binding.hears(frame)[0] == BindRefused(status)


def test_a_second_bind_response_is_told_and_changes_nothing(esme):
    assert esme.hears(BindResp(BindMode.TRANSCEIVER, 0x0E, sequence=1)) == [PeerComplained(0x0E, 1)]
    assert esme.session.state is SessionState.BOUND


def test_a_second_bind_to_an_smsc_is_already_bound(smsc):
    assert smsc.hears(BindRequest(BindMode.RECEIVER, "acme", "secret", sequence=2)) == [PeerComplained(0x05, 2)]
    assert smsc.said() == [BindResp(BindMode.RECEIVER, CommandStatus.ESME_RALYBND, sequence=2)]


def test_a_submit_before_the_bind_is_refused(dialogue):
    it = dialogue(Role.SMSC)
    assert it.hears(SubmitSm(sequence=2)) == [PeerComplained(0x04, 2)]
    assert it.said() == [SubmitSmResp(CommandStatus.ESME_RINVBNDSTS, sequence=2)]


def test_a_submit_on_a_receiver_bind_is_refused(dialogue):
    it = dialogue(Role.SMSC).binds(BindMode.RECEIVER)
    assert it.hears(SubmitSm(sequence=2)) == [PeerComplained(0x04, 2)]


# Generic nacks


@pytest.mark.parametrize(("status", "told"), [(0x58, 0x58), (0xFF, 0xFF), (0, 0xFF)])
def test_a_nack_that_names_a_request_answers_it_and_never_accepts_it(esme, status, told):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    assert esme.hears(GenericNack(status, sequence)) == [SubmitAnswered("m1", told, "", {}, 0.0, late=False)]
    assert esme.session.window.free == 10


def test_a_nack_with_sequence_0_is_never_guessed_to_mean_the_only_request(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    assert esme.hears(GenericNack(0xFF, 0)) == [PeerComplained(0xFF, 0)]
    assert esme.session.window.in_flight == 1
    esme.now += 60
    assert SubmitExpired("m1") in esme.session.tick(esme.now)


def test_a_late_nack_finds_its_request(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.waits(60)
    assert esme.hears(GenericNack(0x08, sequence)) == [SubmitAnswered("m1", 0x08, "", {}, 60.0, late=True)]


def test_an_enquiry_answered_by_generic_nack_is_life_and_not_told(esme):
    esme.session.enquire(esme.now)
    (enquiry,) = esme.said()
    assert esme.hears(GenericNack(3, enquiry.sequence)) == []
    assert esme.session.deadline == esme.now + 20


def test_an_unbind_answered_by_generic_nack_ends_the_session(esme):
    esme.session.unbind(esme.now)
    (unbind,) = esme.said()
    assert esme.hears(GenericNack(3, unbind.sequence)) == [
        Unbound(),
        Closed(CloseReason.UNBOUND, "unbind was answered by generic_nack ESME_RINVCMDID"),
    ]


# PDUs that should not be


@pytest.mark.parametrize("length", [0, 15, 65_537, 0x4854_5450])
def test_an_impossible_command_length_ends_the_session_after_what_came_before(esme, length):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.session.submit(SubmitSm(), "m2", esme.now)
    esme.said()
    answered, closed = esme.hears(SubmitSmResp(0, "1", sequence=sequence), struct.pack(">IIII", length, 4, 0, 1))
    assert answered.token == "m1"
    assert (closed.reason, closed.unanswered) == (CloseReason.BAD_FRAME, ["m2"])
    assert str(length) in closed.detail
    assert esme.said() == [GenericNack(CommandStatus.ESME_RINVCMDLEN)]


def test_a_length_of_65535_is_waited_for(esme):
    payload = DeliverSm(tlvs={Tlv.MESSAGE_PAYLOAD: bytes(65_535 - 16 - 17 - 4)}, sequence=3)
    frame = encode(payload)
    assert len(frame) == 65_535
    assert esme.hears(frame[:40_000]) == []
    assert esme.hears(frame[40_000:]) == [Delivered(payload)]


def test_a_bad_body_is_refused_and_good_traffic_behind_it_goes_on(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    bad, answered = esme.hears(struct.pack(">IIIII", 20, 5, 0, 8, 0), SubmitSmResp(0, "1", sequence=sequence))
    assert bad == PeerComplained(CommandStatus.ESME_RINVCMDLEN, 8)
    assert answered.token == "m1"
    assert esme.session.bytes_to_send() == struct.pack(">IIIIB", 17, 0x8000_0005, 2, 8, 0)


def test_an_unknown_command_is_nacked_and_good_traffic_behind_it_goes_on(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    unknown, answered = esme.hears(Unknown(0x0001_0200, 0, b"??", 8), SubmitSmResp(0, "1", sequence=sequence))
    assert unknown == PeerComplained(CommandStatus.ESME_RINVCMDID, 8)
    assert answered.token == "m1"
    assert esme.said() == [GenericNack(CommandStatus.ESME_RINVCMDID, 8)]


def test_an_unknown_response_is_told_and_never_answered(esme):
    assert esme.hears(Unknown(0x8001_0200, 5, b"", 8)) == [PeerComplained(5, 8)]
    assert esme.said() == []


def test_a_response_with_a_bad_body_is_told_and_never_answered(esme):
    assert esme.hears(struct.pack(">IIII", 16, 0x8000_0003, 0, 8)) == [PeerComplained(0x02, 8)]
    assert esme.said() == []


def test_a_response_of_the_other_role_settles_nothing(esme, smsc):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    assert esme.hears(DeliverSmResp(0, sequence)) == [PeerComplained(0, sequence)]
    sequence = smsc.session.deliver(DeliverSm(), "r1", smsc.now)
    assert smsc.hears(SubmitSmResp(0, "1", sequence=sequence)) == [PeerComplained(0, sequence)]


def test_an_operation_that_we_do_not_offer_is_refused_by_its_own_response(smsc):
    assert smsc.hears(Unknown(0x7, 0, b"", 9)) == [PeerComplained(0x03, 9)]
    assert smsc.said() == [Unknown(0x8000_0007, CommandStatus.ESME_RINVCMDID, b"", 9)]


def test_an_smscs_own_operations_are_refused_by_an_esme(esme):
    assert esme.hears(QuerySm("1", sequence=9)) == [PeerComplained(0x04, 9)]


def test_an_alert_is_only_a_sign_of_life(esme):
    esme.now += 10
    assert esme.hears(AlertNotification(sequence=9)) == []
    assert esme.said() == []
    assert esme.session.deadline == esme.now + 20


ORDINARY = b"id:5F3A submit date:2603090814 done date:2603090815 stat:DELIVRD err:000"


def test_a_receipt_of_the_usual_layout_is_reported_where_that_was_asked_for(dialogue):
    asked, unasked = dialogue(reads_receipts=True).binds(), dialogue().binds()
    receipt = DeliverSm(esm_class=4, short_message=ORDINARY, sequence=7)
    (event,) = asked.hears(receipt)
    assert event == Reported(7, read_receipt(receipt))
    assert unasked.hears(receipt) == [Delivered(receipt)]
    for session in (asked, unasked):
        assert session.hears(inbound := DeliverSm(short_message=b"STOP", sequence=8)) == [Delivered(inbound)]
    asked.session.answer(event, 0x64)
    assert asked.said() == [DeliverSmResp(0x64, 7)]


def test_what_may_not_come_yet_is_refused_however_usual_it_is(dialogue):
    unbound = dialogue(reads_receipts=True)
    (event,) = unbound.hears(DeliverSm(esm_class=4, short_message=ORDINARY, sequence=7))
    assert event == PeerComplained(CommandStatus.ESME_RINVBNDSTS, 7)
    assert unbound.said() == [DeliverSmResp(CommandStatus.ESME_RINVBNDSTS, 7)]
    assert unbound.hears(SubmitSmResp(0, "5F3A", sequence=1)) == [PeerComplained(0, 1)]


@pytest.mark.parametrize(
    ("body", "message_id"),
    [(b"5F3A\0", "5F3A"), (b"\0", ""), (b"", ""), (b"5F3A", "5F3A"), (b"5F3A\0\0\0\0\0", "5F3A")],
)
def test_an_acceptance_is_taken_however_its_body_ends(esme, body, message_id):
    sequence = esme.session.submit(SubmitSm(short_message=b"hi"), "m1", esme.now)
    (answered,) = esme.hears(write_header(16 + len(body), 0x8000_0004, 0, sequence) + body)
    assert isinstance(answered, SubmitAnswered)
    assert (answered.token, answered.message_id, answered.late) == ("m1", message_id, False)
    assert esme.session.window.in_flight == 0
