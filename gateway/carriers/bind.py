"""One connection to a carrier: a Trio stream that drives one Session, within the window and the pace.

What it sends is given by a feed, what comes is handed on read by read (traffic.py); nothing here waits for business
work, and no task, channel or event is made for a message. When to connect is carrier.py's.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import trio

from gateway.carriers.bind_figures import BindFigures
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.complaints import Complaints
from gateway.carriers.heard import each_done, sorted_out
from gateway.carriers.leaving import ANSWERED_SECONDS, Leaving
from gateway.carriers.outgoing import LAST_WORDS_SECONDS, Outgoing
from gateway.carriers.reading import Reading
from gateway.carriers.requests import patience_of, session_of
from gateway.carriers.restraint import Restraint
from gateway.carriers.sending import Sending
from gateway.carriers.silence import Silence
from gateway.carriers.traffic import Delivery, Feed, Traffic
from gateway.logs import quoted
from gateway.metrics import GIVEN_BACK, RECYCLED, SUBMITS
from gateway.settings.carriers import Carrier as CarrierSettings
from protocol.numbers import BindMode
from protocol.patience import Patience
from protocol.pdus import BindRequest, CancelSm, QuerySm
from protocol.session_events import (
    BindRefused,
    Bound,
    Closed,
    CloseReason,
    Event,
    PeerComplained,
    PeerUnbound,
    QuestionAnswered,
    QuestionExpired,
    SubmitAnswered,
)

READ_OUT_SECONDS = 1.0
"""For answers that came before the write side broke to be read."""
_LATENCY_WEIGHT = 0.1
_NEVER = float("inf")

_log = logging.getLogger("sluice.carriers")


class Bind(BindFigures):
    """One connection's life, from the bind request to the close."""

    def __init__(
        self,
        name: str,
        mode: BindMode,
        settings: CarrierSettings,
        stream: trio.abc.Stream,
        traffic: Traffic,
        *,
        patience: Patience | None = None,
        restraint: Restraint | None = None,
        on_state: Callable[[BindState], None] = lambda state: None,
    ) -> None:
        """`patience`: its carrier's, where it has one that other binds taught already; `restraint`: what connections
        before it learned, and the paces where there is a rate. `stream` is closed by `run`."""
        self.name = name
        self.mode = mode
        self.settings = settings
        self.state = BindState.BINDING
        self.is_over = False
        self.latency_seconds = 0.0
        """Running average of the carrier's time to answer."""
        self._patience = patience_of(settings) if patience is None else patience
        self.session = session_of(settings, self._patience, reads_receipts=True)
        self._window = self.session.window
        self._submits = SUBMITS.labels(settings.name)
        self._stream = stream
        self._outgoing = Outgoing(
            name, self.session, stream, self._written, one_pdu_per_write=settings.one_pdu_per_write
        )
        self._reading = Reading(stream, self._outgoing, self._rearm)
        self._complaints = Complaints(name)
        self._traffic = traffic
        self._on_state = on_state
        self.restraint = Restraint(settings) if restraint is None else restraint
        """What window, pace and throttles leave it."""
        self._sending = Sending(settings, self.session, self.restraint, self._outgoing)
        self._waiting = self._sending.waiting
        self._feed: Feed | None = None
        self._alarm: trio.CancelScope | None = None
        self._cancel = trio.CancelScope()
        self._bound_at: float | None = None
        self._refusal: int | None = None
        self._cause: tuple[CloseReason, str] | None = None
        self._ended = Ended(CloseReason.UNBOUND, "never run", None, 0.0)
        self._leaving = Leaving(settings.unbind_timeout)
        self._silence = Silence(self._window, settings.response_timeout)

    def submit(self, submits: Sequence[tuple[bytes, Any]]) -> None:
        """Give it submit_sm: the body of each (protocol.submit_bodies) with its token.

        They go in order, what is urgent first, as window and pace allow: what may go now, goes.
        """
        self._sending.add(submits, self._feed, trio.current_time())
        if self._pump():
            self._outgoing.wake()
        # Where another bind took what their pace allowed, too: nothing else would wake this one.
        self._rearm()

    def question(self, pdu: QuerySm | CancelSm, done: Callable[[QuestionAnswered | None], None]) -> None:
        """Ask about a message, beside the window. `done` is called once, with None where no answer came.

        Raises LocalProtocolError where it cannot be asked: NotBound, or a value that does not fit its field.
        """
        self.session.question(pdu, done, trio.current_time())
        self._outgoing.wake()
        self._rearm()

    def take_back(self) -> list[Any]:
        """The tokens of what still waits; it will not be sent."""
        return self._waiting.take_all()

    def answer(self, pdu: Delivery, status: int) -> None:
        """Answer a delivery, as `answer_all`."""
        self.answer_all((pdu,), status)

    def answer_all(self, pdus: Sequence[Delivery], status: int) -> None:
        """Answer deliveries. What one synchronous run answers shares a write.

        After the end it does nothing: the peer will deliver again.
        """
        if self.is_over:
            return
        self.session.answer_all(pdus, status)
        self._outgoing.wake()
        self._reading.answered(len(pdus))
        if self.state is BindState.LEAVING and not self._reading.owes_answers:
            self._rearm(trio.current_time() + ANSWERED_SECONDS)

    def throttled(self) -> bool:
        """The carrier said to slow down; whether a pause begins now. What waits is to be taken back then."""
        now = trio.current_time()
        self._patience.throttled(now, self.settings.response_timeout)
        if self.state is not BindState.BOUND or not self.restraint.throttled(now):
            return False
        self._enter(BindState.PAUSED)
        self._rearm()
        return True

    def succeeded(self) -> None:
        """The carrier took something: the next throttle pauses shortly again."""
        self.restraint.succeeded(trio.current_time())

    def reconfigure(self, settings: CarrierSettings) -> None:
        """Go on by other settings of the carrier, as far as one connection can; `restraint` knows them already."""
        self.settings = settings
        self._sending.retune(settings)
        self._silence.retune(settings.response_timeout)
        if self._feed is not None and self.can_send:
            # What it has asked for may be more than its window is now, or less.
            self._feed.halted()
            self._feed.freed()
            self._settle()

    def renew(self, why: str, limit_seconds: float) -> None:
        """Leave, so that another connection is made in its place at once."""
        if not self.is_over and self.state is not BindState.LEAVING:
            self._cause = (CloseReason.SPENT, why)
            self.leave(limit_seconds)

    def leave(self, limit_seconds: float, *, unbind_seconds: float = _NEVER) -> None:
        """Take no more work, wait so long for the answers in flight, unbind, close. Returns at once; `run` ends.

        `unbind_seconds`: the most that the unbind is waited for, where that is less than the carrier's own time-out.
        """
        if self.is_over or self.state is BindState.LEAVING:
            return
        was_bound = self.state is not BindState.BINDING
        self._leaving.begin(trio.current_time() + (limit_seconds if was_bound else 0.0), unbind_seconds)
        self._take_no_more()
        self._settle()

    async def run(self, request: BindRequest) -> Ended:
        """Bind, and stay until the session or the link ends; then the stream is closed."""
        try:
            if not self.is_over:
                self.session.bind(request, trio.current_time())
                self._outgoing.wake()
            with self._cancel:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read)
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
        finally:
            self._lose(CloseReason.UNBOUND, "stopped")
            with trio.CancelScope(shield=True):
                await self._outgoing.last_words()
                with trio.move_on_after(LAST_WORDS_SECONDS):
                    await self._stream.aclose()
        return self._ended

    async def _read(self) -> None:
        problem = await self._reading.run(self._take)
        if problem is not None:
            self._lose(CloseReason.PEER_CLOSED, problem)

    def _take(self, octets: bytes) -> bool:
        """What one read gave; whether to read on."""
        if (tap := self._outgoing.tap) is not None:
            tap(False, octets)
        now = trio.current_time()
        self._handle(self.session.receive_bytes(octets, now) if octets else self.session.receive_eof(now))
        return not self.is_over

    async def _write(self) -> None:
        problem = await self._outgoing.write()
        # At the end of what has come already, which may be answers, the reader concludes.
        await trio.sleep(READ_OUT_SECONDS)
        self._lose(CloseReason.LINK_DEAD, problem)

    async def _watch(self) -> None:
        while True:
            with trio.CancelScope(deadline=self.next_at) as self._alarm:
                await trio.sleep_forever()
            self._tick(trio.current_time())

    def _handle(self, events: list[Event]) -> None:
        heard = sorted_out(events)
        try:
            if heard.bound is not None:
                self._turn(heard.bound)
            self._hand_on(heard.answers, heard.expired, heard.pdus)
        finally:
            # Whatever goes wrong above: the session tells these only once, the end and what it leaves in doubt last.
            if heard.others:
                each_done(self._turn, heard.others)
        self._settle()

    def _hand_on(self, answers: list[SubmitAnswered], expired: list[Any], pdus: list[Delivery]) -> None:
        feed = self._feed
        if answers and feed is not None:
            now = trio.current_time()
            self._silence.broken(now)
            self.restraint.answered(answers, now)
            self.latency_seconds += _LATENCY_WEIGHT * (answers[-1].latency_seconds - self.latency_seconds)
            feed.answered(answers)
        if expired and feed is not None:
            self._recycle_if_sick()
            never = self._outgoing.take_back(expired)
            if len(never) < len(expired):
                feed.expired([token for token in expired if id(token) not in never])
            if never:
                self.restraint.written(len(never), trio.current_time())
                feed.unwritten([token for token in expired if id(token) in never])
        if pdus:
            self._reading.handed_on(len(pdus))
            self._traffic.deliver(self, pdus)

    def _recycle_if_sick(self) -> None:
        """Take no more work when too many answers are overdue, and connect anew once it has those still owed."""
        # While it is we who don't read, the answers may be there.
        if self._reading.is_deaf or self.state not in (BindState.BOUND, BindState.PAUSED):
            return
        sickness = self._silence.sickness(trio.current_time())
        if sickness is not None:
            RECYCLED.labels(self.carrier).inc()
            self._cause = (CloseReason.UNANSWERED, f"recycled: {sickness}")
            self.leave(self._silence.listening_seconds)

    def _turn(self, event: Event) -> None:
        if isinstance(event, Bound):
            self._bound_at = now = trio.current_time()
            self.restraint.regained(self._window, now)
            version = "" if event.interface_version is None else f"0x{event.interface_version:02x}"
            _log.info("bind=%s smsc=%s sc_interface_version=%s", self.name, quoted(event.system_id), version)
            if self.state is BindState.BINDING:
                # Not bound first: its carrier would be able for a moment, and the tiers below would wait for it anew.
                self._enter(BindState.PAUSED if now < self.restraint.paused_until else BindState.BOUND)
                if self.mode is not BindMode.RECEIVER:
                    self._feed = self._traffic.open_feed(self)
        elif isinstance(event, BindRefused):
            self._refusal = event.status
        elif isinstance(event, QuestionAnswered | QuestionExpired):
            event.token(event if isinstance(event, QuestionAnswered) else None)
        elif isinstance(event, PeerUnbound):
            self._begin_being_left()
        elif isinstance(event, PeerComplained):
            self._complaints.take(event, trio.current_time())
        elif isinstance(event, Closed):
            self._conclude(event)

    def _begin_being_left(self) -> None:
        """The carrier unbinds. What it has may still be answered (see Session); what it has not is for other binds."""
        self._take_no_more()
        if self._outgoing.has_unwritten:
            # Written now they would be in doubt: nobody has to read behind an unbind.
            each_done(self._turn, self.session.answer_unbind())
        elif not self._reading.owes_answers:
            self._rearm(trio.current_time() + ANSWERED_SECONDS)

    def _take_no_more(self) -> None:
        """From now on it only waits for what is owed."""
        self._reading.mark()
        if self.state is not BindState.LEAVING:
            self._enter(BindState.LEAVING)
            if self._feed is not None:
                self._feed.halted()

    def _settle(self) -> None:
        """The one flush point: after every call into the session."""
        if self.is_over:
            return
        if self._sending.is_spent and self.state in (BindState.BOUND, BindState.PAUSED):
            self._cause = (CloseReason.SPENT, f"{self.settings.messages_per_session} submit_sm were sent")
            self.leave(self.settings.response_timeout)
            return
        if self._leaving.until != _NEVER:
            self._go_on_leaving(trio.current_time())
        given_back = self._window.has_overtaken and self._give_back()
        # Without a rate nothing is gained by asking again: what was let go had been asked for as a slot.
        if ((self._pump() and self.restraint.paces) or given_back) and self._feed is not None:
            self._feed.freed()
        self._outgoing.gather()
        self._rearm()

    def _give_back(self) -> bool:
        """Let overtaken submits wait on without a slot; whether there were any."""
        # While it is we who don't read, the answers may be there.
        given_back = 0 if self._reading.is_deaf else self._window.give_back(trio.current_time(), self.latency_seconds)
        if given_back:
            GIVEN_BACK.labels(self.carrier).inc(given_back)
        return given_back > 0

    def _tick(self, now: float) -> None:
        # Before the session may give slots free: what is overdue must not go out after all.
        if self._reading.is_deaf:
            self.session.excuse(now)
        overdue = self._waiting.take_overdue(now)
        if overdue and self._feed is not None:
            self._feed.unwritten(overdue)
        self._handle(self.session.tick(now))
        if self.state is BindState.PAUSED and now >= self.restraint.paused_until and self._feed is not None:
            self._enter(BindState.BOUND)
            self._feed.freed()

    def _written(self, count: int) -> None:
        """So many submit_sm are handed to the stream."""
        self._submits.inc(count)
        if self.restraint.has_unwritten:
            self.restraint.written(count, trio.current_time())

    def _pump(self) -> int:
        """Put what waits into the session, as far as window and pace allow; how many."""
        if not self._waiting or self.state is not BindState.BOUND:
            return 0
        return self._sending.go(self._feed, trio.current_time())

    def _go_on_leaving(self, now: float) -> None:
        still_owed = self._window.oldest is not None or self._silence.owed > 0 or self._reading.owes_answers
        problem = self._leaving.go_on(self.session, now, still_owed=still_owed)
        if problem is not None:
            # Where it is the carrier's unbind that still waits, for more than there is time for.
            each_done(self._turn, self.session.answer_unbind())
            self._lose(CloseReason.UNBOUND, problem)

    def _rearm(self, by: float = _NEVER) -> None:
        # Only ever sooner: a deadline that moved away costs one needless tick, not a timer operation for each message.
        if self._alarm is not None and (at := min(by, self.next_at)) < self._alarm.deadline:
            self._alarm.deadline = at

    def _lose(self, reason: CloseReason, detail: str) -> None:
        """The end is ours to tell: the session learns that the link is gone and gives back what was unanswered."""
        if not self.is_over:
            self._cause = self._cause or (reason, detail)
            self._handle(self.session.receive_eof(trio.current_time()))

    def _conclude(self, closed: Closed) -> None:
        reason, detail = self._cause or (closed.reason, closed.detail)
        now = trio.current_time()
        bound_seconds = 0.0 if self._bound_at is None else now - self._bound_at
        if self._bound_at is not None:
            self.restraint.lost(now)
        self._ended = Ended(reason, detail, self._refusal, bound_seconds)
        self.is_over = True
        self._cancel.cancel()
        self._enter(BindState.CLOSED)
        never = self._outgoing.end()
        if self._feed is not None:
            doubtful = [token for token in closed.unanswered if id(token) not in never]
            unwritten = [token for token in closed.unanswered if id(token) in never] + self.take_back()
            self._feed.closed(doubtful, unwritten)

    def _enter(self, state: BindState) -> None:
        self.state = state
        self._on_state(state)
