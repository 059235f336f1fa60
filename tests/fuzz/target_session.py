"""Fuzz target: a session of either role that hears anything, in any cutting, while we call, wait and hang up.

Each submit ends once, no more are in flight than the window, each session ends in one Closed, and then it is silent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from draws import Draws
from frames import FRAMES, frames

from protocol.codec import decode, encode
from protocol.errors import LocalProtocolError
from protocol.fields import read_header
from protocol.numbers import RESPONSE_BIT, BindMode, CommandId
from protocol.pdus import BindRequest, CancelSm, DataSm, DeliverSm, QuerySm, SubmitSm
from protocol.session import Session
from protocol.session_events import (
    BindRequested,
    Closed,
    DeliverAnswered,
    Delivered,
    DeliverExpired,
    QuestionAnswered,
    QuestionExpired,
    SubmitAnswered,
    SubmitExpired,
    Submitted,
)
from protocol.session_states import Role, SessionState
from protocol.submit_bodies import submit_body, submit_head, submit_tail

LONGEST_INPUT = 192
_MODES = list(BindMode)
_CLOSED, _ESME = SessionState.CLOSED, Role.ESME
_ALL_FRAMES = b"".join(FRAMES)
_PIECES = [(frame[4:8], frame[16:]) for frame in FRAMES]
"""The command_id and the body of each."""
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
    slotless: set[int] = field(default_factory=set)
    """What waits on after its slot was given back."""
    overdue: set[int] = field(default_factory=set)
    questions: set[int] = field(default_factory=set)
    answers: int = 0
    late_answers: dict[str, int] = field(default_factory=lambda: {"slotless": 0, "overdue": 0})
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
            self._meet_answer(event)
        elif isinstance(event, SubmitExpired | DeliverExpired):
            (self.slotless if event.token in self.slotless else self.in_flight).remove(event.token)
            self.overdue.add(event.token)
        elif isinstance(event, QuestionAnswered | QuestionExpired):
            self.questions.remove(event.token)
        elif isinstance(event, Closed):
            assert not self.questions, "a question without an end"
            self.ends += 1
            # Tokens count up, so that this is the order in which they were sent.
            assert event.unanswered == sorted(self.in_flight | self.slotless)
            self.in_flight.clear()
            self.slotless.clear()
            self.overdue.clear()
        elif isinstance(event, BindRequested):
            self.binding.append(event.pdu)
        elif isinstance(event, Delivered | Submitted):
            self.waiting.append(event.pdu)

    def _meet_answer(self, event: SubmitAnswered | DeliverAnswered) -> None:
        if not event.late:
            self.in_flight.remove(event.token)
            self.answers += 1
        elif event.token in self.slotless:
            self.slotless.remove(event.token)
            self.late_answers["slotless"] += 1
        else:
            self.overdue.remove(event.token)
            self.late_answers["overdue"] += 1

    def check(self) -> None:
        session = self.session
        assert session.window.in_flight == len(self.in_flight) <= self.window
        assert session.window.given_back == len(self.slotless)
        assert (session.state is _CLOSED) == bool(self.ends)
        assert len(session._framer._rest) <= _LONGEST
        for frame in session.pdus_to_send():
            length, command_id, _, sequence = read_header(frame)
            assert length == len(frame)
            decode(frame)  # a peer can read it
            if not command_id & RESPONSE_BIT:
                self.numbers.append(sequence)
        del self.numbers[:-8]


def check(octets: bytes) -> None:
    life = play(octets)
    life.meet(life.session.receive_eof(life.now))
    life.check()
    assert life.ends == 1
    life.meet(life.session.receive_bytes(_ALL_FRAMES, life.now))
    life.meet(life.session.tick(life.now + 1e6))
    assert life.session.bytes_to_send() == b""
    assert life.session.deadline is None


def play(octets: bytes) -> _Life:
    """A session's life as the octets tell it, checked at each step."""
    draws = Draws(octets)
    how = draws.number()
    life = _life(Role.ESME if how & 1 else Role.SMSC, 1 + (how >> 1 & 3))
    if how & 8:
        _bind(life, draws)
    while draws:
        draws.choice(_STEPS)(life, draws)
        life.check()
    return life


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
    if life.role is _ESME:
        _attempt(life, lambda: life.session.bind(request, life.now))
    else:
        life.held += encode(request)
        _hear_all(life, draws)
        _decide(life, draws)


def _decide(life: _Life, draws: Draws) -> None:
    while life.binding:
        request, takes = life.binding.pop(), draws.number() % 4
        if takes:
            _attempt(life, partial(life.session.accept_bind, request, "telco", life.now))
        else:
            _attempt(life, partial(life.session.refuse_bind, request, 13))


