"""When a carrier that takes messages has been without receipts for too long: a limit learned from the gaps it left.

Pure; times in seconds of a monotonic clock. What follows from silence is the breaker's.
"""

from collections import deque

WAITED_LEAST = 20
"""Messages that must wait for receipts before their absence says anything."""
GAPS_LEAST = 20
"""Gaps met before the limit is a learned one."""
_BUCKET_SECONDS = 300.0
_BUCKETS = 12
_GAPS_LONG = 4
"""The limit in longest gaps."""


class ReceiptSilence:
    """One carrier's. A gap lasts from the first message taken after a receipt to the next receipt."""

    def __init__(self, longest: float, least: float) -> None:
        """Bounds of the limit in seconds; `longest` 0: there is none, the carrier gives no receipts."""
        self._longest = longest
        self._least = least
        self._waiting_since: float | None = None
        self._waited_for = 0
        self._gaps = 0
        self._longest_gaps: deque[tuple[int, float]] = deque(maxlen=_BUCKETS)
        """The longest of each five minutes that had one."""

    def retune(self, longest: float, least: float) -> None:
        """Other bounds; what was learned stays."""
        self._longest, self._least = longest, least

    def taken(self, count: int, now: float) -> None:
        """The carrier took so many, and owes receipts for them."""
        self._waited_for += count
        if self._waiting_since is None:
            self._waiting_since = now

    def receipts(self, count: int, now: float) -> None:
        """So many came."""
        if not count or self._waiting_since is None:
            return
        self._learn(now - self._waiting_since, int(now // _BUCKET_SECONDS))
        self._waiting_since, self._waited_for = None, 0

    def resumed(self, now: float) -> None:
        """It could not tell any until now: what is waited for is waited for from now on."""
        if self._waiting_since is not None:
            self._waiting_since = now

    def forget(self) -> None:
        """What was waited for is no measure any more."""
        self._waiting_since, self._waited_for = None, 0

    def limit(self) -> float | None:
        """Seconds of silence that are too many; None: it is never silent."""
        if not self._longest:
            return None
        if self._gaps < GAPS_LEAST:
            return self._longest
        longest_gap = max(gap for _, gap in self._longest_gaps)
        return min(self._longest, max(self._least, _GAPS_LONG * longest_gap))

    def silent_seconds(self, now: float) -> float:
        """How long it has owed receipts and given none; 0 while fewer than 20 are waited for."""
        if self._waiting_since is None or self._waited_for < WAITED_LEAST:
            return 0.0
        return now - self._waiting_since

    @property
    def waited_for(self) -> int:
        """Messages taken since the last receipt."""
        return self._waited_for

    def _learn(self, gap: float, bucket: int) -> None:
        self._gaps += 1
        if self._longest_gaps and self._longest_gaps[-1][0] == bucket:
            gap = max(gap, self._longest_gaps.pop()[1])
        self._longest_gaps.append((bucket, gap))
