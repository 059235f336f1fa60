"""Fuzz target: a session of either role that hears anything, in any cutting, while we call, wait and hang up.

Each submit ends once, no more are in flight than the window, each session ends in one Closed, and then it is silent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from draws import Draws
from frames import frames, pdus

from protocol.codec import decode, encode
from protocol.errors import LocalProtocolError
from protocol.pdus import (
    RESPONSE_BIT,
    BindMode,
    BindRequest,
    CommandId,
    DataSm,
    DeliverSm,
    SubmitSm,
)
from protocol.session import Session
from protocol.session_events import (
    BindRequested,
    Closed,
    DeliverAnswered,
    Delivered,
    DeliverExpired,
    SubmitAnswered,
    SubmitExpired,
    Submitted,
)
from protocol.session_states import Role, SessionState
from protocol.submit_bodies import submit_body, submit_head, submit_tail

LONGEST_INPUT = 192
_MODES = list(BindMode)
_PDUS = [encode(pdu) for pdu in pdus()]
_SUBMIT = SubmitSm(destination_addr="34600000001", short_message=b"Hello")
_BODY = submit_body(submit_head(_SUBMIT), "34600000001", submit_tail(_SUBMIT), b"Hello")
_LONGEST = 2048


@dataclass
class _Life:
    """A session, and what a bookkeeper of its own knows of it."""

    session: Session
    role: Role
    window: int
    now: float = 100.0
    tokens: int = 0
    in_flight: set[int] = field(default_factory=set)
    overdue: set[int] = field(default_factory=set)
    ends: int = 0
    held: bytes = b""
    """Of what the peer sends: not heard yet."""
    waiting: list[Any] = field(default_factory=list)
    """Requests of the peer that we may answer."""
    binding: list[BindRequest] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Sequence numbers of what we sent, the last first in mind."""

    def meet(self, events: list[Any]) -> None:
        assert not (self.ends and events), "an event after the end"
        for event in events:
            self._meet(event)

    def _meet(self, event: Any) -> None:
        assert not self.ends, "an event behind Closed"
        if isinstance(event, SubmitAnswered | DeliverAnswered):
            (self.overdue if event.late else self.in_flight).remove(event.token)
        elif isinstance(event, SubmitExpired | DeliverExpired):
            self.in_flight.remove(event.token)
            self.overdue.add(event.token)
        elif isinstance(event, Closed):
            self.ends += 1
            assert sorted(event.unanswered) == sorted(self.in_flight)
            self.in_flight.clear()
            self.overdue.clear()
        elif isinstance(event, BindRequested):
            self.binding.append(event.pdu)
        elif isinstance(event, Delivered | Submitted):
            self.waiting.append(event.pdu)

    def check(self) -> None:
        session = self.session
        assert session.window.in_flight == len(self.in_flight) <= self.window
        assert (session.state is SessionState.CLOSED) == bool(self.ends)
        assert len(session._framer._rest) <= _LONGEST
        sent = [int.from_bytes(pdu[12:16], "big") for pdu in session.pdus_to_send() if self._is_whole(pdu)]
        self.numbers = (self.numbers + sent)[-8:]

    def _is_whole(self, pdu: bytes) -> bool:
        """What we send a peer can read. Whether it is a request."""
        assert int.from_bytes(pdu[:4], "big") == len(pdu)
        decode(pdu)
        return not int.from_bytes(pdu[4:8], "big") & RESPONSE_BIT


def check(octets: bytes) -> None:
    draws = Draws(octets)
    how = draws.number()
    life = _life(Role.ESME if how & 1 else Role.SMSC, 1 + (how >> 1 & 3))
    if how & 8:
        _bind(life, draws)
    while draws:
        draws.choice(_STEPS)(life, draws)
        life.check()
    life.meet(life.session.receive_eof(life.now))
    life.check()
    assert life.ends == 1
    life.meet(life.session.receive_bytes(b"".join(_PDUS), life.now))
    life.meet(life.session.tick(life.now + 1e6))
    assert life.session.bytes_to_send() == b""
    assert life.session.deadline is None


def _life(role: Role, window: int) -> _Life:
    session = Session(
        role,
        window=window,
        response_timeout=10.0,
        enquire_link_idle=20.0,
        enquire_link_timeout=5.0,
        enquire_link_misses=2,
        bind_timeout=10.0,
        max_frame=_LONGEST,
        first_sequence=0x7FFF_FFFD,
    )
    return _Life(session, role, window)


