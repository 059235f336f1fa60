"""Rows of a steady load over time: memory, waits and the store's size, looked at again and again."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.figures import spread
from gateway.cli.bench.processes import BenchError
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import NUMBERS, Way, number
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import Call, Stage, staged

_PER_POST = 100
_ASK_SECONDS = 1.0
_LAST_SECONDS = 300.0
"""For the last events: by then each message has its end, be it that its validity is over."""
STEADY_PER_SECOND = 2_000
_EVERY = 11
"""Of a bulk the 1st, 12th ... 100th message are timed: the first alone is the one that waits least."""
_WAY = Way("/v1/sms/bulk", _PER_POST, "front", 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady(Named):
    """A load of bulks of 100 at a pace, in slices; the first slice is compared with the last."""

    per_second: int = STEADY_PER_SECOND
    slices: int = 5
    shape: Shape = field(default_factory=Shape)

    def measure(self, context: Context) -> Figures:
        with staged(Sluice(self.shape, context.tree)) as stage:
            seen = list(steadily(stage, self.per_second, context.scale.seconds, self.slices))
        first, last = seen[min(1, len(seen) - 1)], seen[-1]
        return {**last, "rss_before_mib": first["rss_mib"], "p99_before_ms": first["p99_ms"]}


def steadily(stage: Stage, per_second: int, seconds: float, slices: int) -> Iterator[Figures]:
    """Slice after slice, without a pause between: what each was like. The next is rendered while one goes on.

    Raises BenchError after the last where a message was lost or sent twice, and before the first where there are not
    so many numbers to tell messages apart by.
    """
    messages = max(_PER_POST, int(per_second * seconds) // _PER_POST * _PER_POST)
    if slices * messages > NUMBERS:
        raise BenchError(f"{slices * messages} messages are more than there are numbers ({NUMBERS})")
    stage.arrivals()
    told = 0.0
    under_way: dict[str, float] = {}
    call = _ready(stage, messages, 0, per_second)
    before, began = stage.spent(), time.monotonic()
    call.begin()
    for number_of_slice in range(1, slices + 1):
        first = (number_of_slice - 1) * messages
        after = None if number_of_slice == slices else _ready(stage, messages, first + messages, per_second)
        arrivals = _arrivals(stage, began + seconds)
        outcome = call.outcome()
        spent, ended = stage.spent(), time.monotonic()
        events, behind = stage.told()["events"], number_of_slice * messages - stage.carrier()["taken"]
        if after is not None:
            after.begin()
            call = after
        for post, begun in enumerate(outcome["begun"]):
            for place in range(0, _PER_POST, _EVERY):
                under_way[number(first + post * _PER_POST + place).removeprefix("+")] = begun
        arrivals |= stage.arrivals()
        waits = [(arrivals[one] - under_way.pop(one)) * 1000 for one in list(under_way) if one in arrivals]
        yield {
            "rate": (events - told) / (ended - began),
            **spent.each(before, messages),
            **spread("", waits),
            "post_p50_ms": outcome["post_p50_ms"],
            "post_p99_ms": outcome["post_p99_ms"],
            "behind": behind,
            "rss_mib": stage.rss_mib(),
            "store_mib": _store_mib(stage),
        }
        before, began, told = spent, ended, events
    stage.wait_for_events(slices * messages, _LAST_SECONDS)
    stage.told_apart()


def _arrivals(stage: Stage, until: float) -> dict[str, float]:
    """Asked for each second: a minute's at once would hold up the carrier's loop, and what is measured."""
    arrived: dict[str, float] = {}
    while time.monotonic() < until - _ASK_SECONDS:
        time.sleep(_ASK_SECONDS)
        arrived |= stage.arrivals()
    return arrived


def _ready(stage: Stage, messages: int, first: int, per_second: int) -> Call:
    return stage.call(_WAY, messages, first, rate=per_second / _PER_POST, times=True)


def _store_mib(stage: Stage) -> float:
    """The database with its log."""
    return sum(file.stat().st_size for file in stage.folder.glob("bench.db*")) / 2**20
