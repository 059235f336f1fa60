"""Plots as text of SVG and as figures for people: the first picture, before console.js goes on with it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from gateway.console.live.ring import MOST_SAMPLES

HEIGHT = 100
"""Of the picture's own units; across it is one for each second."""
SPANS = (
    (180, ("3 min ago", "2", "1")),
    (360, ("6 min ago", "4", "2")),
    (MOST_SAMPLES, ("15 min ago", "10", "5")),
)
"""How many seconds are shown, and how the axis is marked: the first that all known fits into."""
MOST_POINTS = 180
"""Of a line of the first picture, which console.js draws anew with all."""
Values = Sequence[float | None]


class Series(NamedTuple):
    name: str
    values: Values
    mark: str
    """Its class: colour and shape."""

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None


@dataclass
class Plot:
    """One picture with its legend and its table."""

    key: str
    title: str
    hint: str
    unit: str
    """`rate`, `count` or `seconds`: how its figures are written."""
    series: list[Series]

    @cached_property
    def _shown(self) -> tuple[int, tuple[str, ...]]:
        count = max((len(one.values) for one in self.series), default=0)
        return next((shown for shown in SPANS if count <= shown[0]), SPANS[-1])

    @property
    def span(self) -> int:
        return self._shown[0]

    @property
    def times(self) -> tuple[str, ...]:
        return self._shown[1]

    @cached_property
    def top(self) -> float:
        """Where the scale ends."""
        return ceiling(max((value for one in self.series for value in one.values if value is not None), default=0.0))

    @property
    def scale(self) -> list[str]:
        """From the top down. Half of what is counted need not be a whole number."""
        unit = "rate" if self.unit == "count" else self.unit
        return [written(share * self.top, unit) for share in (1, 0.5, 0)]

    def path(self, series: Series) -> str:
        return path(series.values, self.top, self.span)

    def rows(self, most: int = 15) -> list[tuple[str, list[str]]]:
        """Minute by minute, the latest first: how long ago it ended, and the mean of each series."""
        count = max((len(one.values) for one in self.series), default=0)
        minutes = range(0, min(count, most * 60), 60)
        return [
            (
                f"{ago // 60}",
                [written(mean(one.values[max(0, count - ago - 60) : count - ago]), self.unit) for one in self.series],
            )
            for ago in minutes
        ]


def ceiling(value: float) -> float:
    """1, 2 or 5 times a power of ten, so that the scale reads well; 1 at least."""
    power = 1.0
    while True:
        for step in (1, 2, 5):
            if value <= step * power:
                return step * power
        power *= 10


def path(values: Values, top: float, span: int) -> str:
    """A line that ends at the right; where nothing is known it is broken."""
    parts: list[str] = []
    begin, is_down = span - len(values), False
    step = max(1, span // MOST_POINTS)
    for place in range((len(values) - 1) % step, len(values), step):
        value = values[place]
        if value is None:
            is_down = False
            continue
        parts.append(f"{'L' if is_down else 'M'}{begin + place} {round(HEIGHT - value / top * HEIGHT, 1):g}")
        is_down = True
    return "".join(parts)


def mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def written(value: float | None, unit: str) -> str:
    """As people read it."""
    if value is None:
        return "–"
    if unit == "seconds":
        return span(value)
    if value >= 10_000:
        return f"{value / 1000:,.1f}k"
    if unit == "rate" and value < 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{round(value):,}"


def span(seconds: float) -> str:
    """`4.2 s`, `3 min`, `2.5 h`."""
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f}".removesuffix(".0") + " h"
