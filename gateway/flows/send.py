"""Messages out: a bind's free slots ask the store, what is dealt becomes submit_sm, every answer goes back to it.

How a claim is written is submits.py's, when PDUs go and what is in flight the bind's; who gets which slot the store's
deal; what an answer means retrying's.

A bind's slots are at any time in one of these places, and together they are its window: asked for (or dealt and on the
way here), waiting in the bind, in flight, or answered and not yet recorded. Only what is in none is asked for, so that
an overdraft of the deal is paid back, and an answer that the store cannot keep holds its slot.
"""

import logging
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import trio

from gateway.carriers.bind import Bind
from gateway.flows import stages
from gateway.flows.submits import Submits
from gateway.identifiers import now_ms
from gateway.logs import quoted
from gateway.messages import ErrorCode
from gateway.metrics import ANSWERS, DOUBTED, LATENCY
from gateway.rules.retrying import AfterAnswer, Verdict, after_answer
from gateway.settings.sections import Lane
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment, Store
from protocol.command_status import CommandStatus, StatusClass, classify
from protocol.errors import LocalProtocolError
from protocol.session_events import SubmitAnswered

RECORD_AGAIN_SECONDS = 0.25
"""Before answers are put again to a store that could not keep them."""
REBIND_LIMIT_SECONDS = 5.0
"""For the answers in flight once a carrier has said that it does not know the bind."""
TRIES_WITHOUT_LANE = 10
"""For messages whose lane was taken out of the settings while they waited."""

Token: TypeAlias = tuple[Claim, ClaimedSegment]

_SENT = AfterAnswer(Verdict.SENT, 0, None)
_log = logging.getLogger("sluice.send")


class Send:
    """Opens a feed for each bind; `run` puts answers again that the store could not keep."""

    def __init__(
        self,
        store: Store,
        lanes: Mapping[str, Lane],
        *,
        clock: Callable[[], int] = now_ms,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.store = store
        self.lanes = lanes
        self.clock = clock
        self.rng = rng
        self._submits: dict[str, Submits] = {}
        self._feeds: dict[str, BindFeed] = {}
        self._unkept: list[Callable[[], None]] = []
        self._has_unkept = trio.Event()

    def open_feed(self, bind: Bind) -> "BindFeed":
        """The feed of a bind that has just been bound; it asks at once."""
        submits = self._submits.setdefault(bind.carrier, Submits(bind.settings))
        feed = self._feeds[bind.name] = BindFeed(self, bind, submits)
        feed.open()
        return feed

    def feed_ended(self, bind: str) -> None:
        """The bind of this name is gone; another may have its name soon."""
        del self._feeds[bind]

    def came_late(self, bind: str, room: int) -> None:
        """Room came by a commit after the end of the feed that had given it; the store knows binds by name alone."""
        feed = self._feeds.get(bind)
        if feed is not None:
            feed.hand_back(room)

    def put_again(self, record: Callable[[], None]) -> None:
        """The store could not keep these answers: try again shortly."""
        self._unkept.append(record)
        self._has_unkept.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Runs until cancelled."""
        task_status.started()
        while True:
            await self._has_unkept.wait()
            await trio.sleep(RECORD_AGAIN_SECONDS)
            self._has_unkept = trio.Event()
            unkept, self._unkept = self._unkept, []
            for record in unkept:
                record()


class BindFeed:
    """Joins one bind, for as long as it is bound, to the store. See gateway.carriers.bind.Feed."""

    def __init__(self, send: Send, bind: Bind, submits: Submits) -> None:
        self._send = send
        self._store = send.store
        self._bind = bind
        self._submits = submits
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
        self.freed()

    def freed(self) -> None:
        """Ask for what is in no place."""
        room = self._free()
        if room > 0:
            self._asked += room
            self._store.ask(self._bind.name, room)

    def hand_back(self, room: int) -> None:
        """So much was added to this bind's ask that it had not asked for."""
        self._asked += room - self._store.withdraw(self._bind.name)
        self.freed()

    def halted(self) -> None:
        """Take the ask and all that waits back: another bind may have it."""
        self._asked -= self._store.withdraw(self._bind.name)
        waiting = self._bind.take_back()
        if waiting:
            self._store.release(self._bind.name, [_name(token) for token in waiting], 0)

    def _free(self) -> int:
        """Slots in no place; negative after an overdraft. None is free while the bind cannot send."""
        bind = self._bind
        if not bind.can_send:
            return 0
        at_hand = self._asked + bind.waiting
        restraint = self._restraint
        free = restraint.limit - at_hand - self._recording - bind.in_flight
        return min(free, restraint.ahead(trio.current_time()) - at_hand) if restraint.paces else free

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
        self._send.feed_ended(name)

    def _judge(self, claim: Claim, status: int, now: int) -> AfterAnswer:
        lane = self._send.lanes.get(claim.lane)
        return after_answer(
            status,
            tries=claim.tries,
            throttles=claim.throttles,
            max_tries=TRIES_WITHOUT_LANE if lane is None else lane.max_tries,
            now_ms=now,
            expires_at=claim.expires_at,
            rng=self._send.rng,
        )

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
        if not self._bind.can_send:
            # The room came with the commit, after the pause had taken the ask back.
            if room:
                self._asked -= self._store.withdraw(self._bind.name)
        else:
            self.freed()

    def _record_again(self, rows: list[Answer], slots: int) -> None:
        self._recording -= slots
        self._record(rows, slots)


def _name(token: Token) -> AttemptName:
    claim, claimed = token
    return AttemptName(claim.message, claimed.segment.part, claimed.attempt)