def _peer_sends(life: _Life, draws: Draws) -> None:
    """A PDU of any kind, often under a number that we gave; sometimes with a body or a length that is wrong."""
    (command_id, filled), how = draws.choice(_PIECES), draws.number()
    number = life.numbers[how % len(life.numbers)] if life.numbers and how & 0x80 else draws.number()
    body = filled if how & 0x40 else draws.short()
    status = draws.number() if how & 0x20 else 0
    length = draws.number(4) if how & 0x1F == 0x1F else 16 + len(body)
    life.held += length.to_bytes(4, "big") + command_id + status.to_bytes(4, "big") + number.to_bytes(4, "big") + body


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
    is_data = draws.number() & 1
    call: Callable[[], Any]
    if life.role is _ESME:
        call = partial(session.submit, DataSm() if is_data else SubmitSm(), token, life.now)
    else:
        call = partial(session.deliver, DataSm() if is_data else DeliverSm(), token, life.now)
    if _attempt(life, call):
        life.in_flight.add(token)


def _send_many(life: _Life, draws: Draws) -> None:
    tokens = list(range(life.tokens, life.tokens + draws.number() % 4))
    life.tokens += len(tokens)
    if _attempt(life, lambda: life.session.submit_all([(_BODY, token) for token in tokens], life.now)):
        life.in_flight.update(tokens)


def _give_back(life: _Life, draws: Draws) -> None:
    """The oldest lose their slots, and nobody else."""
    count = life.session.window.give_back(life.now, draws.number() / 64)
    oldest = set(sorted(life.in_flight)[:count])
    assert len(oldest) == count
    life.in_flight -= oldest
    life.slotless |= oldest


def _answer(life: _Life, draws: Draws) -> None:
    if life.waiting:
        request = life.waiting.pop(draws.number() % len(life.waiting))
        life.session.answer(request, draws.number())


def _unbind(life: _Life, draws: Draws) -> None:
    _attempt(life, lambda: life.session.unbind(life.now))


def _enquire(life: _Life, draws: Draws) -> None:
    _attempt(life, lambda: life.session.enquire(life.now))


def _question(life: _Life, draws: Draws) -> None:
    token = life.tokens
    life.tokens += 1
    pdu = QuerySm("5F3A") if draws.number() & 1 else CancelSm("", "5F3A")
    if _attempt(life, lambda: life.session.question(pdu, token, life.now)):
        life.questions.add(token)


def _hang_up(life: _Life, draws: Draws) -> None:
    if draws.number() % 16 == 0:
        life.meet(life.session.receive_eof(life.now))


# What is there twice is what happens most.
_STEPS: list[Callable[[_Life, Draws], None]] = [
    _peer_sends, _hear_all, _send, _time_passes, _peer_sends, _hear_some, _send, _hear_all,
    _send_many, _answer, _decide, _bind, _peer_sends_anything, _enquire, _unbind, _hang_up, _give_back, _question,
]  # fmt: skip


def seeds() -> list[bytes]:
    hear, wait, send, give_back = (
        bytes((_STEPS.index(step),)) for step in (_hear_all, _time_passes, _send, _give_back)
    )
    bound = bytes((2, 0, 1, 0x60, 1, 0)) + hear
    of_four, of_two = b"\x0f" + bound, b"\x0b" + bound
    submit = send + b"\0"
    # The bind is the first that we sent, and the last eight are remembered.
    overtaken = submit + b"".join(submit + _answer_to(2 + sent, 3 + sent) for sent in range(6))
    lose_slot = wait + b"\x10" + give_back + b"\0"
    expire = wait + b"\x50"  # 10 s, before silence asks for an enquire_link
    return [
        of_four + submit + submit + _answer_to(1, 3) + _answer_to(2, 3),
        of_four + submit + expire + _answer_to(1, 2) + wait + b"\xff",
        of_two + overtaken + lose_slot + submit + _answer_to(0, 8),
        of_two + overtaken + lose_slot + submit + expire + _answer_to(0, 8),
        bytes((0x0E, 2, 1)) + submit + submit + wait + b"\xff",
        *[b"\x0f\2\x0c" + bytes((min(len(frame), 180),)) + frame[:180] + b"\1" for frame in frames()],
    ]


def _answer_to(index: int, count: int) -> bytes:
    """A submit_sm_resp to this one of the requests that are remembered, and that it is heard."""
    commands = [int.from_bytes(command_id, "big") for command_id, _ in _PIECES]
    how = next(how for how in range(0xC0, 0xDF) if how % count == index)
    return bytes((0, commands.index(CommandId.SUBMIT_SM_RESP), how, _STEPS.index(_hear_all)))
