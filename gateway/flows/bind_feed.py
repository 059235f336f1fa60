"""One bind's side of the store: its free slots ask, what is dealt becomes submit_sm, every answer goes back.

How a claim is written is submits.py's, when PDUs go and what is in flight the bind's; who gets which slot the store's
deal; what an answer means retrying's.

A bind's slots are at any time in one of these places, and together they are its window: asked for (or dealt and on the
way here), waiting in the bind, in flight, or answered and not yet recorded. Only what is in none is asked for, so that
an overdraft of the deal is paid back, and an answer that the store cannot keep holds its slot.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import trio

from gateway.carriers.bind import Bind
from gateway.flows import stages
from gateway.flows.ahead import Ahead
from gateway.flows.submits import Submits
from gateway.logs import quoted
from gateway.messages import ErrorCode
from gateway.metrics import ANSWERS, DOUBTED, LATENCY
from gateway.rules.retrying import (
    RETRY_CEILING_MS,
    RETRY_FLOOR_MS,
    AfterAnswer,
    Verdict,
    after_answer,
    before_its_time,
)
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment
from protocol.command_status import CommandStatus, StatusClass, classify
from protocol.errors import LocalProtocolError
from protocol.session_events import SubmitAnswered

if TYPE_CHECKING:
    from gateway.flows.send import Send

REBIND_LIMIT_SECONDS = 5.0
"""For the answers in flight once a carrier has said that it does not know the bind."""
TRIES_WITHOUT_LANE = 10
"""For messages whose lane was taken out of the settings while they waited."""

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
        self._asked = 0
        self._recording = 0
        self._open = True
        self._latencies = LATENCY.of(bind.carrier)
        self._answers = {verdict: ANSWERS.labels(bind.carrier, verdict.value) for verdict in Verdict}
        self._doubted = DOUBTED.labels(bind.carrier)

    def open(self) -> None:
        """Open the bind's window in the store and ask for all of it."""
        self._store.open_window(self._bind.name, self._bind.carrier, self.take)
        if self._ahead is not None:
            self._ahead.join(self)
        self.freed()

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
        free = min(free, restraint.ahead(trio.current_time()) - at_hand)
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
        add_latency = self._latencies.add
        for answer in answers:
            claim, claimed = answer.token
            segment, status, seconds = claimed.segment, answer.status, answer.latency_seconds
            verdict, retry_at, error = _SENT
            if status:
                refused.append(status)
                verdict, retry_at, error = self._judge(claim, status, now)
                self._answers[verdict].inc()
            if not answer.late:
                slots += 1
                is_taking = is_taking or not status
            add_latency(seconds)
            rows.append(
                Answer(
                    claim.message,
                    segment.part,
                    claimed.attempt,
                    verdict,
                    status,
                    answer.message_id,
                    now,
                    int(seconds * 1000),
                    retry_at,
                    error,
                    segment.total,
                )
            )
        self._answers[Verdict.SENT].inc(len(rows) - len(refused))
        # First: a carrier that takes some and throttles some is met with short pauses, not with ever longer ones.
        if is_taking:
            self._bind.succeeded()
        if refused:
            self._heed({classify(status) for status in refused})
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
            stages.doubted(self._bind.name, doubtful, "bind_lost")
            self._store.doubt(name, [_name(token) for token in doubtful], 0)
        if unwritten:
            self._store.release(name, [_name(token) for token in unwritten], 0)
        self._store.close_window(name)
        if self._ahead is not None:
            self._ahead.leave(self)
        self._send.feed_ended(name)

    def _judge(self, claim: Claim, status: int, now: int) -> AfterAnswer:
        lane = self._send.lanes.get(claim.lane)
        after = after_answer(
            status,
            tries=claim.tries,
            throttles=claim.throttles,
            max_tries=TRIES_WITHOUT_LANE if lane is None else lane.max_tries,
            now_ms=now,
            expires_at=claim.expires_at,
            rng=self._send.rng,
            floor_ms=RETRY_FLOOR_MS if lane is None else int(lane.retry_floor * 1000),
            ceiling_ms=RETRY_CEILING_MS if lane is None else int(lane.retry_ceiling * 1000),
        )
        if claim.options is None or claim.options.deliver_at is None:
            return after
        return before_its_time(after, status, deliver_at=claim.options.deliver_at, now_ms=now)

    def _heed(self, classes: set[StatusClass]) -> None:
        if StatusClass.UNBOUND in classes:
            self._bind.leave(REBIND_LIMIT_SECONDS)
        elif StatusClass.THROTTLED in classes and self._bind.throttled():
            self.halted()

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
