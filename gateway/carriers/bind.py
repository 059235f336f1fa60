"""One connection to a carrier: a Trio stream that drives one Session, within the window and the pace.

What it sends is given by a feed (gateway.flows.send), what comes is handed on read by read; nothing here waits for business
work, and no task, channel or event is made for a message. When to connect is carrier.py's.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

import trio

from gateway.carriers.pacing import Pace, ThrottlePause
from gateway.settings_carriers import Carrier as CarrierSettings
from protocol.command_status import name_of
from protocol.errors import LocalProtocolError
from protocol.pdus import BindMode, BindRequest, CommandId, DataSm, DeliverSm, SubmitSm
from protocol.session import Session
from protocol.session_events import (
    BindRefused,
    Bound,
    Closed,
    CloseReason,
    Delivered,
    Event,
    PeerComplained,
    SubmitAnswered,
    SubmitExpired,
)
from protocol.session_states import Role, SessionState

READ_OCTETS = 65536
DELIVERIES_WAITING = 1_000
"""The bind reads on only while fewer of its deliveries wait for their commit, so that memory does not follow the carrier's haste."""
WRITE_LIMIT_SECONDS = 20.0
"""A peer that lets a write wait this long reads no more. Shorter than any usual response_timeout: the link is at fault, not the message."""
UNBIND_LIMIT_SECONDS = 5.0
"""SMSCs answer an unbind after seconds, or just close."""
LAST_WORDS_SECONDS = 1.0
"""For an unbind_resp to leave, and for answers that came before the write side broke to be read."""
_LATENCY_WEIGHT = 0.1
_SUBMIT_SM = int(CommandId.SUBMIT_SM).to_bytes(4, "big")

_log = logging.getLogger("sluice.carriers")

Delivery: TypeAlias = DeliverSm | DataSm


class BindState(Enum):
    """How far a configured bind has come."""

    WAITING = "waiting"
    """For its turn or time to connect."""
    CONNECTING = "connecting"
    BINDING = "binding"
    BOUND = "bound"
    PAUSED = "paused"
    """The carrier throttled it."""
    LEAVING = "leaving"
    """It takes no more work, waits for its answers, then unbinds."""
    CLOSED = "closed"


class Feed(Protocol):
    """What gives a bind its work and takes its answers. All calls are made on the Trio thread and return at once."""

    def answered(self, answers: list[SubmitAnswered]) -> None:
        """The answers of one read."""

    def expired(self, tokens: list[Any]) -> None:
        """Written, and unanswered for the response_timeout."""

    def unsendable(self, token: Any, reason: str) -> None:
        """No frame can be made of this submit_sm; nothing was written."""

    def freed(self) -> None:
        """More may be given: a pause is over, or the pace let something go."""

    def halted(self) -> None:
        """The bind leaves: no more work, and what waits may be taken back."""

    def closed(self, doubtful: list[Any], unwritten: list[Any]) -> None:
        """The last call. `doubtful` may have reached the peer, `unwritten` were never handed to the transport."""


@dataclass(slots=True, frozen=True)
class Traffic:
    """Where a bind's messages come from, and where they go."""

    open_feed: Callable[["Bind"], Feed]
    """Called when a bind that can send is bound."""
    deliver: Callable[["Bind", list[Delivery]], None]
    """The deliveries of one read; each is to be answered by `Bind.answer` once it is on disk."""


@dataclass(slots=True)
class Ended:
    """How a bind's life ended."""

    reason: CloseReason
    detail: str
    refusal: int | None
    """The command_status of a refused bind."""
    bound_seconds: float
    """How long it was bound; 0 for never."""


