"""What flows through a gateway now, from two looks at its /metrics: rates, ages by lane, time to delivery, errors."""

import itertools
import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

_SAMPLE = re.compile(r"^(sluice_\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_KEPT_LOOKS = 60
_RATE_LOOKS = 5
"""A rate over one second jumps with each bulk."""
_BARS = "▁▂▃▄▅▆▇█"

Sample = tuple[str, tuple[tuple[str, str], ...]]
_COUNTED = {
    "accepted": ("sluice_messages_accepted_total", None, None),
    "sent": ("sluice_submit_answers_total", "outcome", "sent"),
    "delivered": ("sluice_receipts_total", "state", "delivered"),
    "told": ("sluice_events_ended_total", "outcome", "told"),
}


@dataclass(slots=True)
class Figures:
    """Of the last looks. Rates are per second."""

    rates: dict[str, float] = field(default_factory=dict)
    """accepted and delivered messages, sent segments, told events; empty until there were two looks."""
    courses: dict[str, list[float]] = field(default_factory=dict)
    """The same over the last minute, a value a look."""
    oldest_seconds: dict[str, float] = field(default_factory=dict)
    """Of what could be sent, by lane."""
    ready: dict[str, int] = field(default_factory=dict)
    """By lane."""
    delivery_seconds: float | None = None
    """Within which nine in ten were delivered, over the last looks, rounded up to a bucket."""
    errors: dict[str, float] = field(default_factory=dict)
    """Answers other than acceptances, by their class."""


@dataclass(slots=True)
class _Look:
    at: float
    samples: Mapping[Sample, float]


class Flow:
    """Remembers the last minute of looks."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=_KEPT_LOOKS)

    def look(self, metrics: str, at: float) -> Figures:
        """`metrics`: the text of /metrics; `at`: seconds of a clock that only rises."""
        look = _Look(at, _samples(metrics))
        if self._looks and any(_total(look, what) < _total(self._looks[-1], what) for what in _COUNTED):
            self._looks.clear()  # another process, which counts from 0
        self._looks.append(look)
        figures = Figures()
        for (name, labels), value in look.samples.items():
            lane = dict(labels).get("lane", "")
            if name == "sluice_queue_oldest_seconds":
                figures.oldest_seconds[lane] = max(value, figures.oldest_seconds.get(lane, 0))
            elif name == "sluice_queue_ready":
                figures.ready[lane] = figures.ready.get(lane, 0) + round(value)
        self._over_time(figures)
        return figures

    def _over_time(self, figures: Figures) -> None:
        looks = list(self._looks)
        before = looks[-min(len(looks), _RATE_LOOKS + 1)]
        seconds = looks[-1].at - before.at
        if seconds <= 0:
            return
        for name in _COUNTED:
            figures.rates[name] = (_total(looks[-1], name) - _total(before, name)) / seconds
            figures.courses[name] = [
                (_total(after, name) - _total(first, name)) / max(after.at - first.at, 0.001)
                for first, after in itertools.pairwise(looks)
            ]
        for (name, labels), value in looks[-1].samples.items():
            kind = dict(labels).get("class")
            risen = value - before.samples.get((name, labels), 0)
            if name == "sluice_submit_answers_total" and kind not in (None, "accepted") and risen > 0:
                figures.errors[str(kind)] = figures.errors.get(str(kind), 0) + risen / seconds
        figures.delivery_seconds = _nine_in_ten(looks[0], looks[-1])


def oldest_seconds(metrics: str) -> dict[tuple[str, str], float]:
    """How long the oldest message that could be sent has waited, by lane and route."""
    ages = {}
    for (name, labels), value in _samples(metrics).items():
        if name == "sluice_queue_oldest_seconds":
            by_label = dict(labels)
            ages[by_label["lane"], by_label["route"]] = value
    return ages


def course(values: list[float], width: int) -> str:
    """As bars, the newest last: `▁▂▅█`. Nothing at all is the lowest bar."""
    shown = values[-width:]
    most = max(shown, default=0.0)
    return "".join(_BARS[min(7, int(8 * value / most))] if most > 0 else _BARS[0] for value in shown)


def _samples(metrics: str) -> dict[Sample, float]:
    found: dict[Sample, float] = {}
    for name, labels, value in _SAMPLE.findall(metrics):
        found[(name, tuple(_LABEL.findall(labels)))] = float(value)
    return found


def _total(look: _Look, what: str) -> float:
    name, label, wanted = _COUNTED[what]
    return sum(
        value
        for (sample, labels), value in look.samples.items()
        if sample == name and (label is None or (label, wanted) in labels)
    )


def _nine_in_ten(first: _Look, last: _Look) -> float | None:
    by_limit: dict[float, float] = defaultdict(float)
    for (name, labels), value in last.samples.items():
        if name == "sluice_delivery_seconds_bucket":
            by_limit[float(dict(labels)["le"])] += value - first.samples.get((name, labels), 0)
    everything = by_limit.get(float("inf"), 0)
    if everything <= 0:
        return None
    return next(limit for limit in sorted(by_limit) if by_limit[limit] >= 0.9 * everything)