def _attempt(life: _Life, call: Callable[[], Any]) -> bool:
    """A call of ours: refused, it has changed nothing."""
    life.check()
    before = (life.session.state, life.session.window.in_flight)
    try:
        call()
    except LocalProtocolError:
        assert (life.session.state, life.session.window.in_flight) == before
        assert life.session.bytes_to_send() == b""
        return False
    return True


def _bind(life: _Life, draws: Draws) -> None:
    request = BindRequest(draws.choice(_MODES), "acme", "secret", sequence=1)
    if life.role is Role.ESME:
        _attempt(life, lambda: life.session.bind(request, life.now))
    else:
        life.held += encode(request)
        _hear_all(life, draws)
        _decide(life, draws)


def _decide(life: _Life, draws: Draws) -> None:
    while life.binding:
        request, takes = life.binding.pop(), draws.number() % 4
        if takes:
            _attempt(life, lambda request=request: life.session.accept_bind(request, "telco", life.now))
        else:
            _attempt(life, lambda request=request: life.session.refuse_bind(request, 13))


def _peer_sends(life: _Life, draws: Draws) -> None:
    """A PDU of any kind, often under a number that we gave; sometimes with a body or a length that is wrong."""
    frame, how = draws.choice(_PDUS), draws.number()
    number = life.numbers[how % len(life.numbers)] if life.numbers and how & 0x80 else draws.number()
    body = frame[16:] if how & 0x40 else draws.short()
    status = draws.number() if how & 0x20 else 0
    length = draws.number(4) if how & 0x1F == 0x1F else 16 + len(body)
    life.held += length.to_bytes(4, "big") + frame[4:8] + status.to_bytes(4, "big") + number.to_bytes(4, "big") + body


def _peer_sends_anything(life: _Life, draws: Draws) -> None:
    life.held += draws.short()


def _hear_some(life: _Life, draws: Draws) -> None:
    size = draws.number()
    octets, life.held = life.held[:size], life.held[size:]
    life.meet(life.session.receive_bytes(octets, life.now))


def _hear_all(life: _Life, draws: Draws) -> None:
    octets, life.held = life.held, b""
    life.meet(life.session.receive_bytes(octets, life.now))


def _time_passes(life: _Life, draws: Draws) -> None:
    life.now += draws.number() / 8
    life.meet(life.session.tick(life.now))
    deadline = life.session.deadline
    assert deadline is None or deadline > life.now, "a tick that leaves its deadline behind would spin"


def _send(life: _Life, draws: Draws) -> None:
    session, token = life.session, life.tokens
    life.tokens += 1
    kind = DataSm() if draws.number() & 1 else SubmitSm() if life.role is Role.ESME else DeliverSm()
    call = session.submit if life.role is Role.ESME else session.deliver
    if _attempt(life, lambda: call(kind, token, life.now)):
        life.in_flight.add(token)


def _send_many(life: _Life, draws: Draws) -> None:
    tokens = list(range(life.tokens, life.tokens + draws.number() % 4))
    life.tokens += len(tokens)
    if _attempt(life, lambda: life.session.submit_all([(_BODY, token) for token in tokens], life.now)):
        life.in_flight.update(tokens)


def _answer(life: _Life, draws: Draws) -> None:
    if life.waiting:
        request = life.waiting.pop(draws.number() % len(life.waiting))
        life.session.answer(request, draws.number())


def _unbind(life: _Life, draws: Draws) -> None:
    _attempt(life, lambda: life.session.unbind(life.now))


def _enquire(life: _Life, draws: Draws) -> None:
    _attempt(life, lambda: life.session.enquire(life.now))


def _hang_up(life: _Life, draws: Draws) -> None:
    if draws.number() % 16 == 0:
        life.meet(life.session.receive_eof(life.now))


# What is there twice is what happens most.
_STEPS: list[Callable[[_Life, Draws], None]] = [
    _peer_sends, _hear_all, _send, _time_passes, _peer_sends, _hear_some, _send, _hear_all,
    _send_many, _answer, _decide, _bind, _peer_sends_anything, _enquire, _unbind, _hang_up,
]  # fmt: skip


def seeds() -> list[bytes]:
    bound_esme = bytes((0x0F, 2, 0, 1, 0x60, 1, 0, 1))
    commands = [int.from_bytes(frame[4:8], "big") for frame in _PDUS]
    answer = bytes((0, commands.index(CommandId.SUBMIT_SM_RESP), 0xC0, 1))
    return [
        bound_esme + b"\2\0\2\0" + answer,
        bound_esme + b"\2\0\3\xff\3\xff" + answer,
        bytes((0x0E, 2, 1)) + b"\2\0\2\0\3\xff",
        *[b"\x0f\2\x0c" + bytes((min(len(frame), 180),)) + frame[:180] + b"\1" for frame in frames()],
    ]
