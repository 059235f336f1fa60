"""One stream driving one Session in the SMSC role: reads, answers when it is time, delivers. The Smsc decides.

The answers to one read, and the deliveries they set off, leave in one write.
"""

import logging
import math
from collections.abc import Callable

import trio

from gateway.simulator.accounts import Account
from gateway.simulator.agenda import Agenda
from gateway.simulator.deliveries import Delivery
from gateway.simulator.outcomes import Course
from gateway.simulator.smsc import Smsc, Verdict
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, DataSm, QuerySm, SubmitSm
from protocol.session import Session
from protocol.session_events import (
    BindRequested,
    Closed,
    DeliverAnswered,
    DeliverExpired,
    Event,
    Requested,
    Submitted,
)
from protocol.session_states import Role, SessionState

log = logging.getLogger("sluice.simulator")

MOST_ANSWERS = 100_000
"""Waiting for their time. A peer that has so many requests open keeps to no window, or never reads."""
WRITE_PATIENCE_SECONDS = 30.0
"""For a piece of what is written to be taken by the peer's side; 2 KiB/s is not too slow."""
PIECE_BYTES = 65_536
_READ_BYTES = 65_536
_GRAIN_SECONDS = 0.001
"""Timers are looked at no oftener: under load what is due is written together."""
_REORDER_SECONDS = 0.02
_BIND_TIMEOUT_SECONDS = 60.0
"""How long a peer may stay unbound; SMPP 3.4 §7.2 calls it session_init_timer and leaves its length open."""
_ENQUIRE_LINK_TIMEOUT_SECONDS = 10.0
_ENQUIRE_LINK_MISSES = 3


