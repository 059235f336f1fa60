"""When a carrier should get less than it asks for: its breaker opens on errors, late answers or missing receipts.

Open, probes, a gradual return, closed again. Pure; times in seconds of a monotonic clock. It decides nothing about
messages: what is in flight ends as an answer or a doubt, and what the deal makes of a standing is taking.py's.
"""

from collections.abc import Callable

from gateway.rules.answer_figures import AnswerFigures
from gateway.rules.breaker_terms import BreakerState, BreakerTerms, BreakerView, Cause, Change, Waiting
from gateway.rules.receipt_silence import ReceiptSilence
from gateway.rules.taking import Standing

PROBES = 5
"""PDUs that try a carrier whose breaker was open."""
ERRORS_LEAST = 20
"""Errors in 30 s before their share says anything."""
PAUSE_MOST_SECONDS = 300.0
RETURN_FLOOR = 10.0
"""PDU/s with which a return begins."""
RETURN_DOUBLINGS = 10
"""So often it doubles: at the end some 10,000 PDU/s, more than any carrier takes."""
AWAY_SECONDS = 1.0
"""A carrier that was away for less comes back at once; so long no lower tier had its traffic."""
PROBES_AGAIN_SECONDS = 1.0
"""Probes that came to nothing (taken back, or lost unwritten) are dealt again after this."""
STUCK_LEAST = 5
"""Unanswered PDUs, at a time or in a row, that make a carrier one that answers nothing; one alone may just be lost."""


