"""What we ask for and what we answer."""

import struct

import pytest

from protocol.codec import encode
from protocol.command_status import CommandStatus
from protocol.errors import LocalProtocolError, NotBound, WindowFull
from protocol.fields import HEADER_LENGTH
from protocol.numbers import BindMode
from protocol.pdus import (
    BindRequest,
    BindResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from protocol.session import Session
from protocol.session_events import (
    BindRefused,
    BindRequested,
    Bound,
    Closed,
    CloseReason,
    DeliverAnswered,
    Delivered,
    DeliverExpired,
    PeerComplained,
    PeerUnbound,
    Requested,
    SubmitAnswered,
    SubmitExpired,
    Submitted,
    Unbound,
)
from protocol.session_outbound import MAX_SEQUENCE
from protocol.session_states import Role, SessionState
from protocol.window import OVERTAKEN_PER_SLOT


def test_two_sessions_wired_back_to_back_live_a_whole_life(dialogue, exchange):
    esme, smsc, now = dialogue(Role.ESME).session, dialogue(Role.SMSC).session, 5.0

    esme.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"), now)
    _, (asked,) = exchange(esme, smsc, now)
    assert isinstance(asked, BindRequested)
    assert (asked.pdu.system_id, asked.pdu.password) == ("acme", "secret")
    smsc.accept_bind(asked.pdu, "telco", now)
    assert exchange(esme, smsc, now) == ([Bound("telco", 0x34)], [])
    assert (esme.state, smsc.state) == (SessionState.BOUND, SessionState.BOUND)
    assert (esme.mode, smsc.mode) == (BindMode.TRANSCEIVER, BindMode.TRANSCEIVER)

    esme.submit(SubmitSm(destination_addr="34600000001", short_message=b"hi"), "m1", now)
    esme.submit(DataSm(destination_addr="34600000001"), "m2", now)
    _, (first, second) = exchange(esme, smsc, now)
    assert isinstance(first, Submitted)
    assert isinstance(second, Submitted)
    smsc.answer_submit(second.pdu, 0, "id2", {0x428: b"\1"})
    smsc.answer_submit(first.pdu, 0, "id1")
    events, _ = exchange(esme, smsc, now + 0.5)
    assert events == [
        SubmitAnswered("m2", 0, "id2", {0x428: b"\1"}, 0.5, late=False),
        SubmitAnswered("m1", 0, "id1", {}, 0.5, late=False),
    ]

    smsc.deliver(DeliverSm(short_message=b"id:id1 stat:DELIVRD"), "r1", now)
    smsc.deliver(DataSm(), "r2", now)
    (receipt, data), _ = exchange(esme, smsc, now)
    assert isinstance(receipt, Delivered)
    assert isinstance(data, Delivered)
    esme.answer(receipt.pdu, 0)
    esme.answer(data.pdu, CommandStatus.ESME_RX_T_APPN)
    assert exchange(esme, smsc, now) == ([], [DeliverAnswered("r1", 0), DeliverAnswered("r2", 0x64)])

    esme.unbind(now)
    assert esme.state is SessionState.UNBINDING
    assert exchange(esme, smsc, now) == (
        [Unbound(), Closed(CloseReason.UNBOUND)],
        [PeerUnbound(), Closed(CloseReason.PEER_UNBOUND, "while bound")],
    )


def test_a_bind_is_asked_once(dialogue):
    it = dialogue()
    it.session.bind(BindRequest(BindMode.RECEIVER, "acme", "secret"), it.now)
    assert it.said() == [BindRequest(BindMode.RECEIVER, "acme", "secret", sequence=1)]
    with pytest.raises(NotBound, match="may not send BindRequest while binding"):
        it.session.bind(BindRequest(BindMode.RECEIVER, "acme", "secret"), it.now)


def test_a_bind_that_cannot_be_encoded_changes_nothing(dialogue):
    it = dialogue()
    with pytest.raises(LocalProtocolError, match="system_id"):
        it.session.bind(BindRequest(BindMode.RECEIVER, "x" * 65, "secret"), it.now)
    assert (it.session.state, it.session.mode, it.session.deadline, it.said()) == (SessionState.OPEN, None, None, [])


def test_before_the_bind_nothing_is_submitted(dialogue):
    with pytest.raises(NotBound, match="an ESME may not send SubmitSm while open"):
        dialogue().session.submit(SubmitSm(), "m1", 0.0)


def test_on_a_receiver_bind_nothing_is_submitted(dialogue):
    it = dialogue().binds(BindMode.RECEIVER)
    with pytest.raises(NotBound, match="while bound as receiver"):
        it.session.submit(SubmitSm(), "m1", it.now)


def test_a_full_window_refuses_and_an_answer_makes_room(dialogue):
    it = dialogue(window=2).binds()
    first = it.session.submit(SubmitSm(), "m1", it.now)
    it.session.submit(SubmitSm(), "m2", it.now)
    with pytest.raises(WindowFull):
        it.session.submit(SubmitSm(), "m3", it.now)
    assert len(it.said()) == 2
    it.hears(SubmitSmResp(0, "id", sequence=first))
    assert it.session.window.free == 1
    it.session.submit(SubmitSm(), "m3", it.now)


def a_body(text: bytes) -> bytes:
    return encode(SubmitSm(short_message=text))[HEADER_LENGTH:]


def test_many_bodies_go_out_in_their_order_and_each_answer_finds_its_token(esme):
    first = esme.session.submit(SubmitSm(short_message=b"one"), "m1", esme.now)
    esme.session.submit_all([(a_body(b"two"), "m2"), (a_body(b"three"), "m3")], esme.now)
    said = esme.said()
    assert [(pdu.short_message, pdu.sequence) for pdu in said] == [
        (b"one", first),
        (b"two", first + 1),
        (b"three", first + 2),
    ]
    esme.now += 2
    assert esme.hears(SubmitSmResp(0, "id", sequence=first + 2)) == [SubmitAnswered("m3", 0, "id", {}, 2.0, late=False)]
    assert esme.session.submit(SubmitSm(), "m4", esme.now) == first + 3
    assert esme.waits(58) == [SubmitExpired("m1"), SubmitExpired("m2")]


def test_of_many_bodies_none_goes_out_unless_the_window_has_room_for_all(dialogue):
    it = dialogue(window=2).binds()
    with pytest.raises(WindowFull):
        it.session.submit_all([(a_body(b"x"), n) for n in range(3)], it.now)
    assert (it.session.window.in_flight, it.said()) == (0, [])


def test_many_bodies_are_submitted_on_a_bind_that_may_submit_alone(dialogue):
    it = dialogue().binds(BindMode.RECEIVER)
    with pytest.raises(NotBound, match="while bound as receiver"):
        it.session.submit_all([(a_body(b"x"), "m1")], it.now)


def test_sequence_numbers_of_many_bodies_wrap_and_skip_those_in_flight(esme):
    esme.session._next_sequence = 2
    esme.session.submit(SubmitSm(), "in flight", esme.now)
    esme.session._next_sequence = MAX_SEQUENCE
    esme.said()
    esme.session.submit_all([(a_body(b"x"), n) for n in range(3)], esme.now)
    assert [pdu.sequence for pdu in esme.said()] == [MAX_SEQUENCE, 1, 3]


def test_a_submit_that_cannot_be_encoded_takes_no_slot(esme):
    with pytest.raises(LocalProtocolError):
        esme.session.submit(SubmitSm(service_type="too long"), "m1", esme.now)
    assert (esme.session.window.in_flight, esme.said()) == (0, [])


def test_the_sequence_number_is_given_and_set_in_the_pdu(dialogue):
    it = dialogue(first_sequence=41)
    it.session.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"), it.now)
    it.hears(BindResp(BindMode.TRANSCEIVER, sequence=41))
    pdu = SubmitSm()
    assert it.session.submit(pdu, "m1", it.now) == 42
    assert pdu.sequence == 42
    assert [said.sequence for said in it.said()] == [41, 42]


def test_sequence_numbers_wrap_and_skip_those_in_flight(dialogue):
    it = dialogue(first_sequence=MAX_SEQUENCE - 1)
    it.session.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"), it.now)
    it.hears(BindResp(BindMode.TRANSCEIVER, sequence=MAX_SEQUENCE - 1))
    assert [it.session.submit(SubmitSm(), n, it.now) for n in range(3)] == [MAX_SEQUENCE, 1, 2]
    it.session._next_sequence = MAX_SEQUENCE  # as if it had come around
    it.hears(SubmitSmResp(sequence=1))
    assert [it.session.submit(SubmitSm(), n, it.now) for n in range(2)] == [1, 3]


def test_sequence_numbers_skip_those_whose_late_answer_may_still_come(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.waits(60)
    esme.session._next_sequence = sequence
    assert esme.session.submit(SubmitSm(), "m2", esme.now) == sequence + 1


def test_bytes_to_send_are_whole_pdus_in_order_and_handed_out_once(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.session.submit(SubmitSm(), "m2", esme.now)
    pdus = esme.session.pdus_to_send()
    assert [len(pdu) for pdu in pdus] == [33, 33]
    assert esme.session.bytes_to_send() == b""
    esme.session.submit(SubmitSm(), "m3", esme.now)
    assert len(esme.session.bytes_to_send()) == 33


def test_an_unanswered_submit_expires_and_a_late_answer_is_still_told(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.hears(EnquireLink())
    assert esme.waits(59) == []
    assert esme.waits(1) == [SubmitExpired("m1")]
    assert esme.session.window.free == 10
    esme.now += 30
    assert esme.hears(SubmitSmResp(0, "id", sequence=sequence)) == [SubmitAnswered("m1", 0, "id", {}, 90.0, late=True)]
    assert [type(event).__name__ for event in esme.hears(SubmitSmResp(0, "id", sequence=sequence))] == [
        "PeerComplained"
    ]


def test_a_submit_without_a_slot_is_answered_late_or_expires_or_ends_with_the_link(dialogue):
    esme = dialogue(Role.ESME, enquire_link_idle=600.0).binds()
    for number in range(3):
        sequence = esme.session.submit(SubmitSm(), f"m{number}", esme.now)
        esme.now += 1.0
    for later in range(OVERTAKEN_PER_SLOT * 10):
        esme.session.submit(SubmitSm(), "another", esme.now)
        esme.hears(SubmitSmResp(0, "id", sequence=sequence + 1 + later))
    esme.now += 4.0
    assert esme.session.window.give_back(esme.now, 0.01) == 3
    esme.session.submit(SubmitSm(), "m3", esme.now)

    assert esme.hears(SubmitSmResp(0, "id", sequence=sequence)) == [SubmitAnswered("m2", 0, "id", {}, 5.0, late=True)]
    assert esme.hears(SubmitSmResp(0, "id", sequence=sequence)) == [PeerComplained(0, sequence)]
    assert esme.waits(53) == [SubmitExpired("m0")]
    (closed,) = esme.session.receive_eof(esme.now)
    assert closed.unanswered == ["m1", "m3"]


def test_an_unanswered_delivery_expires_and_its_late_answer_is_still_told(smsc):
    sequence = smsc.session.deliver(DeliverSm(), "r1", smsc.now)
    assert DeliverExpired("r1") in smsc.waits(60)
    assert smsc.hears(DeliverSmResp(0, sequence)) == [DeliverAnswered("r1", 0, late=True)]


def test_the_deadline_is_the_earliest_of_what_is_waited_for(dialogue):
    it = dialogue(response_timeout=12.0)
    assert it.session.deadline is None
    it.session.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"), it.now)
    assert it.session.deadline == it.now + 10  # bind_timeout
    it.hears(BindResp(BindMode.TRANSCEIVER, sequence=1))
    assert it.session.deadline == it.now + 20  # enquire_link_idle
    it.session.submit(SubmitSm(), "m1", it.now)
    assert it.session.deadline == it.now + 12  # response_timeout
    it.now += 1
    it.session.unbind(it.now)
    assert it.session.deadline == it.now + 11  # of the submit, before that of the unbind
    it.waits(11)
    assert it.session.deadline == it.now + 1
    it.waits(1)
    assert it.session.deadline is None


def test_silence_is_enquired_and_then_the_link_is_dead(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    assert esme.waits(19) == []
    assert esme.said() == []
    assert esme.waits(1) == []
    assert [type(pdu) for pdu in esme.said()] == [EnquireLink]
    assert esme.waits(5) == []
    assert [type(pdu) for pdu in esme.said()] == [EnquireLink]
    assert esme.waits(5) == [Closed(CloseReason.LINK_DEAD, "enquire_link was not answered", ["m1"])]
    assert esme.session.state is SessionState.CLOSED


def test_an_enquiry_can_be_asked_for_and_its_answer_is_not_told(esme):
    esme.session.enquire(esme.now)
    (enquiry,) = esme.said()
    assert esme.session.deadline == esme.now + 5
    assert esme.hears(type(enquiry)(0, enquiry.sequence)) == []
    assert esme.session.deadline == esme.now + 20


def test_a_whole_pdu_puts_off_the_enquiry_and_octets_that_never_make_one_do_not(esme):
    esme.now += 15
    assert esme.hears(EnquireLinkResp(0, 99)) == []
    assert esme.session.deadline == esme.now + 20
    beginning_of_a_huge_one = struct.pack(">IIII", 65_535, 5, 0, 1)
    assert esme.hears(beginning_of_a_huge_one, EnquireLink(0, 2)) == []
    esme.now += 15
    assert esme.hears(EnquireLink(0, 3)) == []
    assert esme.session.deadline == esme.now + 5
    for _ in range(3):
        ended = esme.waits(5)
    assert ended == [Closed(CloseReason.LINK_DEAD, "enquire_link was not answered")]


def test_a_bound_session_alone_may_be_unbound(dialogue):
    with pytest.raises(NotBound):
        dialogue().session.unbind(0.0)


def test_answers_in_flight_still_come_while_unbinding_and_nothing_new_goes_out(esme):
    sequence = esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.session.unbind(esme.now)
    with pytest.raises(NotBound):
        esme.session.submit(SubmitSm(), "m2", esme.now)
    (answered,) = esme.hears(SubmitSmResp(0, "id", sequence=sequence))
    assert answered.token == "m1"
    (delivered,) = esme.hears(DeliverSm(sequence=5))
    esme.said()
    esme.session.answer(delivered.pdu, 0)
    assert esme.said() == [DeliverSmResp(0, 5)]


def test_an_unbind_never_answered_ends_within_the_response_timeout(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.now += 1
    esme.session.unbind(esme.now)
    assert esme.waits(59) == [SubmitExpired("m1")]
    assert esme.waits(1) == [Closed(CloseReason.UNBOUND, "unbind was not answered")]


def test_an_answer_after_the_end_is_dropped(esme):
    (delivered,) = esme.hears(DeliverSm(sequence=5))
    esme.session.receive_eof(esme.now)
    esme.session.answer(delivered.pdu, 0)
    esme.session.respond(DeliverSmResp(0, 5))
    assert esme.said() == []


def test_what_came_together_is_answered_together_each_by_its_own_response(esme):
    first, second, third = (
        event.pdu for event in esme.hears(DeliverSm(sequence=5), DataSm(sequence=9), DeliverSm(sequence=6))
    )
    esme.session.answer_all([first, second, third], CommandStatus.ESME_RX_T_APPN)
    assert esme.said() == [DeliverSmResp(0x64, 5), DataSmResp(0x64, sequence=9), DeliverSmResp(0x64, 6)]


def test_a_status_alone_answers_any_message(smsc):
    (submitted, data) = smsc.hears(SubmitSm(sequence=5), DataSm(sequence=6))
    smsc.session.answer(submitted.pdu, CommandStatus.ESME_RTHROTTLED)
    smsc.session.answer_submit(data.pdu, 0, "id")
    assert smsc.said() == [SubmitSmResp(0x58, sequence=5), DataSmResp(0, "id", {}, 6)]


def test_a_message_id_that_does_not_fit_is_refused_before_it_is_sent(smsc):
    (submitted,) = smsc.hears(SubmitSm(sequence=5))
    with pytest.raises(LocalProtocolError, match="message_id"):
        smsc.session.answer_submit(submitted.pdu, 0, "x" * 65)
    assert smsc.said() == []


def test_a_query_is_told_and_answered_with_a_whole_pdu(smsc):
    assert smsc.hears(QuerySm("5F3A", sequence=9)) == [Requested(QuerySm("5F3A", sequence=9))]
    answer = QuerySmResp(0, "5F3A", "", 2, 0, 9)
    smsc.session.respond(answer)
    assert smsc.said() == [answer]


def test_a_refused_bind_leaves_the_smsc_open_for_another(dialogue):
    it = dialogue(Role.SMSC)
    (asked,) = it.hears(BindRequest(BindMode.TRANSCEIVER, "acme", "wrong", sequence=1))
    assert it.session.state is SessionState.BINDING
    it.session.refuse_bind(asked.pdu, CommandStatus.ESME_RINVPASWD)
    assert it.said() == [BindResp(BindMode.TRANSCEIVER, 0x0E, sequence=1)]
    assert (it.session.state, it.session.mode) == (SessionState.OPEN, None)
    it.binds()


@pytest.mark.parametrize(("asked", "told"), [(0x33, None), (0x34, 0x34), (0x50, 0x34)])
def test_an_smsc_tells_its_version_to_those_who_know_optional_parameters(dialogue, asked, told):
    it = dialogue(Role.SMSC)
    (event,) = it.hears(BindRequest(BindMode.RECEIVER, "acme", "secret", interface_version=asked, sequence=1))
    it.session.accept_bind(event.pdu, "telco", it.now)
    assert it.said() == [BindResp(BindMode.RECEIVER, 0, "telco", told, 1)]


def test_a_bind_is_accepted_or_refused_only_where_one_waits(dialogue):
    request = BindRequest(BindMode.RECEIVER, "acme", "secret")
    for role in Role:
        it = dialogue(role)
        with pytest.raises(NotBound, match="no bind request"):
            it.session.accept_bind(request, "telco", it.now)
        with pytest.raises(NotBound, match="no bind request"):
            it.session.refuse_bind(request, 0x0E)


@pytest.mark.parametrize("answer", ["accept", "refuse"])
def test_a_bind_decided_after_the_peer_left_is_dropped(dialogue, answer):
    it = dialogue(Role.SMSC)
    (asked,) = it.hears(BindRequest(BindMode.RECEIVER, "acme", "secret", sequence=1))
    it.session.receive_eof(it.now)
    if answer == "accept":
        it.session.accept_bind(asked.pdu, "telco", it.now)
    else:
        it.session.refuse_bind(asked.pdu, 0x0E)
    assert (it.session.state, it.said()) == (SessionState.CLOSED, [])


def test_an_smsc_delivers_only_to_those_who_receive(dialogue):
    it = dialogue(Role.SMSC).binds(BindMode.TRANSMITTER)
    with pytest.raises(NotBound, match="an SMSC may not send DeliverSm while bound as transmitter"):
        it.session.deliver(DeliverSm(), "r1", it.now)


def test_an_smsc_unbinds_and_enquires_too(smsc):
    assert smsc.waits(20) == []
    assert [type(pdu) for pdu in smsc.said()] == [EnquireLink]
    smsc.session.unbind(smsc.now)
    (unbind,) = smsc.said()
    assert isinstance(unbind, Unbind)
    assert smsc.hears(UnbindResp(0, unbind.sequence)) == [Unbound(), Closed(CloseReason.UNBOUND)]


def test_a_refused_bind_ends_an_esmes_session(dialogue):
    it = dialogue()
    it.session.bind(BindRequest(BindMode.TRANSCEIVER, "acme", "wrong"), it.now)
    assert it.hears(BindResp(BindMode.TRANSCEIVER, 0x05, sequence=1)) == [
        BindRefused(0x05),
        Closed(CloseReason.BIND_REFUSED, "ESME_RALYBND"),
    ]


def test_a_session_can_be_made_with_its_settings_alone():
    session = Session(
        Role.ESME,
        window=1,
        response_timeout=60.0,
        enquire_link_idle=20.0,
        enquire_link_timeout=10.0,
        enquire_link_misses=2,
        bind_timeout=10.0,
    )
    assert (session.state, session.deadline, session.window.free) == (SessionState.OPEN, None, 1)
    assert session.tick(1e9) == []


def test_silence_while_the_driver_does_not_read_is_not_held_against_the_peer(esme):
    esme.now += 19
    esme.session.excuse(esme.now)
    assert esme.waits(19) == []
    assert esme.said() == []
    assert esme.waits(1) == []
    assert esme.said() == [EnquireLink(0, 2)]


def test_new_timers_hold_for_what_is_sent_from_then_on(esme):
    esme.session.submit(SubmitSm(), "old", esme.now)
    terms = {"enquire_link_idle": 1000.0, "enquire_link_timeout": 5.0, "enquire_link_misses": 1, "bind_timeout": 5.0}
    esme.session.retune(response_timeout=200.0, **terms)
    esme.session.submit(SubmitSm(), "new", esme.now)
    expired = [event for event in esme.waits(199) if isinstance(event, SubmitExpired)]
    assert [event.token for event in expired] == ["old"]
    expired = [event for event in esme.waits(2) if isinstance(event, SubmitExpired)]
    assert [event.token for event in expired] == ["new"]
