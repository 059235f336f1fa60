"""What a carrier's answers of the last half minute were: how many, how many of them errors, how quick the quickest.

Pure; times in seconds of a monotonic clock. What is too many or too slow is the breaker's.
"""

from collections import deque
from dataclasses import dataclass

ERRORS_SECONDS = 30
LATENCY_SECONDS = 10
LATENCY_LEAST = 10
"""Answers in those seconds before the quickest of them says anything."""


@dataclass(slots=True)
class _Second:
    at: int
    taken: int = 0
    errors: int = 0
    timed: int = 0
    quickest: float = float("inf")


class AnswerFigures:
    """One carrier's, a bucket a second."""

    def __init__(self) -> None:
        self.answered_at = float("-inf")
        """When any answer came last."""
        self.missed = 0
        """Answers waited for in vain since then; at any pace."""
        self._seconds: deque[_Second] = deque(maxlen=ERRORS_SECONDS)

    def add(self, taken: int, errors: int, timed: int, quickest: float, now: float) -> None:
        """`timed`: how many answers came, of which the quickest took so many seconds; errors may be without one."""
        second = int(now)
        seconds = self._seconds
        if not seconds or seconds[-1].at != second:
            seconds.append(_Second(second))
        bucket = seconds[-1]
        bucket.taken += taken
        bucket.errors += errors
        if timed:
            self.answered_at, self.missed = now, 0
            bucket.timed += timed
            if quickest < bucket.quickest:
                bucket.quickest = quickest

    def errors(self, now: float) -> tuple[int, int]:
        """Errors, and all that speaks for or against the carrier."""
        first = int(now) - ERRORS_SECONDS + 1
        recent = [second for second in self._seconds if second.at >= first]
        errors = sum(second.errors for second in recent)
        return errors, errors + sum(second.taken for second in recent)

    def quickest(self, now: float) -> float | None:
        """Seconds that the quickest answer took; None: too few came to say."""
        first = int(now) - LATENCY_SECONDS + 1
        recent = [second for second in self._seconds if second.at >= first]
        if sum(second.timed for second in recent) < LATENCY_LEAST:
            return None
        return min(second.quickest for second in recent)

    def clear(self) -> None:
        """Begin anew."""
        self._seconds.clear()
        self.missed = 0
