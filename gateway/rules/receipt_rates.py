"""Whether a carrier sends fewer receipts than it does as a rule. Pure.

Receipts are set against what it took as much earlier as its receipts usually come later; what is usual is learned over
about a day, in memory: it is learned again after a start.
"""

from collections import deque
from math import exp
from typing import NamedTuple

WINDOW_SAMPLES = 10
LEAST_TAKEN = 50
"""In the window; fewer say nothing."""
LEAST_USUAL = 500
"""Taken in all before anything is called usual."""
_DAY_SECONDS = 86_400.0
MOST_SHIFT_SAMPLES = 30
RECOVERED_SHARE = 1.2
"""Of the limit: below it a carrier that was too low still is."""


class Rates(NamedTuple):
    """Receipts for each that it took."""

    rate: float
    usual: float
    taken: int


_NOTHING = Rates(0.0, 0.0, 0)
"""Of what took nothing, nothing is missing: messages may go elsewhere by now."""


class ReceiptRates:
    """Of one carrier; counts are those since the start, and only grow."""

    def __init__(self, window: float) -> None:
        """`window` in seconds."""
        self._sample_seconds = window / WINDOW_SAMPLES
        self._taken: deque[int] = deque(maxlen=WINDOW_SAMPLES + MOST_SHIFT_SAMPLES + 1)
        self._receipts: deque[int] = deque(maxlen=WINDOW_SAMPLES + 1)
        self._usual_taken = 0.0
        self._usual_receipts = 0.0
        self._sampled_at: float | None = None
        self._now: Rates | None = None

    def look(self, taken: int, receipts: int, delay: float, now: float) -> Rates | None:
        """How it does now; None: nothing to go by. `delay`: seconds after which its receipts usually come."""
        if self._sampled_at is None or now - self._sampled_at >= self._sample_seconds:
            self._sampled_at = now
            self._taken.append(taken)
            self._receipts.append(receipts)
            shift = min(round(delay / self._sample_seconds), MOST_SHIFT_SAMPLES)
            self._now = self._rates(shift)
            self._learn(shift)
        return self._now

    def _rates(self, shift: int) -> Rates | None:
        if len(self._receipts) <= WINDOW_SAMPLES or len(self._taken) <= WINDOW_SAMPLES + shift:
            return None
        taken = self._taken[-1 - shift] - self._taken[-1 - shift - WINDOW_SAMPLES]
        if not taken:
            return _NOTHING
        if taken < LEAST_TAKEN or self._usual_taken < LEAST_USUAL or not self._usual_receipts:
            return None
        rate = (self._receipts[-1] - self._receipts[0]) / taken
        return Rates(rate, self._usual_receipts / self._usual_taken, taken)

    def _learn(self, shift: int) -> None:
        """The latest sample; it is less than a thousandth of what is usual once a day has been seen."""
        if len(self._taken) < shift + 2:
            return
        kept = exp(-self._sample_seconds / _DAY_SECONDS)
        self._usual_taken = self._usual_taken * kept + self._taken[-1 - shift] - self._taken[-2 - shift]
        self._usual_receipts = self._usual_receipts * kept + self._receipts[-1] - self._receipts[-2]


def is_amiss(rates: Rates, limit: float, *, is_raised: bool) -> bool:
    """`limit`: least share of what is usual."""
    return rates.rate < rates.usual * min(1.0, limit * (RECOVERED_SHARE if is_raised else 1))
