"""Histograms and counters for what comes with every message, in one thread: prometheus_client takes 2 µs a value."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Spread:
    """How the values under one set of labels spread over buckets."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    @property
    def counts(self) -> list[int]:
        """By bucket."""
        return self._counts

    def add(self, value: float, times: int = 1) -> None:
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def add_all(self, values: Sequence[float]) -> None:
        """Each once."""
        counts, bounds = self._counts, self._bounds
        # What comes together has mostly the same value.
        before, place = None, 0
        for value in values:
            if value != before:
                before, place = value, bisect_left(bounds, value)
            counts[place] += 1
        self._sum += sum(values)

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Counts up to each bound, and the sum."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True)), self._sum


class Spreads(Collector):
    """A histogram by labels."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...], bounds: tuple[float, ...]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._bounds = bounds
        self._spreads: dict[tuple[str, ...], Spread] = {}

    def of(self, *labels: str) -> Spread:
        """To be kept by who adds to it."""
        found = self._spreads.get(labels)
        if found is None:
            found = self._spreads[labels] = Spread(self._bounds)
        return found

    @property
    def bounds(self) -> tuple[float, ...]:
        """Of the buckets; one more lies above the last."""
        return self._bounds

    def summed(self) -> list[int]:
        """How many values lie in each bucket, under all labels together."""
        counts = [spread.counts for spread in self._spreads.values()]
        return [sum(bucket) for bucket in zip(*counts, strict=True)] or [0] * (len(self._bounds) + 1)

    def collect(self) -> Iterable[HistogramMetricFamily]:
        (family,) = self.describe()
        for labels, spread in self._spreads.items():
            family.add_metric(labels, *spread.told())
        yield family

    def describe(self) -> list[HistogramMetricFamily]:
        return [HistogramMetricFamily(self._name, self._text, labels=self._labels)]


class Counts(Collector):
    """A counter by labels; `of` is added to by who counts."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        """`name` without `_total`."""
        self._name = name
        self._text = text
        self._labels = labels
        self.of: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str, times: int = 1) -> None:
        self.of[labels] = self.of.get(labels, 0) + times

    def collect(self) -> Iterable[CounterMetricFamily]:
        (family,) = self.describe()
        for labels, count in self.of.items():
            family.add_metric(labels, count)
        yield family

    def describe(self) -> list[CounterMetricFamily]:
        return [CounterMetricFamily(self._name, self._text, labels=self._labels)]
