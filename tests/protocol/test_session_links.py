"""How a link is kept and ends: enquire_link, unbind, the end of the stream."""

import struct

import pytest

from protocol.codec import encode
from protocol.errors import NotBound
from protocol.numbers import BindMode
from protocol.pdus import (
    BindRequest,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    GenericNack,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from protocol.session_events import (
    Closed,
    CloseReason,
    PeerComplained,
    PeerUnbound,
    SubmitAnswered,
    SubmitExpired,
    Unbound,
)


@pytest.mark.parametrize("state", ["open", "binding", "bound", "unbinding"])
def test_the_peers_enquiry_is_answered_in_any_state_by_a_header(dialogue, state):
    it = dialogue()
    if state == "binding":
        it.session.bind(BindRequest(BindMode.RECEIVER, "acme", "secret"), it.now)
    elif state != "open":
        it.binds()
        if state == "unbinding":
            it.session.unbind(it.now)
    it.said()
    assert it.session.state.value == state
    assert it.hears(EnquireLink(0, 9)) == []
    assert it.session.bytes_to_send() == struct.pack(">IIII", 16, 0x8000_0015, 0, 9)


def test_the_peers_unbind_is_answered_and_ends_the_session(esme):
    assert esme.hears(Unbind(0, 5), DeliverSm(sequence=6)) == [
        PeerUnbound(),
        Closed(CloseReason.PEER_UNBOUND, "while bound"),
    ]
    assert esme.said() == [UnbindResp(0, 5)]


def test_an_smsc_that_unbinds_gets_its_answer_once_it_answered_what_it_has(esme):
    first = esme.session.submit(SubmitSm(), "m1", esme.now)
    second = esme.session.submit(SubmitSm(), "m2", esme.now)
    esme.said()
    assert [type(event) for event in esme.hears(Unbind(0, 5), SubmitSmResp(0, "a", sequence=first))] == [
        PeerUnbound,
        SubmitAnswered,
    ]
    assert esme.said() == []
    with pytest.raises(NotBound):
        esme.session.submit(SubmitSm(), "m3", esme.now)
    answered, closed = esme.hears(SubmitSmResp(0, "b", sequence=second))
    assert answered.token == "m2"
    assert closed == Closed(CloseReason.PEER_UNBOUND, "while bound")
    assert esme.said() == [UnbindResp(0, 5)]


def test_an_smsc_that_unbinds_gets_our_answers_to_what_it_delivered_first(esme):
    receipt, unbound = esme.hears(DeliverSm(sequence=6), Unbind(0, 7))
    assert unbound == PeerUnbound()
    assert esme.waits(1) == []
    esme.session.answer(receipt.pdu, 0)
    assert esme.waits(0) == [Closed(CloseReason.PEER_UNBOUND, "while bound")]
    assert esme.said() == [DeliverSmResp(0, 6), UnbindResp(0, 7)]


def test_an_smsc_that_unbinds_and_answers_nothing_more_is_waited_for_five_seconds(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    assert esme.hears(Unbind(0, 5)) == [PeerUnbound()]
    assert esme.session.deadline == esme.now + 5
    assert esme.waits(4) == []
    assert esme.waits(1) == [Closed(CloseReason.PEER_UNBOUND, "while bound", ["m1"])]
    assert esme.said() == [UnbindResp(0, 5)]


def test_an_smsc_that_unbinds_is_waited_for_no_longer_than_for_an_answer(dialogue):
    it = dialogue(response_timeout=2.0).binds()
    it.session.submit(SubmitSm(), "m1", it.now)
    it.said()
    it.hears(Unbind(0, 5))
    assert it.waits(2) == [SubmitExpired("m1"), Closed(CloseReason.PEER_UNBOUND, "while bound")]


def test_an_smsc_that_unbinds_twice_waits_no_more(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    esme.hears(Unbind(0, 5))
    assert esme.hears(Unbind(0, 6)) == [Closed(CloseReason.PEER_UNBOUND, "while bound", ["m1"])]
    assert esme.said() == [UnbindResp(0, 6)]


def test_an_smsc_that_unbinds_and_closes_leaves_what_it_owes_unanswered(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.hears(Unbind(0, 5))
    assert esme.session.receive_eof(esme.now) == [Closed(CloseReason.PEER_UNBOUND, "while bound", ["m1"])]


def test_what_answers_no_unbind_of_ours_does_not_end_a_session_that_the_smsc_unbinds(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.hears(Unbind(0, 5))
    assert esme.hears(UnbindResp(0, 9), GenericNack(3, 0)) == [PeerComplained(0, 9), PeerComplained(3, 0)]
    assert esme.session.answer_unbind() == [Closed(CloseReason.PEER_UNBOUND, "while bound", ["m1"])]
    assert esme.session.answer_unbind() == []


def test_an_esme_that_unbinds_is_not_waited_for(smsc):
    smsc.session.deliver(DeliverSm(), "r1", smsc.now)
    smsc.said()
    assert smsc.hears(Unbind(0, 5)) == [PeerUnbound(), Closed(CloseReason.PEER_UNBOUND, "while bound", ["r1"])]
    assert smsc.said() == [UnbindResp(0, 5)]


def test_an_unbind_answered_by_an_unbind_ends_the_session(esme):
    esme.session.unbind(esme.now)
    esme.said()
    assert esme.hears(Unbind(0, 5)) == [Unbound(), Closed(CloseReason.UNBOUND, "the peer answered unbind by unbind")]
    assert esme.said() == [UnbindResp(0, 5)]


def test_an_unbind_answered_after_seconds_ends_the_session(esme):
    esme.session.unbind(esme.now)
    assert esme.waits(30) == []
    assert esme.hears(UnbindResp(0, 2)) == [Unbound(), Closed(CloseReason.UNBOUND)]


def test_an_unbind_answered_by_closing_ends_the_session(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.session.unbind(esme.now)
    assert esme.session.receive_eof(esme.now) == [
        Closed(CloseReason.UNBOUND, "the peer closed instead of answering unbind", ["m1"])
    ]


def test_what_cannot_be_read_behind_the_last_word_is_not_answered(esme):
    esme.session.unbind(esme.now)
    (unbind,) = esme.said()
    events = esme.hears(UnbindResp(0, unbind.sequence), struct.pack(">IIII", 15, 0x15, 0, 9))
    assert events == [Unbound(), Closed(CloseReason.UNBOUND)]
    assert esme.said() == []


def test_the_beginning_of_a_pdu_can_be_looked_at(esme):
    esme.hears(encode(EnquireLink(0, 3))[:7])
    assert esme.session.unread == encode(EnquireLink(0, 3))[:7]


def test_an_unbind_response_that_nobody_asked_for_is_told(esme):
    assert esme.hears(UnbindResp(0, 5)) == [PeerComplained(0, 5)]


def test_the_end_of_the_stream_gives_back_what_was_unanswered_once(esme):
    for token in ("m1", "m2"):
        esme.session.submit(SubmitSm(), token, esme.now)
    assert esme.session.receive_eof(esme.now) == [Closed(CloseReason.PEER_CLOSED, "while bound", ["m1", "m2"])]
    assert esme.session.receive_eof(esme.now) == []
    assert esme.waits(1000) == []


def test_what_was_told_as_expired_is_not_unanswered_again(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.waits(60)
    (closed,) = esme.session.receive_eof(esme.now)
    assert closed.unanswered == []


def test_after_the_end_everything_is_ignored(esme):
    esme.session.receive_eof(esme.now)
    assert esme.hears(DeliverSm(sequence=1), EnquireLink(0, 2), b"\0\0\0\1" + bytes(12)) == []
    assert esme.said() == []