class Breaker:
    """One carrier's."""

    def __init__(self, terms: BreakerTerms, now: float = 0.0) -> None:
        self.state = BreakerState.CLOSED
        self.cause: Cause | None = None
        self.since = now
        self.detail = ""
        self._terms = terms
        self._figures = AnswerFigures()
        self._silence = ReceiptSilence(terms.silence, terms.silence_least)
        self._pause = terms.pause
        self._opened_at = float("-inf")
        self._lost_at: float | None = None
        self._was_able = False
        self._probes_answered = 0
        self._probes_told_at = 0.0
        self._first_probe_at: float | None = None
        self._has_receipt = False
        self._failed_probe: str | None = None
        self._dealt_until = 0.0
        self._slots_due = 0.0
        self._steps: dict[BreakerState, Callable[[Waiting, float], Change | None]] = {
            BreakerState.CLOSED: self._watch,
            BreakerState.OPEN: self._wait,
            BreakerState.HALF_OPEN: self._probe,
            BreakerState.RETURNING: self._return,
        }

    def retune(self, terms: BreakerTerms) -> None:
        """Other terms from now on; state and figures stay."""
        if self._pause == self._terms.pause:
            self._pause = terms.pause
        self._terms = terms
        self._silence.retune(terms.silence, terms.silence_least)

    @property
    def retry_at(self) -> float | None:
        """When an open one lets probes go."""
        return self.since + self._pause if self.state is BreakerState.OPEN else None

    def view(self, now: float) -> BreakerView:
        """As it stands now."""
        retry_in = None if self.retry_at is None else max(0.0, self.retry_at - now)
        return BreakerView(self.state, self.cause, self.detail, max(0.0, now - self.since), retry_in)

    def answered(self, taken: int, errors: int, slowest: float, quickest: float, now: float, others: int = 0) -> None:
        """Answers of one read: ESME_ROK, temporary errors, and others; seconds that the slowest and quickest took."""
        self._figures.add(taken, errors, taken + errors + others, quickest, now)
        if taken:
            self._silence.taken(taken, now)
        if self.state is BreakerState.HALF_OPEN and slowest < now - self._opened_at:
            self._heed_probes(taken + others, errors, slowest, now)

    def unanswered(self, count: int, now: float, waited: float = 0.0) -> None:
        """No answer within response_timeout, or lost with the link; what was written before it opened says nothing."""
        if now - waited <= self._opened_at:
            return
        self._figures.add(0, count, 0, 0.0, now)
        self._figures.missed += count if waited else 0
        if self.state is BreakerState.HALF_OPEN and self._failed_probe is None:
            self._failed_probe = "a probe was not answered"

    def receipts(self, count: int, now: float) -> None:
        """So many came."""
        self._silence.receipts(count, now)
        self._has_receipt = self._has_receipt or count > 0

    def stopped(self, status: str, now: float) -> Change | None:
        """It answered a status after which the failure table lets nothing more go there."""
        if self.state is BreakerState.OPEN:
            return None
        return self._open(Cause.STOPPED, f"it answered {status}", now)

    def lost(self, now: float) -> None:
        """No bind of it is up any more."""
        if self._lost_at is None:
            self._lost_at = now

    def regained(self, now: float) -> Change | None:
        """A bind of it can send again: if it had been away, its traffic comes back bit by bit. After a mere pause for
        throttles it goes on; to come back slowly from those is the bind's own matter."""
        lost_at, self._lost_at = self._lost_at, None
        was_able, self._was_able = self._was_able, True
        if lost_at is None:
            return None
        self._silence.resumed(now)
        if not was_able:
            return None
        is_untried = self.cause in (Cause.ERRORS, Cause.LATENCY) and self._pause == self._terms.pause
        if self.state is BreakerState.OPEN and is_untried:
            # What it did on the connections that are gone says little of it now: a few will tell. Not at each of them:
            # one that falls with every first message would have a handful in doubt each time.
            return self._half_open("it was bound anew", now)
        if now - lost_at < AWAY_SECONDS or self.state not in (BreakerState.CLOSED, BreakerState.RETURNING):
            return None
        return self._come_back(self.cause, f"it was away for {_seconds(now - lost_at)}", now)

    def probe(self, now: float) -> Change | None:
        """Someone wants an open one tried now."""
        if self.state is not BreakerState.OPEN:
            return None
        return self._half_open("an operator asked for it", now)

    def tick(self, waiting: Waiting, now: float) -> Change | None:
        """Look at the clock; `waiting`: what it has not answered. Four times a second is enough."""
        if not waiting.is_up:
            self.lost(now)
        return self._steps[self.state](waiting, now)

    def standing(self, now: float) -> Standing | None:
        """What the deal is to be told now; None: it is as usual. A return's slots are those since the last call."""
        is_silent = self.cause is Cause.SILENCE
        if self.state is BreakerState.OPEN:
            # Where no other carrier can take it, sending on without receipts is better than standing still.
            return Standing(slots=0, holds_back=False, last_resort=is_silent)
        if self.state is BreakerState.HALF_OPEN:
            self._probes_told_at = now
            left = max(0, PROBES - self._probes_answered)
            return Standing(slots=left, holds_back=False, last_resort=is_silent)
        if self.state is BreakerState.RETURNING:
            # There is nobody to come back from, bit by bit, for what no other carrier can take.
            return Standing(slots=self._returned(now), holds_back=False, last_resort=True)
        return None

    def wants_telling(self, waiting: Waiting, now: float) -> bool:
        """Whether the deal is to be told anew although the state is the same."""
        if self.state is BreakerState.RETURNING:
            return True
        return (
            self.state is BreakerState.HALF_OPEN
            and not waiting.unanswered
            and self._probes_answered < PROBES
            and now - self._probes_told_at >= PROBES_AGAIN_SECONDS
        )

    def _watch(self, waiting: Waiting, now: float) -> Change | None:
        found = self._fault(waiting, now)
        return None if found is None else self._open(*found, now)

    def _wait(self, waiting: Waiting, now: float) -> Change | None:
        if self.cause is Cause.SILENCE and self._has_receipt:
            return self._half_open("a receipt came", now)
        if now - self.since >= self._pause:
            return self._half_open(f"{_seconds(self._pause)} are over", now)
        return None

    def _probe(self, waiting: Waiting, now: float) -> Change | None:
        if self._failed_probe is not None:
            return self._open_again(self._failed_probe, now)
        if waiting.oldest_seconds >= self._terms.latency and now - waiting.oldest_seconds >= self.since:
            return self._open_again(f"a probe is unanswered for {_seconds(waiting.oldest_seconds)}", now)
        if self.cause is Cause.SILENCE and not self._has_receipt:
            return self._await_receipt(now)
        if self._probes_answered < PROBES:
            return None
        return self._come_back(self.cause, f"{PROBES} probes were answered", now)

    def _await_receipt(self, now: float) -> Change | None:
        limit = self._silence.limit()
        if limit is None:
            return self._come_back(self.cause, "receipts are not waited for any more", now)
        if self._first_probe_at is None or now - self._first_probe_at < limit:
            return None
        return self._open_again(f"no receipt of a probe within {_seconds(limit)}", now)

    def _return(self, waiting: Waiting, now: float) -> Change | None:
        found = self._fault(waiting, now)
        if found is not None:
            return self._open(*found, now)
        if now - self.since < self._terms.back_within:
            return None
        self._pause = self._terms.pause
        return self._enter(BreakerState.CLOSED, self.cause, "it has its whole share again", now)

    def _fault(self, waiting: Waiting, now: float) -> tuple[Cause, str] | None:
        """What opens it, by the limits."""
        terms, figures = self._terms, self._figures
        errors, answers = figures.errors(now)
        if errors >= ERRORS_LEAST and errors >= terms.errors * answers:
            return Cause.ERRORS, f"errors {errors / answers:.2f} of {answers}"
        if (quickest := figures.quickest(now)) is not None and quickest >= terms.latency:
            return Cause.LATENCY, f"the quickest answer took {_seconds(quickest)}"
        is_stuck = waiting.unanswered >= STUCK_LEAST or waiting.is_full
        if is_stuck and min(waiting.oldest_seconds, now - figures.answered_at) >= terms.latency:
            return Cause.LATENCY, f"{waiting.unanswered} are unanswered, for up to {_seconds(waiting.oldest_seconds)}"
        if figures.missed >= STUCK_LEAST and now - figures.answered_at >= terms.latency:
            # Where little is sent, or given up soon, there are never enough at a time.
            return Cause.LATENCY, f"{figures.missed} in a row were not answered"
        silent, limit = self._silence.silent_seconds(now), self._silence.limit()
        if limit is not None and silent >= limit:
            return Cause.SILENCE, f"no receipt for {_seconds(silent)}, {self._silence.waited_for} wait for one"
        return None

    def _heed_probes(self, good: int, errors: int, slowest: float, now: float) -> None:
        if errors:
            self._failed_probe = "a probe was answered with an error"
        elif slowest >= self._terms.latency:
            self._failed_probe = f"a probe was answered after {_seconds(slowest)}"
        else:
            self._probes_answered += good
            if self._first_probe_at is None:
                self._first_probe_at = now

    def _open(self, cause: Cause, detail: str, now: float) -> Change:
        if self.state is not BreakerState.CLOSED and self.cause is not None:
            return self._open_again(detail, now, cause)
        self._opened_at = now
        return self._enter(BreakerState.OPEN, cause, detail, now)

    def _open_again(self, detail: str, now: float, cause: Cause | None = None) -> Change:
        """A probe failed, or the return did: the next is waited for longer."""
        self._pause = min(2 * self._pause, max(PAUSE_MOST_SECONDS, self._terms.pause))
        self._opened_at = now
        return self._enter(BreakerState.OPEN, cause or self.cause, detail, now)

    def _half_open(self, detail: str, now: float) -> Change:
        self._probes_answered, self._failed_probe, self._first_probe_at = 0, None, None
        return self._enter(BreakerState.HALF_OPEN, self.cause, detail, now)

    def _come_back(self, cause: Cause | None, detail: str, now: float) -> Change:
        self._dealt_until, self._slots_due = now, RETURN_FLOOR / 4
        if not self._terms.back_within:
            self._pause = self._terms.pause
            return self._enter(BreakerState.CLOSED, cause, detail, now)
        return self._enter(BreakerState.RETURNING, cause, detail, now)

    def _enter(self, state: BreakerState, cause: Cause | None, detail: str, now: float) -> Change:
        """What was seen in the state before is no measure in the next."""
        self.state, self.cause, self.detail, self.since = state, cause, detail, now
        self._has_receipt = False
        self._figures.clear()
        # A receipt that ends a silence tells how long one may be.
        if cause is not Cause.SILENCE or state in (BreakerState.RETURNING, BreakerState.CLOSED):
            self._silence.forget()
        if state is BreakerState.CLOSED:
            self.cause, self.detail = None, ""
        return Change(state, cause, detail)

    def _returned(self, now: float) -> int:
        """Slots that have come back since the last call; what is left of one is kept for the next."""
        rate = RETURN_FLOOR * 2.0 ** (RETURN_DOUBLINGS * (now - self.since) / self._terms.back_within)
        self._slots_due += rate * (now - self._dealt_until)
        self._dealt_until = now
        slots = int(self._slots_due)
        self._slots_due -= slots
        return slots


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
