"""Rows at a steady pace: how long a message takes from the caller's hands to the carrier's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.figures import spread
from gateway.cli.bench.processes import BenchError
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import Posts, Way, number
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import Stage, staged
from gateway.cli.bench.throughput import LEAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Named):
    """Singles at a pace, receipts and webhooks going on beside."""

    per_second: int
    way: Way = LEAN
    shape: Shape = field(default_factory=Shape)

    def measure(self, context: Context) -> Figures:
        with staged(Sluice(self.shape, context.tree)) as stage:
            return paced(stage, self.way, self.per_second, context.scale.seconds, context.scale.warm_up)


def paced(stage: Stage, way: Way, per_second: int, seconds: float, warm_up: int) -> Figures:
    """One run on a stage that is up."""
    stage.post(way, warm_up)
    stage.wait_for_events(warm_up)
    count = int(per_second * seconds)
    call = stage.call(way, count, warm_up, rate=per_second, times=True)
    stage.arrivals()
    before = stage.spent()
    call.begin()
    outcome = call.outcome()
    stage.wait_for_events(warm_up + count)
    spent = stage.spent().each(before, count)
    again = stage.told_apart()
    return {
        "rate": count / (stage.told()["last"] - outcome["began"]),
        **spent,
        "clients_us": outcome["cpu_seconds"] / count * 1e6,
        **to_wire(call.posts, outcome, stage.arrivals()),
        "rss_mib": stage.rss_mib("VmHWM"),
        **again,
    }


def to_wire(posts: Posts, outcome: Mapping[str, Any], arrivals: Mapping[str, float]) -> Figures:
    """From the POST's first octet (`p50_ms`) and from the 201 to the submit_sm's arrival; the POST itself too.

    Raises BenchError where one did not arrive.
    """
    numbers = [number(n).removeprefix("+") for n in range(posts.first, posts.first + posts.count)]
    if lost := [one for one in numbers if one not in arrivals]:
        raise BenchError(f"{len(lost)} of {posts.count} messages did not come to the carrier, the first to {lost[0]}")
    came = [arrivals[one] for one in numbers]
    return {
        **spread("", _between(outcome["begun"], came)),
        **spread("after_201_", _between(outcome["answered"], came)),
        "post_p50_ms": outcome["post_p50_ms"],
        "post_p99_ms": outcome["post_p99_ms"],
    }


def _between(starts: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Milliseconds; 0 where the end was first, as the submit_sm may be written before the 201."""
    return [max(0.0, end - start) * 1000 for start, end in zip(starts, ends, strict=True)]
