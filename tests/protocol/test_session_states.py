"""Every state, role and PDU, in the tables and in a session that obeys them."""

from collections.abc import Callable
from itertools import product
from typing import get_args

import pytest
from every_pdu import every_pdu

from protocol.numbers import RESPONSE_BIT, BindMode
from protocol.pdus import (
    AlertNotification,
    BindRequest,
    BindResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    Unknown,
)
from protocol.session import _RECEIVERS
from protocol.session_events import PeerComplained
from protocol.session_states import MOVES, Role, SessionState, receivable, sendable

ALWAYS = {EnquireLink, EnquireLinkResp, Unbind, UnbindResp, GenericNack}
MODES = (None, *BindMode)


def bring(dialogue: Callable, role: Role, state: SessionState, mode: BindMode):
    """A dialogue that has come as far as `state`."""
    it = dialogue(role)
    if state is SessionState.BINDING:
        if role is Role.ESME:
            it.session.bind(BindRequest(mode, "acme", "secret"), it.now)
        else:
            it.hears(BindRequest(mode, "acme", "secret", sequence=1))
    elif state is SessionState.CLOSED:
        it.session.receive_eof(it.now)
    elif state is not SessionState.OPEN:
        it.binds(mode)
        if state is SessionState.UNBINDING:
            it.session.unbind(it.now)
    it.said()
    assert it.session.state is state
    return it


def test_no_kind_of_pdu_is_left_out_of_what_is_tried():
    assert {type(pdu) for pdu in every_pdu(77)} == set(get_args(Pdu))


@pytest.mark.parametrize(("state", "role", "mode"), list(product(SessionState, Role, BindMode)))
@pytest.mark.parametrize("pdu", every_pdu(77), ids=lambda pdu: type(pdu).__name__)
def test_every_pdu_in_every_state_is_taken_or_turned_away_and_never_raises(dialogue, state, role, mode, pdu):
    it = bring(dialogue, role, state, mode)
    taken = type(pdu) in receivable(role, state, it.session.mode)
    events = it.hears(pdu)
    said = it.said()
    if state is SessionState.CLOSED:
        assert (events, said, taken) == ([], [], False)
        return
    if not taken:
        assert [type(event) for event in events] == [PeerComplained]
        assert it.session.state is state
    for answer in said:
        assert answer.sequence == 77
        assert isinstance(answer, Unknown | BindResp | SubmitSmResp) or answer.command_id & RESPONSE_BIT
    if isinstance(pdu, EnquireLink | Unbind):
        assert len(said) == 1
    elif taken or isinstance(pdu, Outbind | AlertNotification):
        assert said == []


@pytest.mark.parametrize(("state", "role", "mode"), list(product(SessionState, Role, MODES)))
def test_enquire_link_and_unbind_are_taken_in_every_state_with_a_link(state, role, mode):
    if state is not SessionState.CLOSED:
        assert receivable(role, state, mode) >= ALWAYS


def test_every_receivable_pdu_has_someone_who_takes_it():
    every = {kind for case in product(Role, SessionState, MODES) for kind in receivable(*case)}
    assert every == set(_RECEIVERS)


def test_nothing_may_be_sent_or_received_once_closed():
    for role, mode in product(Role, MODES):
        assert sendable(role, SessionState.CLOSED, mode) == receivable(role, SessionState.CLOSED, mode) == frozenset()


@pytest.mark.parametrize("role", Role)
def test_messages_are_sent_only_while_bound(role):
    for state, mode in product(SessionState, BindMode):
        allowed = sendable(role, state, mode) & {SubmitSm, DeliverSm, DataSm}
        assert bool(allowed) is (state is SessionState.BOUND)


@pytest.mark.parametrize(
    ("role", "mode", "kind", "allowed"),
    [
        (Role.ESME, BindMode.TRANSMITTER, SubmitSm, True),
        (Role.ESME, BindMode.TRANSCEIVER, SubmitSm, True),
        (Role.ESME, BindMode.RECEIVER, SubmitSm, False),
        (Role.ESME, BindMode.TRANSCEIVER, DeliverSm, False),
        (Role.SMSC, BindMode.RECEIVER, DeliverSm, True),
        (Role.SMSC, BindMode.TRANSCEIVER, DeliverSm, True),
        (Role.SMSC, BindMode.TRANSMITTER, DeliverSm, False),
        (Role.SMSC, BindMode.TRANSCEIVER, SubmitSm, False),
    ],
)
def test_the_mode_says_which_way_messages_flow(role, mode, kind, allowed):
    assert (kind in sendable(role, SessionState.BOUND, mode)) is allowed


@pytest.mark.parametrize("mode", BindMode)
def test_what_an_esme_may_send_its_smsc_takes(mode):
    assert sendable(Role.ESME, SessionState.BOUND, mode) <= receivable(Role.SMSC, SessionState.BOUND, mode)
    assert sendable(Role.SMSC, SessionState.BOUND, mode) <= receivable(Role.ESME, SessionState.BOUND, mode)


def test_the_moves_lead_from_open_to_closed_through_every_state():
    path = [SessionState.OPEN]
    for (state, _), following in MOVES.items():
        assert state is path[-1]
        path.append(following)
    assert path == list(SessionState)
