"""One SMPP session, either side of it: joins framing, codec, states, window, keepalive, and hears the peer.

What we say is session_outbound.py's. The socket, the clock and what a message means are the driver's.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

from protocol.codec import decode, encode
from protocol.command_status import CommandStatus, name_of
from protocol.errors import BadPdu
from protocol.fields import HEADER_LENGTH, read_header
from protocol.keepalive import KeepaliveStep
from protocol.numbers import RESPONSE_BIT, CommandId
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
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    Unknown,
)
from protocol.receipt_frames import read_receipt_frame
from protocol.refusals import refusal
from protocol.session_events import (
    BindRefused,
    BindRequested,
    Bound,
    Closed,
    CloseReason,
    DeliverAnswered,
    Delivered,
    DeliverExpired,
    Event,
    PeerComplained,
    PeerUnbound,
    QuestionAnswered,
    QuestionExpired,
    Reported,
    Requested,
    SubmitAnswered,
    SubmitExpired,
    Submitted,
    Unbound,
)
from protocol.session_outbound import OutboundSession
from protocol.session_states import MOVES, Role, SessionState

# Python 3.11 runs code of its own at each `Role.ESME`, which what comes with every message need not pay.
_ESME = Role.ESME
_CLOSED = SessionState.CLOSED
_DELIVER_SM, _SUBMIT_SM_RESP = int(CommandId.DELIVER_SM), int(CommandId.SUBMIT_SM_RESP)
_WHILE_BOUND = f"while {SessionState.BOUND.value}"
OWED_SECONDS = 5.0
"""How long an SMSC that unbinds is waited for to answer what it has: one that goes down in order does so at once."""


class Session(OutboundSession):
    """Bytes and `now` in; events, bytes and a deadline out. `now` is seconds of one monotonic clock.

    After any call flush `bytes_to_send()`; wake no later than `deadline` and call `tick`. What the peer sends never
    raises: a bad body is answered with a refusal and the session lives, a bad length ends it. What we ask for raises
    LocalProtocolError, and then nothing has changed. Every submit ends in exactly one SubmitAnswered, SubmitExpired
    (after which a late SubmitAnswered may come) or place in Closed.unanswered; every question in one QuestionAnswered
    or QuestionExpired; every session in exactly one Closed, after which what is received or answered is dropped.
    enquire_link and its answer are never seen outside. An SMSC that unbinds while requests are unanswered, ours or its
    own, gets its answer once they are, or after OWED_SECONDS: without its answer a message of ours is in doubt, and
    without ours it delivers again.
    Whether slots of overtaken submits are given back (`Window.give_back`) is the driver's to say.
    The driver bounds how long a peer may stay unbound in the SMSC role, since no session began yet.
    """

    def receive_bytes(self, data: bytes, now: float) -> list[Event]:
        """Take what was read, in any cutting; never raises."""
        events: list[Event] = []
        if self._state is _CLOSED:
            return events
        octets, bounds, fault = self._framer.cut(data)
        if len(bounds) > 1:
            # Octets that never come to be a PDU say nothing of a peer that can be talked to.
            self._keepalive.heard(now)
        text = octets.decode("latin-1")
        for start, end in pairwise(bounds):
            if not self._take_quickly(octets, text, start, end, now, events):
                self._take(octets[start:end], now, events)
        if fault is not None:
            if self._state is not _CLOSED:
                # The one thing that generic_nack is for; the sequence number is as little to be trusted as the length
                # (SMPP 3.4 §4.3.1).
                self._outgoing.append(encode(GenericNack(CommandStatus.ESME_RINVCMDLEN)))
            self._close(CloseReason.BAD_FRAME, str(fault), events)
        if self._peers_unbind is not None:
            self._go_on_unbinding(events)
        return events

    def _take_quickly(self, octets: bytes, text: str, start: int, end: int, now: float, events: list[Event]) -> bool:
        """Take one of the two PDUs that come with every message, as they mostly are, where it is in what was read: at
        half the cost of `_take`, which tells the same of it. False: it was not taken."""
        _, command_id, status, sequence = read_header(octets, start)
        if command_id == _DELIVER_SM:
            if self._reads_receipts and DeliverSm in self._receivable:
                receipt = read_receipt_frame(octets, text, start, end)
                if receipt is not None:
                    self._deliveries += 1
                    events.append(Reported(sequence, receipt))
                    return True
        elif command_id == _SUBMIT_SM_RESP and not status and SubmitSmResp in self._receivable:
            start += HEADER_LENGTH
            if text.find("\0", start, end) == end - 1:
                slot = self.window.settle(sequence)
                if slot is not None:
                    events.append(SubmitAnswered(slot.token, 0, text[start : end - 1], {}, now - slot.sent_at, False))
                    return True
        return False

    def _take(self, frame: bytes, now: float, events: list[Event]) -> None:
        try:
            pdu = decode(frame)
        except BadPdu as fault:
            self._reject(fault.command_id, fault.sequence, fault.status, events)
            return
        kind = type(pdu)
        if kind in self._receivable:
            _RECEIVERS[kind](self, pdu, now, events)
        else:
            self._take_unasked(pdu, frame, events)

    def receive_eof(self, now: float) -> list[Event]:
        """The stream ended, by the peer or by a fault of the network."""
        events: list[Event] = []
        if self._peers_unbind is not None:
            self._close(CloseReason.PEER_UNBOUND, _WHILE_BOUND, events)
        elif self._state is SessionState.UNBINDING:
            self._close(CloseReason.UNBOUND, "the peer closed instead of answering unbind", events)
        else:
            self._close(CloseReason.PEER_CLOSED, f"while {self._state.value}", events)
        return events

    def answer_unbind(self) -> list[Event]:
        """Answer the peer's unbind now, whatever is still owed; nothing where none waits for its answer."""
        events: list[Event] = []
        if self._peers_unbind is not None and self._state is not _CLOSED:
            self._outgoing.append(encode(UnbindResp(0, self._peers_unbind)))
            self._close(CloseReason.PEER_UNBOUND, _WHILE_BOUND, events)
        return events

    def tick(self, now: float) -> list[Event]:
        """Time has come to `deadline`, or not: harmless at any time."""
        expired = SubmitExpired if self._role is Role.ESME else DeliverExpired
        events: list[Event] = [expired(slot.token) for slot in self.window.expire(now)]
        events += [QuestionExpired(token) for token in self._questions.expire(now)]
        if self._handshake_deadline is not None and now >= self._handshake_deadline:
            if self._state is SessionState.BINDING:
                self._close(CloseReason.BIND_TIMEOUT, "bind was not answered", events)
            elif self._peers_unbind is not None:
                events += self.answer_unbind()
            else:
                self._close(CloseReason.UNBOUND, "unbind was not answered", events)
        elif self._state is SessionState.BOUND:
            step = self._keepalive.tick(now)
            if step is KeepaliveStep.ENQUIRE:
                self.enquire(now)
            elif step is KeepaliveStep.DEAD:
                self._close(CloseReason.LINK_DEAD, "enquire_link was not answered", events)
        if self._peers_unbind is not None:
            self._go_on_unbinding(events)
        return events

    def _go_on_unbinding(self, events: list[Event]) -> None:
        """The peer's unbind is answered once nothing is owed."""
        if not self._is_owed():
            events += self.answer_unbind()

    def _close(self, reason: CloseReason, detail: str, events: list[Event]) -> None:
        """End the session; of several reasons the first counts."""
        if self._state is SessionState.CLOSED:
            return
        self._handshake_deadline = None
        self._enter(SessionState.CLOSED)
        events += [QuestionExpired(token) for token in self._questions.abandon()]
        events.append(Closed(reason, detail, [slot.token for slot in self.window.abandon()]))

    def _take_unasked(self, pdu: Pdu, frame: bytes, events: list[Event]) -> None:
        _, command_id, status, sequence = read_header(frame)
        self._reject(command_id, sequence, status if command_id & RESPONSE_BIT else self._status_for(pdu), events)

    def _reject(self, command_id: int, sequence: int, status: int, events: list[Event]) -> None:
        """Once closed nothing is receivable, so that whatever still comes is dropped here."""
        if self._state is _CLOSED:
            return
        response = refusal(command_id, sequence, status)
        if response is not None:
            self._outgoing.append(encode(response))
        events.append(PeerComplained(status, sequence))

    def _status_for(self, request: Pdu) -> CommandStatus:
        """Why a request is not taken."""
        if isinstance(request, Unknown):
            return CommandStatus.ESME_RINVCMDID
        if isinstance(request, BindRequest) and self._role is Role.SMSC:
            return CommandStatus.ESME_RALYBND
        return CommandStatus.ESME_RINVBNDSTS

    def _settle(
        self, sequence: int, status: int, message_id: str, tlvs: dict[int, bytes], now: float, events: list[Event]
    ) -> None:
        slot = self.window.settle(sequence)
        late = slot is None
        if slot is None:
            slot = self.window.settle_late(sequence, now)
        if slot is None:
            events.append(PeerComplained(status, sequence))
        elif self._role is _ESME:
            events.append(SubmitAnswered(slot.token, status, message_id, tlvs, now - slot.sent_at, late))
        else:
            events.append(DeliverAnswered(slot.token, status, late))

    def _take_message_resp(self, pdu: SubmitSmResp | DataSmResp, now: float, events: list[Event]) -> None:
        self._settle(pdu.sequence, pdu.status, pdu.message_id, pdu.tlvs, now, events)

    def _take_deliver_sm_resp(self, pdu: DeliverSmResp, now: float, events: list[Event]) -> None:
        self._settle(pdu.sequence, pdu.status, "", {}, now, events)

    def _take_deliver_sm(self, pdu: DeliverSm, now: float, events: list[Event]) -> None:
        self._deliveries += 1
        events.append(Delivered(pdu))

    def _take_submit_sm(self, pdu: SubmitSm, now: float, events: list[Event]) -> None:
        events.append(Submitted(pdu))

    def _take_data_sm(self, pdu: DataSm, now: float, events: list[Event]) -> None:
        if self._role is _ESME:
            self._deliveries += 1
            events.append(Delivered(pdu))
        else:
            events.append(Submitted(pdu))

    def _take_question(self, pdu: QuerySm | CancelSm, now: float, events: list[Event]) -> None:
        events.append(Requested(pdu))

    def _take_question_resp(self, pdu: QuerySmResp | CancelSmResp, now: float, events: list[Event]) -> None:
        if pdu.sequence in self._questions:
            told = pdu if isinstance(pdu, QuerySmResp) and not pdu.status else None
            events.append(QuestionAnswered(self._questions.settle(pdu.sequence), pdu.status, told))
        else:
            events.append(PeerComplained(pdu.status, pdu.sequence))

    def _take_bind_request(self, pdu: BindRequest, now: float, events: list[Event]) -> None:
        self._enter(MOVES[self._state, BindRequest])
        events.append(BindRequested(pdu))

    def _take_bind_resp(self, pdu: BindResp, now: float, events: list[Event]) -> None:
        # Only one bind can wait, so neither the mode in the command_id nor the sequence number is asked: some SMSCs
        # answer bind_receiver by bind_transmitter_resp.
        if pdu.status:
            self._take_bind_refusal(pdu.status, events)
            return
        self._handshake_deadline = None
        self._enter(MOVES[self._state, BindResp])
        events.append(Bound(pdu.system_id, pdu.interface_version))

    def _take_bind_refusal(self, status: int, events: list[Event]) -> None:
        events.append(BindRefused(status))
        self._close(CloseReason.BIND_REFUSED, name_of(status), events)

    def _take_enquire_link(self, pdu: EnquireLink, now: float, events: list[Event]) -> None:
        self._outgoing.append(encode(EnquireLinkResp(0, pdu.sequence)))

    def _take_nothing(self, pdu: EnquireLinkResp | AlertNotification, now: float, events: list[Event]) -> None:
        """That octets came in is all it tells a session."""

    def _take_unbind(self, pdu: Unbind, now: float, events: list[Event]) -> None:
        if self._peers_unbind is None and self._state is SessionState.BOUND and self._is_owed():
            self._peers_unbind = pdu.sequence
            self._handshake_deadline = now + min(self._response_timeout, OWED_SECONDS)
            self._enter(MOVES[self._state, Unbind])
            events.append(PeerUnbound())
            return
        self._outgoing.append(encode(UnbindResp(0, pdu.sequence)))
        if self._peers_unbind is not None:
            # It does not wait for us any longer.
            self._close(CloseReason.PEER_UNBOUND, _WHILE_BOUND, events)
        elif self._state is SessionState.UNBINDING:
            events.append(Unbound())
            self._close(CloseReason.UNBOUND, "the peer answered unbind by unbind", events)
        else:
            events.append(PeerUnbound())
            self._close(CloseReason.PEER_UNBOUND, f"while {self._state.value}", events)

    def _is_owed(self) -> bool:
        """Whether requests are unanswered, so that the end would leave doubt (ESME)."""
        return self._role is _ESME and (self.window.oldest is not None or self._deliveries > 0)

    def _take_unbind_resp(self, pdu: UnbindResp, now: float, events: list[Event]) -> None:
        if self._is_unbinding():
            events.append(Unbound())
            self._close(CloseReason.UNBOUND, "", events)
        else:
            events.append(PeerComplained(pdu.status, pdu.sequence))

    def _is_unbinding(self) -> bool:
        """Whether an unbind of ours waits for its answer."""
        return self._state is SessionState.UNBINDING and self._peers_unbind is None

    def _take_generic_nack(self, pdu: GenericNack, now: float, events: list[Event]) -> None:
        # A nack never accepts, yet some SMSCs send it with status 0.
        status = pdu.status or CommandStatus.ESME_RUNKNOWNERR
        if self._state is SessionState.BINDING and self._role is Role.ESME and pdu.sequence in (0, self._bind_sequence):
            self._take_bind_refusal(status, events)
        elif self._is_unbinding() and pdu.sequence == self._unbind_sequence:
            events.append(Unbound())
            self._close(CloseReason.UNBOUND, f"unbind was answered by generic_nack {name_of(status)}", events)
        elif pdu.sequence in self._questions:
            events.append(QuestionAnswered(self._questions.settle(pdu.sequence), status))
        elif pdu.sequence != self._enquiry_sequence or pdu.sequence == 0:
            # Sequence number 0 names no request. Even with one in flight it may be meant for an answer of ours.
            self._settle(pdu.sequence, status, "", {}, now, events)


_Receiver: TypeAlias = Callable[[Session, Any, float, list[Event]], None]
_RECEIVERS: dict[type[Any], _Receiver] = {
    SubmitSmResp: Session._take_message_resp,
    DeliverSm: Session._take_deliver_sm,
    SubmitSm: Session._take_submit_sm,
    DeliverSmResp: Session._take_deliver_sm_resp,
    DataSm: Session._take_data_sm,
    DataSmResp: Session._take_message_resp,
    EnquireLink: Session._take_enquire_link,
    EnquireLinkResp: Session._take_nothing,
    GenericNack: Session._take_generic_nack,
    BindRequest: Session._take_bind_request,
    BindResp: Session._take_bind_resp,
    Unbind: Session._take_unbind,
    UnbindResp: Session._take_unbind_resp,
    QuerySm: Session._take_question,
    CancelSm: Session._take_question,
    QuerySmResp: Session._take_question_resp,
    CancelSmResp: Session._take_question_resp,
    AlertNotification: Session._take_nothing,
}