class Connection:
    """One ESME's connection."""

    def __init__(self, stream: trio.abc.Stream, smsc: Smsc, notice: Callable[[], None]) -> None:
        """`notice` is called when the Smsc may have something due sooner than before."""
        options = smsc.options
        self._stream = stream
        self._smsc = smsc
        self._notice = notice
        self._session = Session(
            Role.SMSC,
            window=options.deliver_window,
            response_timeout=options.response_timeout,
            enquire_link_idle=options.enquire_link_idle,
            enquire_link_timeout=_ENQUIRE_LINK_TIMEOUT_SECONDS,
            enquire_link_misses=_ENQUIRE_LINK_MISSES,
            bind_timeout=_BIND_TIMEOUT_SECONDS,
        )
        self._account: Account | None = None
        self._answers: Agenda[tuple[SubmitSm | DataSm, Verdict]] = Agenda()
        self._last_answer = -math.inf
        self._submit_count = 0
        self._act_at = math.inf
        """When to give up waiting for a bind, or to unbind."""
        self._is_cut = False
        self._is_reading = False
        self._sleeps_until = -math.inf
        self._wake = trio.Event()
        self._is_writing = False
        self._written: trio.Event | None = None
        self._scope = trio.CancelScope()

    @property
    def room(self) -> int:
        """Deliveries that fit into the window."""
        return self._session.window.free

    def deliver(self, delivery: Delivery, now: float) -> None:
        """Queues a receipt or an inbound message; asked for only while this bind has joined its account."""
        self._session.deliver(self._smsc.delivery_pdu(delivery), delivery, now)
        if not self._is_reading:
            self._wake.set()

    def cut(self) -> None:
        """Drops the connection without a word."""
        self._smsc.figures.dropped += 1
        self._scope.cancel()

    def _give_up(self, reason: str) -> None:
        peer = "a peer that is not bound" if self._account is None else f"system_id={self._account.system_id!r}"
        log.warning("the connection of %s is closed: %s", peer, reason)
        self._leave()
        self.cut()

    def unbind(self) -> None:
        """Ends the session as SMPP would have it; harmless before it is bound."""
        if self._session.state is SessionState.BOUND:
            self._leave()
            self._session.unbind(trio.current_time())
            self._wake.set()

    async def run(self) -> None:
        """Until either side ends it."""
        options = self._smsc.options
        if not options.never_bind:
            self._act_at = trio.current_time() + _BIND_TIMEOUT_SECONDS
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._keep_time)
                    await self._read()
                    nursery.cancel_scope.cancel()
        finally:
            self._end(trio.current_time())
            await trio.aclose_forcefully(self._stream)

    async def _read(self) -> None:
        while not self._is_over:
            try:
                data = await self._stream.receive_some(_READ_BYTES)
            except trio.BrokenResourceError:
                return
            if not data:
                return
            now = trio.current_time()
            self._is_reading = True
            self._handle(self._session.receive_bytes(bytes(data), now), now)
            if self._account is not None:
                self._account.hand_out(now)
            self._is_reading = False
            self._notice()
            await self._flush()
            if self._due() < self._sleeps_until:
                self._wake.set()

    async def _keep_time(self) -> None:
        last = -math.inf
        while True:
            self._sleeps_until = max(self._due(), last + _GRAIN_SECONDS)
            with trio.move_on_at(self._sleeps_until):
                await self._wake.wait()
            self._wake = trio.Event()
            now = last = trio.current_time()
            self._handle(self._session.tick(now), now)
            for request, verdict in self._answers.take_due(now):
                self._answer(request, verdict, now)
            if now >= self._act_at:
                self._act()
            if self._account is not None:
                self._account.hand_out(now)
            self._notice()
            await self._flush()
            if self._is_over:
                self._scope.cancel()

    async def _flush(self) -> None:
        # What is answered must be on record first.
        if self._smsc.record is not None:
            self._smsc.record.write_out()
        if self._is_writing:
            # Whoever writes goes on until nothing is left; the reader waits, so that a peer must read what it sets off.
            self._written = self._written or trio.Event()
            await self._written.wait()
            return
        self._is_writing = True
        try:
            with trio.move_on_after(WRITE_PATIENCE_SECONDS) as patience:
                while octets := self._session.bytes_to_send():
                    for start in range(0, len(octets), PIECE_BYTES):
                        patience.deadline = trio.current_time() + WRITE_PATIENCE_SECONDS
                        await self._stream.send_all(octets[start : start + PIECE_BYTES])
            if patience.cancelled_caught:
                self._give_up(f"it has read less than {PIECE_BYTES // 1024} KiB in {WRITE_PATIENCE_SECONDS:.0f} s")
        except trio.BrokenResourceError:
            # The reader meets the same end, and what was not acknowledged is put back there.
            return
        finally:
            self._is_writing = False
            if self._written is not None:
                self._written.set()
                self._written = None

    @property
    def _is_over(self) -> bool:
        return self._is_cut or self._session.state is SessionState.CLOSED

    def _due(self) -> float:
        session_due, answer_due = self._session.deadline, self._answers.next_due
        due = self._act_at if session_due is None else min(session_due, self._act_at)
        return due if answer_due is None else min(due, answer_due)

    def _act(self) -> None:
        self._act_at = math.inf
        if self._account is None:
            self._is_cut = True
        else:
            self.unbind()

    def _handle(self, events: list[Event], now: float) -> None:
        for event in events:
            if isinstance(event, Submitted):
                self._submitted(event.pdu, now)
                if self._is_cut:
                    return
            elif isinstance(event, DeliverAnswered):
                # A late answer is to a delivery that was put back already.
                if not event.late:
                    self._settle(event.token, event.status, now)
            elif isinstance(event, DeliverExpired):
                self._settle(event.token, -1, now)
            elif isinstance(event, BindRequested):
                self._bind(event.pdu, now)
            elif isinstance(event, Requested):
                asked = event.pdu
                smsc = self._smsc
                self._session.respond(smsc.query(asked) if isinstance(asked, QuerySm) else smsc.cancel(asked))
            elif isinstance(event, Closed):
                self._closed(event)

    def _bind(self, request: BindRequest, now: float) -> None:
        smsc = self._smsc
        options = smsc.options
        if options.never_bind:
            return
        status = smsc.bind_status(request)
        if status:
            smsc.figures.binds_refused += 1
            self._session.refuse_bind(request, status)
            return
        smsc.figures.binds += 1
        self._session.accept_bind(request, "simulator", now)
        self._act_at = now + options.unbind_after if options.unbind_after else math.inf
        self._account = smsc.account(request.system_id)
        if request.mode is not BindMode.TRANSMITTER:
            self._account.join(self)
            for _ in range(options.inbound):
                smsc.inbound(self._account, options.inbound_from, options.inbound_to, options.inbound_text)

    def _submitted(self, request: SubmitSm | DataSm, now: float) -> None:
        smsc, account = self._smsc, self._account
        if account is None:
            return
        if len(self._answers) >= MOST_ANSWERS:
            self._give_up(f"{MOST_ANSWERS:,} answers wait for their time")
            self._is_cut = True
            return
        self._submit_count += 1
        drop_every = smsc.options.drop_every
        is_last = drop_every > 0 and self._submit_count >= drop_every
        verdict = smsc.submit(account, request, now, is_last=is_last)
        course = verdict.course
        if course is Course.ANSWERED:
            if verdict.outcome.report.before_answer:
                smsc.report(account, verdict, now, at_once=True)
                account.hand_out(now)
            if smsc.is_prompt:
                self._answer(request, verdict, now)
            else:
                self._answers.add(self._answer_time(now), (request, verdict))
        elif course is Course.LATE:
            self._answers.add(now + smsc.options.late_answer, (request, verdict))
        elif course is Course.DROPPED:
            # Its receipt is for another bind, or the next.
            self._leave()
            smsc.report(account, verdict, now)
            smsc.figures.dropped += 1
            self._is_cut = True
        else:
            smsc.report(account, verdict, now)
            smsc.figures.swallowed += 1

    def _answer_time(self, now: float) -> float:
        options, random = self._smsc.options, self._smsc.random
        due = now + options.latency.draw(random)
        if options.reorder:
            due += random.random() * _REORDER_SECONDS
        if options.max_rate:
            due = max(due, self._last_answer + 1 / options.max_rate)
            self._last_answer = due
        return due

    def _answer(self, request: SubmitSm | DataSm, verdict: Verdict, now: float) -> None:
        self._session.answer_submit(request, verdict.status, verdict.message_id)
        if verdict.taken is not None and self._account is not None:
            self._smsc.figures.answered += 1
            self._smsc.report(self._account, verdict, now)

    def _settle(self, delivery: Delivery, status: int, now: float) -> None:
        if self._account is not None:
            self._smsc.settle(self._account, delivery, status, now)

    def _leave(self) -> None:
        if self._account is not None:
            self._account.leave(self)

    def _closed(self, event: Closed) -> None:
        self._leave()
        if self._account is not None and event.unanswered:
            self._smsc.figures.receipts_again += len(event.unanswered)
            self._account.put_back(event.unanswered)

    def _end(self, now: float) -> None:
        """What was taken is still reported; what was not acknowledged goes to the account's other or next binds."""
        self._handle(self._session.receive_eof(now), now)
        if self._account is not None:
            for _, verdict in self._answers.take_due(math.inf, len(self._answers)):
                self._smsc.report(self._account, verdict, now)
            self._account.hand_out(now)
        self._notice()