class Bind:
    """One connection's life, from the bind request to the close."""

    def __init__(
        self,
        name: str,
        mode: BindMode,
        settings: CarrierSettings,
        stream: trio.abc.Stream,
        traffic: Traffic,
        *,
        paces: Sequence[Pace] = (),
        on_state: Callable[[BindState], None] = lambda state: None,
    ) -> None:
        """`paces`: those of this bind and of its carrier, where there is a rate. `stream` is closed by `run`."""
        self.name = name
        self.mode = mode
        self.settings = settings
        self.state = BindState.BINDING
        self.ended: Ended | None = None
        self.latency_seconds = 0.0
        """Running average of the carrier's time to answer."""
        self.session = Session(
            Role.ESME,
            window=settings.window,
            response_timeout=settings.response_timeout,
            enquire_link_idle=settings.enquire_link_idle,
            enquire_link_timeout=settings.enquire_link_timeout,
            enquire_link_misses=settings.enquire_link_misses,
            bind_timeout=settings.bind_timeout,
        )
        self._window = self.session.window
        self._stream = stream
        self._traffic = traffic
        self._paces = tuple(paces)
        self._on_state = on_state
        self._pause = ThrottlePause(settings.throttle_pause)
        self._feed: Feed | None = None
        self._waiting: deque[tuple[SubmitSm, Any]] = deque()
        # Tokens of submit_sm that the session took and no write call has; at most a window of them.
        self._unwritten: deque[Any] = deque()
        self._outgoing: deque[bytes] = deque()
        self._wake = trio.Event()
        self._slack = trio.Event()
        self._alarm: trio.CancelScope | None = None
        self._cancel = trio.CancelScope()
        self._undecided = 0
        self._writing = False
        self._bound_at: float | None = None
        self._refusal: int | None = None
        self._cause: tuple[CloseReason, str] | None = None
        self._leave_by = float("inf")

    # --- what owners call ---------------------------------------------------------------------------------------------------

    @property
    def carrier(self) -> str:
        """The carrier's name."""
        return self.settings.name

    @property
    def can_send(self) -> bool:
        """Whether it takes work now."""
        return self.state is BindState.BOUND and self.mode is not BindMode.RECEIVER

    @property
    def in_flight(self) -> int:
        """submit_sm that wait for their answer; never more than the window."""
        return self._window.in_flight

    @property
    def waiting(self) -> int:
        """submit_sm given that the window or the pace does not let go yet."""
        return len(self._waiting)

    def submit(self, pdu: SubmitSm, token: Any) -> None:
        """Give it a submit_sm; `flush` after the last. They go in order, as window and pace allow."""
        self._waiting.append((pdu, token))

    def flush(self) -> None:
        """Let go what may go now. Called once for many submits."""
        if self._pump():
            self._wake.set()
        self._rearm()

    def take_back(self) -> list[Any]:
        """The tokens of what still waits; it will not be sent."""
        tokens = [token for _, token in self._waiting]
        self._waiting.clear()
        return tokens

    def answer(self, pdu: Delivery, status: int) -> None:
        """Answer a delivery. Those of one synchronous run share a write; after the end it does nothing: the peer will deliver again."""
        if self.ended is not None:
            return
        self.session.answer(pdu, status, trio.current_time())
        self._wake.set()
        self._undecided -= 1
        if self._undecided < DELIVERIES_WAITING:
            self._slack.set()

    def throttled(self) -> bool:
        """The carrier said to slow down; whether a pause begins now. What waits is to be taken back then."""
        if self.state is not BindState.BOUND or not self._pause.throttled(trio.current_time()):
            return False
        self._enter(BindState.PAUSED)
        self._rearm()
        return True

    def succeeded(self) -> None:
        """The carrier took something: the next throttle pauses shortly again."""
        self._pause.succeeded(trio.current_time())

    def leave(self, limit_seconds: float) -> None:
        """Take no more work, wait so long for the answers in flight, unbind, close. Returns at once; `run` ends then."""
        if self.ended is not None or self.state is BindState.LEAVING:
            return
        was_bound = self.state is not BindState.BINDING
        self._leave_by = trio.current_time() + (limit_seconds if was_bound else 0.0)
        self._enter(BindState.LEAVING)
        if self._feed is not None:
            self._feed.halted()
        self._settle()

    # --- the life -----------------------------------------------------------------------------------------------------------

    async def run(self, request: BindRequest) -> Ended:
        """Bind, and stay until the session or the link ends; then the stream is closed and nothing of ours waits on it."""
        try:
            if self.ended is None:
                self.session.bind(request, trio.current_time())
                self._wake.set()
            with self._cancel:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read)
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
        finally:
            with trio.CancelScope(shield=True):
                await self._close()
        assert self.ended is not None
        return self.ended

    async def _read(self) -> None:
        while self.ended is None:
            try:
                octets = await self._stream.receive_some(READ_OCTETS)
            except (OSError, trio.BrokenResourceError) as error:
                self._lose(CloseReason.PEER_CLOSED, _words_of(error))
                return
            now = trio.current_time()
            events = self.session.receive_bytes(octets, now) if octets else self.session.receive_eof(now)
            self._handle(events)
            while self._undecided >= DELIVERIES_WAITING:
                self._slack = trio.Event()
                await self._slack.wait()

    async def _write(self) -> None:
        one_by_one = self.settings.one_pdu_per_write
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            self._outgoing += self.session.pdus_to_send()
            while self._outgoing and self.ended is None:
                octets = self._next_pdu() if one_by_one else self._all_pdus()
                try:
                    self._writing = True
                    with trio.fail_after(WRITE_LIMIT_SECONDS):
                        await self._stream.send_all(octets)
                    self._writing = False
                except trio.TooSlowError:
                    self._lose(CloseReason.LINK_DEAD, f"a write did not finish within {WRITE_LIMIT_SECONDS:g} s")
                except (OSError, trio.BrokenResourceError) as error:
                    # Answers that came before may still be read; at their end the reader concludes.
                    await trio.sleep(LAST_WORDS_SECONDS)
                    self._lose(CloseReason.PEER_CLOSED, _words_of(error))

    def _all_pdus(self) -> bytes:
        octets = b"".join(self._outgoing)
        self._outgoing.clear()
        self._unwritten.clear()
        return octets

    def _next_pdu(self) -> bytes:
        pdu = self._outgoing.popleft()
        if pdu[4:8] == _SUBMIT_SM:
            self._unwritten.popleft()
        return pdu

    async def _watch(self) -> None:
        while True:
            with trio.CancelScope(deadline=self._next_at()) as self._alarm:
                await trio.sleep_forever()
            self._tick(trio.current_time())

    async def _close(self) -> None:
        if self.ended is None:
            self._lose(CloseReason.UNBOUND, "stopped")
        # An unbind_resp, say. What we would submit must not follow the end, and half a PDU must not be followed by another.
        last = b"".join(
            pdu for pdu in [*self._outgoing, *self.session.pdus_to_send()] if pdu[4:8] != _SUBMIT_SM
        )
        with trio.move_on_after(LAST_WORDS_SECONDS):
            try:
                if last and not self._writing:
                    await self._stream.send_all(last)
            except (OSError, trio.BrokenResourceError) as error:
                _log.debug("bind=%s last_words=unsent error=%s", self.name, _words_of(error))
            await self._stream.aclose()

    # --- events -------------------------------------------------------------------------------------------------------------

    def _handle(self, events: list[Event]) -> None:
        answers: list[SubmitAnswered] = []
        pdus: list[Delivery] = []
        expired: list[Any] = []
        closed: Closed | None = None
        for event in events:
            kind = type(event)
            if kind is SubmitAnswered:
                answers.append(event)  # type: ignore[arg-type]
            elif isinstance(event, Delivered):
                pdus.append(event.pdu)
            elif isinstance(event, SubmitExpired):
                expired.append(event.token)
            elif isinstance(event, Closed):
                closed = event
            else:
                self._turn(event)
        if answers:
            self.latency_seconds += _LATENCY_WEIGHT * (answers[-1].latency_seconds - self.latency_seconds)
            if self._feed is not None:
                self._feed.answered(answers)
        if expired and self._feed is not None:
            self._feed.expired(expired)
        if pdus:
            self._undecided += len(pdus)
            self._traffic.deliver(self, pdus)
        if closed is not None:
            self._conclude(closed)
        else:
            self._settle()

    def _turn(self, event: Event) -> None:
        if isinstance(event, Bound):
            self._bound_at = trio.current_time()
            if self.state is BindState.BINDING:
                self._enter(BindState.BOUND)
                if self.mode is not BindMode.RECEIVER:
                    self._feed = self._traffic.open_feed(self)
        elif isinstance(event, BindRefused):
            self._refusal = event.status
        elif isinstance(event, PeerComplained):
            _log.warning(
                "bind=%s peer_complained status=%s sequence=%d", self.name, name_of(event.status), event.sequence
            )

    def _settle(self) -> None:
        """The one flush point: after every call into the session."""
        if self.ended is not None:
            return
        if self._leave_by != float("inf"):
            self._go_on_leaving(trio.current_time())
        self._pump()
        self._outgoing += self.session.pdus_to_send()
        if self._outgoing:
            self._wake.set()
        self._rearm()

    def _tick(self, now: float) -> None:
        self._handle(self.session.tick(now))
        if self.ended is not None or self._feed is None:
            return
        if self.state is BindState.PAUSED and now >= self._pause.until:
            self._enter(BindState.BOUND)
            self._feed.freed()
        elif self._paces and self.state is BindState.BOUND:
            self._feed.freed()

    def _pump(self) -> int:
        """Put what waits into the session, as far as window and pace allow; how many."""
        waiting = self._waiting
        if not waiting or self.state is not BindState.BOUND:
            return 0
        now = trio.current_time()
        room = min(len(waiting), self._window.free)
        for pace in self._paces:
            room = min(room, pace.room(now))
        if room <= 0:
            return 0
        for pace in self._paces:
            pace.take(now, room)
        submit, unwritten = self.session.submit, self._unwritten
        for _ in range(room):
            pdu, token = waiting.popleft()
            try:
                submit(pdu, token, now)
            except LocalProtocolError as error:
                assert self._feed is not None
                self._feed.unsendable(token, str(error))
            else:
                unwritten.append(token)
        return room

    def _go_on_leaving(self, now: float) -> None:
        state = self.session.state
        if state is SessionState.UNBINDING:
            if now >= self._leave_by:
                self._lose(CloseReason.UNBOUND, "the unbind was not answered")
        elif state is SessionState.BOUND:
            if not self._window.in_flight or now >= self._leave_by:
                self._leave_by = now + UNBIND_LIMIT_SECONDS
                self.session.unbind(now)
        elif state is not SessionState.CLOSED:
            self._lose(CloseReason.UNBOUND, "left before it was bound")

    def _next_at(self) -> float:
        deadline = self.session.deadline
        at = self._leave_by if deadline is None else min(deadline, self._leave_by)
        if self.state is BindState.PAUSED:
            at = min(at, self._pause.until)
        elif self._waiting and self._paces and self.state is BindState.BOUND and self._window.free:
            at = min(at, max(pace.next_at() for pace in self._paces))
        return at

    def _rearm(self) -> None:
        # Only ever sooner: a deadline that moved away costs one needless tick instead of a timer operation for each message.
        if self._alarm is not None and (at := self._next_at()) < self._alarm.deadline:
            self._alarm.deadline = at

    # --- the end ------------------------------------------------------------------------------------------------------------

    def _lose(self, reason: CloseReason, detail: str) -> None:
        """The end is ours to tell: the session learns that the link is gone and gives back what was unanswered."""
        if self.ended is None:
            self._cause = (reason, detail)
            self._handle(self.session.receive_eof(trio.current_time()))

    def _conclude(self, closed: Closed) -> None:
        if self.ended is not None:
            return
        reason, detail = self._cause or (closed.reason, closed.detail)
        bound_seconds = 0.0 if self._bound_at is None else trio.current_time() - self._bound_at
        self.ended = Ended(reason, detail, self._refusal, bound_seconds)
        self._enter(BindState.CLOSED)
        self._cancel.cancel()
        self._slack.set()
        if self._feed is not None:
            never = {id(token) for token in self._unwritten}
            doubtful = [token for token in closed.unanswered if id(token) not in never]
            unwritten = [token for token in closed.unanswered if id(token) in never] + self.take_back()
            self._feed.closed(doubtful, unwritten)

    def _enter(self, state: BindState) -> None:
        self.state = state
        self._on_state(state)


def _words_of(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
    return str(cause or error) or type(error).__name__
