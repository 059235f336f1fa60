"""One bind's side of the store: its free slots ask, what is dealt becomes submit_sm, every answer goes back.

How a claim is written is submits.py's, when PDUs go and what is in flight the bind's; who gets which slot the store's
deal; what an answer means judging.py's.

A bind's slots are at any time in one of these places, and together they are its window: asked for (or dealt and on the
way here), waiting in the bind, in flight, or answered and not yet recorded. Only what is in none is asked for, so that
an overdraft of the deal is paid back, and an answer that the store cannot keep holds its slot.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import trio

from gateway.carriers.bind import Bind
from gateway.flows import queue_times, stages
from gateway.flows.ahead import Ahead
from gateway.flows.judging import Judging
from gateway.flows.submits import Submits
from gateway.logs import quoted
from gateway.messages import ErrorCode
from gateway.metrics import DOUBTED, LATENCY, count_answers
from gateway.rules.retrying import AfterAnswer, Verdict
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment
from protocol.command_status import CommandStatus, StatusClass, classify
from protocol.errors import LocalProtocolError
from protocol.session_events import SubmitAnswered

if TYPE_CHECKING:
    from gateway.flows.send import Send

Token: TypeAlias = tuple[Claim, ClaimedSegment]

_SENT = AfterAnswer(Verdict.SENT, 0, None)
_log = logging.getLogger("sluice.send")


class BindFeed:
    """Joins one bind, for as long as it is bound, to the store. See gateway.carriers.bind.Feed."""

    def __init__(self, send: "Send", bind: Bind, submits: Submits, ahead: Ahead | None = None) -> None:
        """`ahead`: what it shares with other binds of its carrier."""
        self._send = send
        self._store = send.store
        self._bind = bind
        self._submits = submits
        self._ahead = ahead
        self._restraint = bind.restraint
        self._judging = Judging(send, bind)
        self._asked = 0
        self._recording = 0
        self._open = True
        self._latencies = LATENCY.of(bind.carrier)
        count_answers(bind.carrier, Verdict.SENT.value, StatusClass.ACCEPTED.value, 0)
        self._doubted = DOUBTED.labels(bind.carrier)

    def open(self) -> None:
        """Open the bind's window in the store and ask for all of it."""
        self._store.open_window(self._bind.name, self._bind.carrier, self.take)
        if self._ahead is not None:
            self._ahead.join(self)
        self.freed()

    @property
    def carrier(self) -> str:
        """Whose bind it is."""
        return self._bind.carrier

    def reconfigure(self, submits: Submits, ahead: Ahead | None) -> None:
        """Other settings of the lanes or of the carrier, which the bind has by now."""
        self._submits = submits
        if ahead is not self._ahead:
            if self._ahead is not None:
                self._ahead.leave(self)
            self._ahead = ahead
            if ahead is not None:
                ahead.join(self)
            self.freed()

    @property
    def can_send(self) -> bool:
        """Whether the bind takes work now."""
        return self._bind.can_send

    @property
    def at_hand(self) -> int:
        """PDUs asked for, or waiting for the pace that binds share alone."""
        restraint, waiting = self._restraint, self._bind.waiting
        if waiting:
            waiting = min(waiting, max(0, restraint.limit - self._bind.in_flight))
            if restraint.is_braked:
                waiting = min(waiting, restraint.ahead(trio.current_time()))
        return max(0, self._asked) + waiting

    def freed(self) -> None:
        """Ask for what is in no place; of binds that share a pace whoever's turn it is."""
        if self._ahead is None:
            self.ask()
        else:
            self._ahead.freed()

    def ask(self) -> None:
        """Ask for what is in no place."""
        room = self._free()
        if room > 0:
            self._asked += room
            self._store.ask(self._bind.name, room)

    def hand_back(self, room: int) -> None:
        """So much was added to this bind's ask that it had not asked for."""
        self._asked += room - self._store.withdraw(self._bind.name)
        self.freed()

    def is_rest(self, before: Token | None, token: Token) -> bool:
        """Whether a part of this one's message has gone: with the one before, or by an earlier claim."""
        claim, claimed = token
        is_same = before is not None and before[0].message == claim.message
        return is_same or len(claim.segments) < claimed.segment.total

    def is_urgent(self, token: Token) -> bool:
        """Of the first priority: it passes what was dealt before it and waits for the pace."""
        return self._send.is_first(token[0].lane)

    def halted(self) -> None:
        """Take the ask and all that waits back: another bind may have it."""
        self._asked -= self._store.withdraw(self._bind.name)
        waiting = self._bind.take_back()
        if waiting:
            self._store.release(self._bind.name, [_name(token) for token in waiting], 0)
        if self._ahead is not None:
            self._ahead.freed()

    def _free(self) -> int:
        """Slots in no place; negative after an overdraft. None is free while the bind cannot send."""
        bind = self._bind
        if not bind.can_send:
            return 0
        at_hand = self._asked + bind.waiting
        restraint = self._restraint
        free = restraint.limit - at_hand - self._recording - bind.in_flight
        if not restraint.paces:
            return free
        shared = None if self._ahead is None else self._ahead.share()
        free = min(free, restraint.ahead(trio.current_time(), shared) - at_hand)
        # An overdraft of its own is paid back beside what may be asked for.
        return free if self._ahead is None else min(free, self._ahead.room() - min(0, self._asked))

    def take(self, claims: list[Claim]) -> None:
        """What the store dealt, its intent on disk: each segment becomes a submit_sm."""
        bind = self._bind
        if not bind.can_send:
            self._give_back(claims)
            return
        body_of, now = self._submits.body, self._send.clock()
        submits: list[tuple[bytes, Token]] = []
        unsendable: list[Token] = []
        for claim in claims:
            for claimed in claim.segments:
                try:
                    submits.append((body_of(claim, claimed.segment, now), (claim, claimed)))
                except LocalProtocolError as error:
                    _log.error("unsendable bind=%s detail=%s", bind.name, quoted(error))
                    unsendable.append((claim, claimed))
        self._asked -= len(submits) + len(unsendable)
        stages.claimed(bind.name, (token for _, token in submits))
        bind.submit(submits)
        queue_times.observe(claims, now)
        if unsendable:
            self._refuse(unsendable, now)
        if self._restraint.paces:
            self.freed()

    def _give_back(self, claims: list[Claim]) -> None:
        """They were dealt while the bind was being paused or lost."""
        names = [_name((claim, claimed)) for claim in claims for claimed in claim.segments]
        self._asked -= len(names)
        self._store.release(self._bind.name, names, 0)

    def answered(self, answers: list[SubmitAnswered]) -> None:
        """Record the answers of one read; what they say of the bind itself is obeyed first."""
        now = self._send.clock()
        rows: list[Answer] = []
        refused: list[int] = []
        slots = 0
        is_taking = False
        judge, new, kind = self._judging.judge, tuple.__new__, Answer
        seconds, ms = 0.0, 0
        times: list[float] = []
        for answer in answers:
            (claim, claimed), status = answer.token, answer.status
            segment = claimed.segment
            verdict, retry_at, error = _SENT
            if answer.latency_seconds != seconds:
                seconds = answer.latency_seconds
                ms = int(seconds * 1000)
            times.append(seconds)
            if status:
                refused.append(status)
                verdict, retry_at, error = judge(claim, status, now)
                count_answers(self._bind.carrier, verdict.value, classify(status).value)
            if not answer.late:
                slots += 1
                is_taking = is_taking or not status
            # Not Answer(...), which costs twice as much.
            rows.append(new(kind, (
                claim.message, segment.part, claimed.attempt, verdict, status, answer.message_id,
                now, ms, retry_at, error, segment.total,
            )))  # fmt: skip
        self._latencies.add_all(times)
        accepted = len(rows) - len(refused)
        count_answers(self._bind.carrier, Verdict.SENT.value, StatusClass.ACCEPTED.value, accepted)
        # First: a carrier that takes some and throttles some is met with short pauses, not with ever longer ones.
        if is_taking:
            self._bind.succeeded()
        if self._judging.heed(answers, refused):
            self.halted()
        stages.answered(self._bind.name, rows)
        self._record(rows, slots)

    def _refuse(self, tokens: list[Token], now: int) -> None:
        """No frame can hold them: refused by us, as a carrier would."""
        status, error = int(CommandStatus.ESME_RINVPARLEN), ErrorCode.UNMAPPED
        rows = [Answer(*_name(token), Verdict.REFUSED, status, "", now, 0, 0, error) for token in tokens]
        self._record(rows, len(rows))

    def expired(self, tokens: list[Token]) -> None:
        """Written, and no answer came in time."""
        room = max(0, min(len(tokens), self._free()))
        self._doubted.inc(len(tokens))
        self._send.hearing.unanswered(self._bind.carrier, len(tokens), self._bind.settings.response_timeout)
        stages.doubted(self._bind.name, tokens, "no_answer")
        self._asked += room
        self._store.doubt(self._bind.name, [_name(token) for token in tokens], room)

    def unwritten(self, tokens: list[Token]) -> None:
        """They waited too long: unsent without doubt, and whichever bind is free may have them."""
        self._store.release(self._bind.name, [_name(token) for token in tokens], 0)
        self.freed()

    def closed(self, doubtful: list[Token], unwritten: list[Token]) -> None:
        """The bind is gone: what was written is in doubt, what was not is unsent without doubt."""
        self._open = False
        name = self._bind.name
        if doubtful:
            self._doubted.inc(len(doubtful))
            self._send.hearing.unanswered(self._bind.carrier, len(doubtful))
            stages.doubted(self._bind.name, doubtful, "bind_lost")
            self._store.doubt(name, [_name(token) for token in doubtful], 0)
        if unwritten:
            self._store.release(name, [_name(token) for token in unwritten], 0)
        self._store.close_window(name)
        if self._ahead is not None:
            self._ahead.leave(self)
        self._send.feed_ended(name)

    def _record(self, rows: list[Answer], slots: int) -> None:
        """Put answers to the store; their slots become room in the same commit, as far as the bind may ask for it."""
        room = max(0, min(slots, self._free()))
        held = slots - room
        self._asked += room
        self._recording += held
        self._store.answered(self._bind.name, rows, room, partial(self._recorded, rows, room, held))

    def _recorded(self, rows: list[Answer], room: int, held: int, kept: bool) -> None:
        if not kept:
            self._asked -= room
            self._recording += room
            self._send.put_again(partial(self._record_again, rows, room + held))
            return
        self._recording -= held
        if not self._open:
            if room:
                self._send.came_late(self._bind.name, room)
            return
        if room and not self._bind.can_send:
            # The room came with the commit, after the pause had taken the ask back; other binds may have it.
            self._asked -= self._store.withdraw(self._bind.name)
        self.freed()

    def _record_again(self, rows: list[Answer], slots: int) -> None:
        self._recording -= slots
        self._record(rows, slots)


def _name(token: Token) -> AttemptName:
    claim, claimed = token
    return AttemptName(claim.message, claimed.segment.part, claimed.attempt)
