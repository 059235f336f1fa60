"""Rows that queue first, with the carrier down, and look at what it costs to work that off: deep backlogs, many binds.

The window of the measurement lies in the middle of the work: not the binds' start, nor the last messages.
"""

import time
from dataclasses import dataclass, field

from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import Spent, Stage, staged
from gateway.cli.bench.throughput import BULK_500

_DRAIN_SECONDS = 600
_CHUNK = 500_000
"""Messages of one caller, who renders them ahead in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog(Named):
    """So many wait; then so many of them go out."""

    is_deep: bool = True
    """`Scale.backlog` of them wait, or none but those that are looked at."""
    shape: Shape = field(default_factory=Shape)
    restarts: bool = False
    """Whether the gateway is killed with the backlog queued: seconds until it is ready again."""

    def measure(self, context: Context) -> Figures:
        waiting = context.scale.backlog if self.is_deep else 0
        return worked_off(context, waiting, self.shape, restarts=self.restarts)


def worked_off(context: Context, waiting: int, shape: Shape, *, restarts: bool) -> Figures:
    """One run: so many wait, or as many as it takes to look at `Scale.drained` of them."""
    count = context.scale.drained
    queued = max(waiting, count * 3 // 2)
    with staged(Sluice(shape, context.tree), receipt_seconds=0.0, with_carrier=False) as stage:
        figures = {**fill(stage, queued), "queued_rss_mib": stage.rss_mib()}
        if restarts:
            figures |= _restarted(stage)
        figures |= _drained(stage, queued, count)
        if not waiting:
            stage.wait_for_events(queued, _DRAIN_SECONDS)
        return {**figures, **stage.told_apart(shape.events, whole=[] if waiting else None)}


def fill(stage: Stage, count: int, lane: str = "") -> Figures:
    """Queue so many by bulks of 500; how fast they are accepted, and at what cost."""
    began, before = time.monotonic(), stage.spent()
    spent_rendering = 0.0
    for start in range(0, count, _CHUNK):
        chunk = min(_CHUNK, count - start)
        rendering = time.monotonic()
        call = stage.call(BULK_500, chunk, start, lane=lane)
        spent_rendering += time.monotonic() - rendering
        call.begin()
        call.outcome()
    seconds = time.monotonic() - began - spent_rendering
    cost = stage.spent().each(before, count)["gateway_us"]
    return {"accepted_rate": count / seconds, "accept_us": cost}


def _drained(stage: Stage, queued: int, count: int) -> Figures:
    """The carrier comes up: from the first tenth of `count` that went out to `count` more, what each cost, how fast."""
    start, began, before = _mark(stage, 0)
    stage.start_carrier()
    lead = _mark(stage, count // 10)
    if lead[0] <= queued - count // 2:
        start, began, before = lead
    end, ended, after = _mark(stage, min(queued, start + count))
    return {
        "rate": (end - start) / (ended - began),
        **after.each(before, end - start),
        "rss_mib": stage.rss_mib("VmHWM"),
    }


def _restarted(stage: Stage) -> Figures:
    """`kill -9`, and how long it takes until callers are answered again."""
    stage.relay.kill()
    seconds = stage.relay.start()
    return {"ready_s": seconds, "ready_cpu_s": stage.spent().at["gateway"]}


def _mark(stage: Stage, events: int) -> tuple[int, float, Spent]:
    """Once so many were told: how many they are, when, and what was spent until then."""
    stage.wait(lambda: stage.told()["events"] >= events, f"{events} events", _DRAIN_SECONDS)
    told = stage.told()
    return int(told["events"]), time.monotonic(), stage.spent()
