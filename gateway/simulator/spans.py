"""Lengths of time as the simulator's options write them: `40ms`, `2s`, `5m`, `1h`, or a range `10-50ms`."""

import re
from dataclasses import dataclass
from random import Random

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_LONGEST_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time in seconds, drawn anew each time between two bounds; both the same for a fixed one."""

    least: float = 0.0
    most: float = 0.0

    def draw(self, random: Random) -> float:
        """Seconds."""
        return self.least if self.least == self.most else random.uniform(self.least, self.most)


def seconds(text: str) -> float:
    """Seconds in `40ms`, `2s`, `5m`, `1h`; a number alone is seconds. ValueError tells what is wrong."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write 40ms, 2s, 5m or 1h")
    return _within_bounds(float(match[1]) * _UNITS[match[2]], text)


def span(text: str) -> Span:
    """A Span from a length of time or a range of two; in `10-50ms` the unit counts for both."""
    low, dash, high = text.strip().partition("-")
    if not dash:
        fixed = seconds(text)
        return Span(fixed, fixed)
    most = seconds(high)
    unit = _LENGTH.fullmatch(high.strip())
    least = seconds(low + unit[2]) if unit is not None and low.strip()[-1:].isdigit() else seconds(low)
    if least > most:
        raise ValueError(f"{text!r} begins after its end")
    return Span(least, most)


def _within_bounds(value: float, text: str) -> float:
    if value > _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is longer than 30 days")
    return value
