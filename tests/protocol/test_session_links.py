"""How a link is kept and ends: enquire_link, unbind, the end of the stream."""

import struct

import pytest

from protocol.codec import encode
from protocol.numbers import BindMode
from protocol.pdus import (
    BindRequest,
    DeliverSm,
    EnquireLink,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from protocol.session_events import (
    Closed,
    CloseReason,
    PeerComplained,
    PeerUnbound,
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


def test_the_peers_unbind_is_answered_and_ends_the_session_with_what_was_unanswered(esme):
    esme.session.submit(SubmitSm(), "m1", esme.now)
    esme.said()
    assert esme.hears(Unbind(0, 5), DeliverSm(sequence=6)) == [
        PeerUnbound(),
        Closed(CloseReason.PEER_UNBOUND, "while bound", ["m1"]),
    ]
    assert esme.said() == [UnbindResp(0, 5)]


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
