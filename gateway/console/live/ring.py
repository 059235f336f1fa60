"""The last 15 minutes, a sample a second: what the live plots begin with. Bounded; in memory alone."""

from collections import deque
from typing import Any, NamedTuple

MOST_SAMPLES = 900


class Sample(NamedTuple):
    """One second. `plots`: by a plot's name, a value of each of its series; None: nothing to tell."""

    at: int
    """Wall-clock seconds."""
    plots: dict[str, list[float | None]]


class Ring:
    """Samples of one shape: other series (a lane more) begin it anew."""

    def __init__(self, most: int = MOST_SAMPLES) -> None:
        self.samples: deque[Sample] = deque(maxlen=most)
        self.shape: tuple[str, ...] = ()

    def add(self, sample: Sample, shape: tuple[str, ...]) -> None:
        if shape != self.shape:
            self.samples.clear()
            self.shape = shape
        self.samples.append(sample)

    def series(self, plot: str) -> list[list[float | None]]:
        """Of one plot: the values of each of its series."""
        return [list(values) for values in zip(*(sample.plots[plot] for sample in self.samples), strict=True)]

    def columns(self) -> dict[str, Any]:
        """All of it, for a browser."""
        names = self.samples[-1].plots if self.samples else ()
        return {
            "at": [sample.at for sample in self.samples],
            "plots": {plot: self.series(plot) for plot in names},
        }
