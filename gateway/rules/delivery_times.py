"""Whether the deliveries of a lane take too long: one in ten of those of the last minutes above a limit. Pure."""

from bisect import bisect_left
from collections import deque
from typing import NamedTuple

_SLICES = 10
LEAST = 20
"""Fewer deliveries say nothing."""
_TENTH = 0.1
RECOVERED_SHARE = 0.8
"""Of the limit: above it a lane that was too slow still is."""
_STEP = 1.25


class Slowness(NamedTuple):
    """How the last minutes were."""

    messages: int
    p90_seconds: float
    """What nine in ten took at most, rounded up to a bucket; the limit is a bound of buckets, so it is exact there."""


class DeliveryTimes:
    """Of one lane; `add` is called for every delivered message."""

    def __init__(self, limit: float, window: float) -> None:
        """`limit` and `window` in seconds, above 0."""
        self.limit = limit
        self.window = window
        bounds = sorted({limit, limit * RECOVERED_SHARE, *(0.1 * _STEP**n for n in range(64))})
        self._bounds = bounds
        self._bounds_ms = [round(bound * 1000) for bound in bounds]
        self._now = self._empty()
        self._slices: deque[tuple[float, list[int]]] = deque()

    def add(self, ms: int) -> None:
        """Time from sending to delivery, in milliseconds: as it is told, since this is done for every message."""
        self._now[bisect_left(self._bounds_ms, ms)] += 1

    def slide(self, now: float) -> None:
        """To be called every second or so: what is older than the window no longer counts."""
        if not self._slices or now - self._slices[-1][0] >= self.window / _SLICES:
            self._slices.append((now, self._now))
            self._now = self._empty()
        while self._slices and now - self._slices[0][0] >= self.window:
            self._slices.popleft()

    def slowness(self) -> Slowness | None:
        """None: too few to say; when there was nothing at all, nothing was slow."""
        counts = self._now[:]
        for _, slice_ in self._slices:
            counts = [a + b for a, b in zip(counts, slice_, strict=True)]
        messages = sum(counts)
        if 0 < messages < LEAST:
            return None
        above = messages
        for bound, count in zip(self._bounds, counts, strict=False):
            above -= count
            if above <= messages * _TENTH:
                return Slowness(messages, bound if messages else 0.0)
        return Slowness(messages, self._bounds[-1])

    def is_amiss(self, slowness: Slowness, *, is_raised: bool) -> bool:
        return slowness.p90_seconds > self.limit * (RECOVERED_SHARE if is_raised else 1)

    def _empty(self) -> list[int]:
        return [0] * (len(self._bounds) + 1)
