"""Which PDU is legal in which state, and which one moves it: tables only (SMPP 3.4 §2.2, §2.3), obeyed by session.py.

    OPEN ── bind ──> BINDING ── bind_resp ──> BOUND ── unbind ──> UNBINDING ── unbind_resp ──> CLOSED

A refused bind ends an ESME's session and takes an SMSC's back to OPEN. Anything that ends the link, and the peer's own
unbind, leads to CLOSED from everywhere; where answers are still owed, by UNBINDING. The bind mode stands beside the
state.
"""

from enum import Enum
from typing import Any, TypeAlias

from protocol.numbers import BindMode
from protocol.pdus import (
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
    EnquireLinkResp,
    GenericNack,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)


class SessionState(Enum):
    """How far a session has come."""

    OPEN = "open"
    BINDING = "binding"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class Role(Enum):
    """Which side of the session we are."""

    ESME = "esme"
    SMSC = "smsc"


PduTypes: TypeAlias = frozenset[type[Any]]

MOVES: dict[tuple[SessionState, type[Any]], SessionState] = {
    (SessionState.OPEN, BindRequest): SessionState.BINDING,
    (SessionState.BINDING, BindResp): SessionState.BOUND,
    (SessionState.BOUND, Unbind): SessionState.UNBINDING,
    (SessionState.UNBINDING, UnbindResp): SessionState.CLOSED,
}
"""What a PDU that is accepted does to the state; every other PDU leaves it."""

_NOTHING: PduTypes = frozenset()

# Answered or taken in any state until the link is gone, since servers send them before bind_resp and after unbind.
_ALWAYS: PduTypes = frozenset({EnquireLink, EnquireLinkResp, Unbind, UnbindResp, GenericNack})

_ESME_SENDS: dict[BindMode, PduTypes] = {
    BindMode.TRANSMITTER: frozenset({SubmitSm, DataSm, QuerySm, CancelSm, Unbind, EnquireLink}),
    BindMode.RECEIVER: frozenset({DataSm, Unbind, EnquireLink}),
    BindMode.TRANSCEIVER: frozenset({SubmitSm, DataSm, QuerySm, CancelSm, Unbind, EnquireLink}),
}
_SMSC_SENDS: dict[BindMode, PduTypes] = {
    BindMode.TRANSMITTER: frozenset({DataSm, Unbind, EnquireLink}),
    BindMode.RECEIVER: frozenset({DeliverSm, DataSm, Unbind, EnquireLink}),
    BindMode.TRANSCEIVER: frozenset({DeliverSm, DataSm, Unbind, EnquireLink}),
}

# deliver_sm on a transmitter bind is against the book; to refuse it would lose a receipt and win nothing.
_ESME_TAKES: PduTypes = _ALWAYS | {
    DeliverSm,
    DataSm,
    SubmitSmResp,
    DataSmResp,
    QuerySmResp,
    CancelSmResp,
    AlertNotification,
}
_SMSC_TAKES: dict[BindMode, PduTypes] = {
    BindMode.TRANSMITTER: _ALWAYS | {SubmitSm, DataSm, DataSmResp, QuerySm, CancelSm},
    BindMode.RECEIVER: _ALWAYS | {DataSm, DataSmResp, DeliverSmResp, QuerySm, CancelSm},
    BindMode.TRANSCEIVER: _ALWAYS | {SubmitSm, DataSm, DataSmResp, DeliverSmResp, QuerySm, CancelSm},
}


def sendable(role: Role, state: SessionState, mode: BindMode | None) -> PduTypes:
    """The requests that this role may begin now. Answers follow their request and need no leave."""
    if state is SessionState.OPEN and role is Role.ESME:
        return frozenset({BindRequest})
    if state is SessionState.BOUND and mode is not None:
        return (_ESME_SENDS if role is Role.ESME else _SMSC_SENDS)[mode]
    return _NOTHING


def receivable(role: Role, state: SessionState, mode: BindMode | None) -> PduTypes:
    """The PDUs that this role takes now; any other request is answered ESME_RINVBNDSTS, any other response is told."""
    if state is SessionState.CLOSED:
        return _NOTHING
    if state is SessionState.OPEN:
        return _ALWAYS if role is Role.ESME else _ALWAYS | {BindRequest}
    if state is SessionState.BINDING:
        # Receipts of an earlier session, and inbound messages, come before bind_resp from some SMSCs.
        return _ALWAYS | {BindResp, DeliverSm, DataSm} if role is Role.ESME else _ALWAYS
    if role is Role.ESME or mode is None:
        return _ESME_TAKES
    return _SMSC_TAKES[mode]
