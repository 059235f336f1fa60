"""The half of a session that speaks: its state, its timers, what we ask for and what we answer.

What the peer says, and the contract of the whole, is session.py's.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from protocol.codec import encode
from protocol.encoding import deliver_sm_resp
from protocol.errors import NotBound
from protocol.fields import HEADER_LENGTH, write_header
from protocol.framing import MAX_FRAME, Framer
from protocol.keepalive import Keepalive
from protocol.numbers import BindMode, CommandId
from protocol.patience import Patience
from protocol.pdus import (
    BindRequest,
    BindResp,
    CancelSm,
    DataSm,
    DataSmResp,
    DeliverSm,
    EnquireLink,
    Pdu,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)
from protocol.questions import Questions
from protocol.session_events import Reported
from protocol.session_states import MOVES, Role, SessionState, receivable, sendable
from protocol.window import Window

MAX_SEQUENCE = 0x7FFF_FFFF
"""The highest sequence_number that we give (SMPP 3.4 §5.1.4)."""

INTERFACE_VERSION = 0x34

_SUBMIT_SM = int(CommandId.SUBMIT_SM)
_RESPONSES: dict[type[Any], type[DataSmResp | SubmitSmResp]] = {DataSm: DataSmResp, SubmitSm: SubmitSmResp}
Answerable: TypeAlias = DeliverSm | DataSm | SubmitSm | Reported
"""What a status alone may answer."""
# Python 3.11 runs code of its own at each `SessionState.CLOSED`, which an answer to every message need not pay.
_CLOSED = SessionState.CLOSED


class OutboundSession:
    """Everything that a Session sends; made to be a Session, not used alone."""

    def __init__(
        self,
        role: Role,
        *,
        window: int,
        response_timeout: float,
        enquire_link_idle: float,
        enquire_link_timeout: float,
        enquire_link_misses: int,
        bind_timeout: float,
        first_sequence: int = 1,
        max_frame: int = MAX_FRAME,
        patience: Patience | None = None,
        reads_receipts: bool = False,
    ) -> None:
        """`window`: requests in flight at most, each for `response_timeout` seconds; `bind_timeout` in seconds.

        The rest as in Keepalive, Framer and Window; `first_sequence` is 1 to MAX_SEQUENCE. `reads_receipts`: of a
        deliver_sm that is a receipt of the usual layout tell Reported instead of Delivered (ESME).
        """
        self._reads_receipts = reads_receipts
        self.mode: BindMode | None = None
        """The mode that was asked for in the bind, None before it."""
        self.window = Window(window, patience)
        self._questions = Questions()
        self._role = role
        self._response_timeout = response_timeout
        self._bind_timeout = bind_timeout
        self._keepalive = Keepalive(idle=enquire_link_idle, timeout=enquire_link_timeout, misses=enquire_link_misses)
        self._framer = Framer(max_frame)
        self._next_sequence = first_sequence
        self._bind_sequence = 0
        self._unbind_sequence = 0
        self._peers_unbind: int | None = None
        """Its sequence number, while its answer waits for what either side still owes."""
        self._deliveries = 0
        """Handed on and not answered yet (ESME)."""
        self._enquiry_sequence = 0
        self._handshake_deadline: float | None = None
        """Until when the answer to our bind or unbind must come; what is owed, once the peer unbinds."""
        self._outgoing: list[bytes] = []
        self._enter(SessionState.OPEN)

    def retune(
        self,
        *,
        response_timeout: float,
        enquire_link_idle: float,
        enquire_link_timeout: float,
        enquire_link_misses: int,
        bind_timeout: float,
    ) -> None:
        """As at the beginning, for what is sent from now on. A request never expires before those sent before it."""
        self._response_timeout = response_timeout
        self._bind_timeout = bind_timeout
        self._keepalive.retune(idle=enquire_link_idle, timeout=enquire_link_timeout, misses=enquire_link_misses)

    @property
    def state(self) -> SessionState:
        """How far the session has come."""
        return self._state

    @property
    def deadline(self) -> float | None:
        """When `tick` will have something to do, if nothing happens before."""
        deadlines = [self._handshake_deadline, self.window.next_deadline]
        if self._questions.waiting:
            deadlines.append(self._questions.next_deadline)
        if self._state is SessionState.BOUND:
            deadlines.append(self._keepalive.deadline)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    @property
    def unread(self) -> bytes:
        """The beginning of a frame that has not come whole."""
        return self._framer.rest

    def bytes_to_send(self) -> bytes:
        """All that is to be written now, as one piece of whole PDUs; it is handed out once."""
        return b"".join(self.pdus_to_send())

    def pdus_to_send(self) -> list[bytes]:
        """The same, one PDU each, for a peer that takes only one per segment."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    # What we ask for

    def bind(self, request: BindRequest, now: float) -> None:
        """Ask to bind (ESME); Bound, BindRefused or Closed tells how it went. Raises LocalProtocolError."""
        self._demand(BindRequest)
        self._bind_sequence = self._send_request(request)
        self.mode = request.mode
        self._handshake_deadline = now + self._bind_timeout
        self._enter(MOVES[self._state, BindRequest])

    def submit(self, pdu: SubmitSm | DataSm, token: Any, now: float) -> int:
        """Send a message (ESME) and give its sequence number, which is set in the PDU too.

        Raises NotBound, WindowFull, or LocalProtocolError for a value that does not fit its field.
        """
        return self._send_in_window(pdu, token, now)

    def submit_all(self, submits: Sequence[tuple[bytes, Any]], now: float) -> None:
        """Send submit_sm (ESME) whose bodies were made by submit_bodies.py, each with its token, in their order.

        Raises NotBound, or WindowFull unless all of them may be sent.
        """
        self._demand(SubmitSm)
        self.window.demand_free(len(submits))
        sequence, window, send = self._next_sequence, self.window, self._outgoing.append
        numbered: list[tuple[int, Any]] = []
        for body, token in submits:
            while sequence in window:
                sequence = sequence % MAX_SEQUENCE + 1
            send(write_header(HEADER_LENGTH + len(body), _SUBMIT_SM, 0, sequence) + body)
            numbered.append((sequence, token))
            sequence = sequence % MAX_SEQUENCE + 1
        self._next_sequence = sequence
        window.add_all(numbered, now, now + self._response_timeout)

    def question(self, pdu: QuerySm | CancelSm, token: Any, now: float) -> None:
        """Ask about a message (ESME), beside the window; QuestionAnswered or QuestionExpired tells how it went.

        Raises NotBound, or LocalProtocolError for a value that does not fit its field.
        """
        self._demand(type(pdu))
        self._questions.add(self._send_request(pdu), token, now + self._response_timeout)

    def deliver(self, pdu: DeliverSm | DataSm, token: Any, now: float) -> int:
        """Hand over a receipt or an inbound message (SMSC); as `submit`."""
        return self._send_in_window(pdu, token, now)

    def unbind(self, now: float) -> None:
        """Ask to end the session; answers still come until Closed, which comes within the response time-out.

        Raises NotBound.
        """
        self._demand(Unbind)
        self._unbind_sequence = self._send_request(Unbind())
        self._handshake_deadline = now + self._response_timeout
        self._enter(MOVES[self._state, Unbind])

    def enquire(self, now: float) -> None:
        """Send an enquire_link before silence asks for one. Raises NotBound."""
        self._demand(EnquireLink)
        self._enquiry_sequence = self._send_request(EnquireLink())
        self._keepalive.enquired(now)

    def excuse(self, now: float) -> None:
        """The driver does not read for a while: that nothing is heard says nothing about the link."""
        self._keepalive.heard(now)

    # What we answer

    def answer(self, request: Answerable, status: int) -> None:
        """Answer with a status alone, under the very sequence number that the peer gave, whatever it is."""
        self.answer_all((request,), status)

    def answer_all(self, requests: Sequence[Answerable], status: int) -> None:
        """Answer each, as `answer`, in their order."""
        self._deliveries -= len(requests)
        if self._state is not _CLOSED:
            responses = _RESPONSES
            self._outgoing += [
                encode(responses[kind](status, sequence=request.sequence))
                if (kind := type(request)) in responses
                else deliver_sm_resp(status, request.sequence)
                for request in requests
            ]

    def answer_submit(
        self, request: SubmitSm | DataSm, status: int, message_id: str, tlvs: dict[int, bytes] | None = None
    ) -> None:
        """Answer a Submitted (SMSC). Raises LocalProtocolError for a message_id that does not fit."""
        kind = SubmitSmResp if isinstance(request, SubmitSm) else DataSmResp
        self.respond(kind(status, message_id, tlvs or {}, request.sequence))

    def accept_bind(self, request: BindRequest, system_id: str, now: float) -> None:
        """Take a bind (SMSC); dropped once closed. Raises NotBound unless one waits for it."""
        if self._state is SessionState.CLOSED:
            return
        self._demand_bind_request()
        # sc_interface_version is an optional parameter, which came with 3.4 (§4.1.2).
        version = INTERFACE_VERSION if request.interface_version >= INTERFACE_VERSION else None
        self.respond(BindResp(request.mode, 0, system_id, version, request.sequence))
        self.mode = request.mode
        self._keepalive.heard(now)
        self._enter(MOVES[self._state, BindResp])

    def refuse_bind(self, request: BindRequest, status: int) -> None:
        """Refuse a bind (SMSC), so that the peer may ask again; dropped once closed. Raises NotBound as accept_bind."""
        if self._state is SessionState.CLOSED:
            return
        self._demand_bind_request()
        self.respond(BindResp(request.mode, status, sequence=request.sequence))
        self._enter(SessionState.OPEN)

    def respond(self, response: Pdu) -> None:
        """Answer with a whole PDU, which carries the request's sequence number; dropped once closed."""
        if self._state is not _CLOSED:
            self._outgoing.append(encode(response))

    def _enter(self, state: SessionState) -> None:
        self._state = state
        self._sendable = sendable(self._role, state, self.mode)
        self._receivable = receivable(self._role, state, self.mode)

    def _demand(self, kind: type[Any]) -> None:
        if kind not in self._sendable:
            mode = f" as {self.mode.value}" if self.mode is not None else ""
            raise NotBound(f"an {self._role.name} may not send {kind.__name__} while {self._state.value}{mode}")

    def _demand_bind_request(self) -> None:
        if self._role is Role.ESME or self._state is not SessionState.BINDING:
            raise NotBound("no bind request waits for an answer")

    def _send_request(self, request: Any) -> int:
        sequence = request.sequence = self._free_sequence()
        self._outgoing.append(encode(request))
        self._next_sequence = sequence % MAX_SEQUENCE + 1
        return sequence

    def _free_sequence(self) -> int:
        """The next number that finds no other request, not even by a late answer."""
        sequence = self._next_sequence
        while sequence in self.window:
            sequence = sequence % MAX_SEQUENCE + 1
        return sequence

    def _send_in_window(self, pdu: SubmitSm | DeliverSm | DataSm, token: Any, now: float) -> int:
        self._demand(type(pdu))
        self.window.demand_free()
        sequence = self._send_request(pdu)
        self.window.add(sequence, token, now, now + self._response_timeout)
        return sequence
