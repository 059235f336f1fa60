"""Rows of an OTP beside what others queue: a carrier at 200 a second, and each code at once."""

import time
from dataclasses import dataclass

from gateway.cli.bench.backlog import fill
from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.latency import to_wire
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.requests import Way
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import Stage, staged

_CARRIER_RATE = 200
_PER_SECOND = 20
_WAY = Way("/v1/sms", 1, "lean", 8)
_FIRST = 50_000_000
_SETTLING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes(Named):
    """OTPs at a pace, with or without a promotional backlog of `Scale.backlog`."""

    is_crowded: bool

    def measure(self, context: Context) -> Figures:
        shape = Shape(submit_rate=_CARRIER_RATE)
        with staged(Sluice(shape, context.tree), with_carrier=False) as stage:
            if self.is_crowded:
                fill(stage, context.scale.backlog, lane="promotional")
            stage.start_carrier()
            stage.wait(lambda: stage.carrier()["binds"] >= 1, "the bind")
            time.sleep(_SETTLING_SECONDS)
            return codes(stage, int(_PER_SECOND * context.scale.seconds))


def codes(stage: Stage, count: int) -> Figures:
    """The OTPs' way to the wire."""
    call = stage.call(_WAY, count, _FIRST, rate=_PER_SECOND, times=True, lane="otp", text="Your code is {n}")
    stage.arrivals()
    taken, began, before = stage.carrier()["taken"], time.monotonic(), stage.spent()
    call.begin()
    outcome = call.outcome()
    more = int(stage.carrier()["taken"] - taken)
    rate, spent = more / (time.monotonic() - began), stage.spent()
    time.sleep(_SETTLING_SECONDS)
    return {
        "rate": rate,
        **spent.each(before, max(1, more)),
        **to_wire(call.posts, outcome, stage.arrivals()),
        "rss_mib": stage.rss_mib("VmHWM"),
        **stage.told_apart(whole=[(_FIRST, _FIRST + count)]),
    }
