"""How well carriers deliver, by country, over a sliding window; and the weights that follow for those who share a tier.

Pure and in memory alone: after a start it is learned again within minutes, since a part of the traffic keeps measuring
every carrier. Times in milliseconds.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

PRIOR_ENDS, PRIOR_DELIVERED = 10, 9
"""A carrier counts as if it had ended so many before, so that one nobody knows is tried and one failure proves nothing.
"""
COUNTRY_LEAST = 30
"""Ends in a country before they speak for themselves; below, the carrier's ends of all countries do."""
BETTER_BY = 0.02
"""The best stays so until another is better by this, or noise would move the traffic to and fro."""
SLOWNESS_WORTH, SLOW_SECONDS = 0.1, 60.0
"""A minute to delivery, or more, costs as much as a tenth of the messages."""


class Tally(NamedTuple):
    """Ends that a carrier answers for."""

    delivered: int
    failed: int
    seconds: float
    """Sum of the times to delivery of the delivered."""


class Known(NamedTuple):
    """What the window holds of a carrier."""

    score: float
    ends: int


class _Window:
    """Tallies of the last few buckets."""

    __slots__ = ("_buckets",)

    def __init__(self, buckets: int) -> None:
        self._buckets: deque[tuple[int, Tally]] = deque(maxlen=buckets)

    def add(self, bucket: int, tally: Tally) -> None:
        if self._buckets and self._buckets[-1][0] >= bucket:
            last, before = self._buckets.pop()
            tally = Tally(
                before.delivered + tally.delivered, before.failed + tally.failed, before.seconds + tally.seconds
            )
            bucket = last
        self._buckets.append((bucket, tally))

    def reaches(self, first: int) -> bool:
        """Whether it holds anything from this bucket on."""
        return bool(self._buckets) and self._buckets[-1][0] >= first

    def sum(self, first: int) -> Tally:
        """Of the buckets from this one on."""
        while self._buckets and self._buckets[0][0] < first:
            self._buckets.popleft()
        tallies = [tally for _, tally in self._buckets]
        return Tally(
            sum(tally.delivered for tally in tallies),
            sum(tally.failed for tally in tallies),
            sum(tally.seconds for tally in tallies),
        )


class Quality:
    """Of all carriers."""

    def __init__(self, window_ms: int = 1_800_000, buckets: int = 6) -> None:
        self._bucket_ms = max(1, window_ms // buckets)
        self._kept = buckets
        self._windows: dict[tuple[str, str | None], _Window] = {}
        """By carrier and country; None: of all countries."""
        self._best: dict[tuple[tuple[str, ...], str | None], str] = {}

    def add(self, carrier: str, country: str | None, tally: Tally, now: int) -> None:
        """What ended now."""
        bucket = now // self._bucket_ms
        for place in {country, None}:
            window = self._windows.get((carrier, place))
            if window is None:
                window = self._windows[(carrier, place)] = _Window(self._kept)
            window.add(bucket, tally)

    def score(self, carrier: str, country: str | None, now: int) -> float:
        """0 to 1: the share delivered, less up to a tenth for being slow."""
        return self.known(carrier, country, now).score

    def known(self, carrier: str, country: str | None, now: int) -> Known:
        """The score, and how many ends of the place itself it rests on."""
        tally = self._sum(carrier, country, now)
        ends = tally.delivered + tally.failed
        if ends < COUNTRY_LEAST and country is not None:
            tally = self._sum(carrier, None, now)
        rate = (tally.delivered + PRIOR_DELIVERED) / (tally.delivered + tally.failed + PRIOR_ENDS)
        mean_seconds = tally.seconds / tally.delivered if tally.delivered else 0.0
        return Known(rate - SLOWNESS_WORTH * min(mean_seconds / SLOW_SECONDS, 1.0), ends)

    def places(self, now: int) -> list[tuple[str, str]]:
        """The carriers and countries that the window holds anything of; the others are forgotten."""
        first = self._first(now)
        self._windows = {place: window for place, window in self._windows.items() if window.reaches(first)}
        return [(carrier, country) for carrier, country in self._windows if country is not None]

    def weights(self, carriers: Sequence[str], country: str | None, explore: float, now: int) -> tuple[float, ...]:
        """One a carrier, 1 in all: the best has `1 - explore`, the others share the rest."""
        if len(carriers) < 2:
            return (1.0,) * len(carriers)
        best = self._best_of(tuple(carriers), country, now)
        others = explore / (len(carriers) - 1)
        return tuple(1.0 - explore if carrier == best else others for carrier in carriers)

    def _best_of(self, carriers: tuple[str, ...], country: str | None, now: int) -> str:
        scores = {carrier: self.score(carrier, country, now) for carrier in carriers}
        best = max(carriers, key=lambda carrier: scores[carrier])
        was = self._best.get((carriers, country))
        if was is not None and scores[best] - scores[was] < BETTER_BY:
            return was
        self._best[(carriers, country)] = best
        return best

    def _sum(self, carrier: str, country: str | None, now: int) -> Tally:
        window = self._windows.get((carrier, country))
        if window is None:
            return Tally(0, 0, 0.0)
        return window.sum(self._first(now))

    def _first(self, now: int) -> int:
        """The first bucket of the window."""
        return now // self._bucket_ms - self._kept + 1
