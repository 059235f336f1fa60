"""query_sm and cancel_sm of ours: each has one end, and none takes a slot of the window."""

import pytest

from protocol.command_status import CommandStatus
from protocol.errors import LocalProtocolError, NotBound
from protocol.numbers import BindMode
from protocol.pdus import (
    CancelSm,
    CancelSmResp,
    EnquireLink,
    GenericNack,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from protocol.session_events import Closed, PeerComplained, QuestionAnswered, QuestionExpired, Requested
from protocol.session_states import Role, SessionState

QUERY = QuerySm("5F3A", 5, 0, "SHOP")
CANCEL = CancelSm("", "5F3A", 5, 0, "SHOP", 1, 1, "34600000001")


def asked(it, pdu, token="why"):
    """The sequence number under which it went out."""
    it.session.question(pdu, token, it.now)
    (said,) = it.said()
    return said.sequence


def test_a_query_is_answered_with_what_became_of_the_message(esme):
    sequence = asked(esme, QUERY)
    told = QuerySmResp(0, "5F3A", "260309081500000+", 2, 0, sequence)
    assert esme.hears(told) == [QuestionAnswered("why", 0, told)]
    assert esme.hears(told) == [PeerComplained(0, sequence)]


@pytest.mark.parametrize("pdu", [QUERY, CANCEL])
@pytest.mark.parametrize("status", [CommandStatus.ESME_RQUERYFAIL, CommandStatus.ESME_RINVCMDID])
def test_a_refusal_says_nothing_of_the_message(esme, pdu, status):
    sequence = asked(esme, pdu)
    response = QuerySmResp if pdu is QUERY else CancelSmResp
    assert esme.hears(response(status, sequence=sequence)) == [QuestionAnswered("why", status)]


def test_a_cancel_is_answered_without_a_body(esme):
    sequence = asked(esme, CANCEL)
    assert esme.hears(CancelSmResp(0, sequence)) == [QuestionAnswered("why", 0)]


@pytest.mark.parametrize(("status", "meant"), [(CommandStatus.ESME_RINVCMDID,) * 2, (0, 0xFF)])
def test_a_server_that_does_not_know_the_command_says_generic_nack(esme, status, meant):
    sequence = asked(esme, QUERY)
    assert esme.hears(GenericNack(status, sequence)) == [QuestionAnswered("why", meant)]
    assert esme.session.state is SessionState.BOUND


def test_an_unanswered_question_expires_and_its_late_answer_finds_nobody(esme):
    sequence = asked(esme, QUERY)
    assert esme.session.deadline <= esme.now + 60.0
    for _ in range(5):
        esme.waits(11.0)
        esme.hears(EnquireLink(0, 1))
    assert esme.waits(5.0) == [QuestionExpired("why")]
    assert esme.hears(QuerySmResp(0, "5F3A", "", 2, 0, sequence)) == [PeerComplained(0, sequence)]


def test_the_deadline_of_a_question_wakes_the_session(dialogue):
    it = dialogue(Role.ESME, response_timeout=3.0).binds()
    asked(it, QUERY, "first")
    it.waits(1.0)
    asked(it, CANCEL, "second")
    assert it.session.deadline == it.now + 2.0
    assert it.waits(2.0) == [QuestionExpired("first")]
    assert it.session.deadline == it.now + 1.0
    assert it.waits(1.0) == [QuestionExpired("second")]


def test_a_question_takes_no_slot_of_the_window_and_a_full_window_stops_none(dialogue):
    it = dialogue(Role.ESME, window=1).binds()
    it.session.submit(SubmitSm(destination_addr="34600000001"), "submit", it.now)
    it.said()
    asked(it, QUERY)
    assert (it.session.window.in_flight, it.session.window.free) == (1, 0)


def test_the_end_of_the_session_ends_its_questions_first(esme):
    asked(esme, QUERY, "first")
    asked(esme, CANCEL, "second")
    *questions, closed = esme.session.receive_eof(esme.now)
    assert questions == [QuestionExpired("first"), QuestionExpired("second")]
    assert isinstance(closed, Closed)
    assert closed.unanswered == []


def test_an_answer_may_still_come_while_unbinding(esme):
    sequence = asked(esme, CANCEL)
    esme.session.unbind(esme.now)
    (unbind,) = esme.said()
    assert isinstance(unbind, Unbind)
    assert esme.hears(CancelSmResp(0, sequence)) == [QuestionAnswered("why", 0)]
    assert isinstance(esme.hears(UnbindResp(0, unbind.sequence))[-1], Closed)


@pytest.mark.parametrize("pdu", [QUERY, CANCEL])
def test_a_receiver_and_an_smsc_may_not_ask(dialogue, smsc, pdu):
    for it in (dialogue(Role.ESME).binds(BindMode.RECEIVER), smsc, dialogue(Role.ESME)):
        with pytest.raises(NotBound):
            it.session.question(pdu, "why", it.now)
        assert it.said() == []


def test_what_does_not_fit_is_refused_and_nothing_waits(esme):
    with pytest.raises(LocalProtocolError):
        esme.session.question(QuerySm("x" * 65), "why", esme.now)
    assert [type(event) for event in esme.session.receive_eof(esme.now)] == [Closed]


def test_an_smsc_is_told_of_a_cancel(smsc):
    assert smsc.hears(CancelSm("", "5F3A", sequence=9)) == [Requested(CancelSm("", "5F3A", sequence=9))]
    smsc.session.respond(CancelSmResp(0, 9))
    assert smsc.said() == [CancelSmResp(0, 9)]
