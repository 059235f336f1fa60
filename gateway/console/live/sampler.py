"""One task that looks once a second, and what it saw, rendered once for all consoles that watch."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import trio
from msgspec import json

from gateway import identifiers
from gateway.console.amiss import Finding
from gateway.console.live import readings
from gateway.console.live.readings import Bar, Totals
from gateway.console.live.ring import Ring, Sample
from gateway.desk.carriers_view import CarrierView
from gateway.metrics.ends import DELIVERY_SECONDS
from gateway.settings import Settings
from gateway.store.ages import QueueAge
from gateway.store.views import QueueRow

log = logging.getLogger("sluice.console")
EVERY_SECONDS = 1.0
DELIVERIES_OF_SECONDS = 60
"""What the time to delivery is worked out of."""
RATES_OF_SECONDS = 5
"""What comes in bursts is a calm line so."""
MOST_LANES = 5
"""Shown apart: the first by priority; more can't be told from each other."""
COMMENT_EVERY = 15
"""Samples between comments, which keep proxies from closing."""


class Sources(NamedTuple):
    """What is looked at. All answer at once."""

    queues: Callable[[], Iterable[QueueRow]]
    ages: Callable[[], Iterable[QueueAge]]
    carriers: Callable[[], Sequence[CarrierView]]
    findings: Callable[[], Sequence[Finding]]
    render: Callable[[Sequence[Finding]], str]
    """What is amiss, as HTML."""


class Sampler:
    """`run` is one task; whoever watches waits for `tick` and takes `octets`."""

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        *,
        clock: Callable[[], float] = trio.current_time,
        now_ms: Callable[[], int] = identifiers.now_ms,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._now_ms = now_ms
        self.ring = Ring()
        self.bars: list[Bar] = []
        self.findings: Sequence[Finding] = ()
        self.tick = trio.Event()
        """Set with the next sample; another one stands here from then on."""
        self.count = 0
        self._seen: deque[tuple[float, Totals]] = deque(maxlen=RATES_OF_SECONDS)
        self._deliveries: deque[list[int]] = deque(maxlen=DELIVERIES_OF_SECONDS + 1)
        self._rendered: dict[str, tuple[int, bytes]] = {}
        self._amiss: tuple[Sequence[Finding], str] | None = None
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        ordered = sorted(settings.lanes.values(), key=lambda lane: (lane.priority, lane.name))
        self.lanes = tuple(lane.name for lane in ordered[:MOST_LANES])

    async def run(self) -> None:
        """Look once a second, until cancelled."""
        while True:
            try:
                self.look()
            except Exception as error:
                # The supervisor of what is only looked at: the plots have a gap then.
                log.exception("a look at the figures failed error=%s", type(error).__name__)
            tick, self.tick = self.tick, trio.Event()
            tick.set()
            await trio.sleep(EVERY_SECONDS)

    def look(self) -> None:
        """One sample."""
        now, found, sources = self._clock(), readings.totals(), self._sources
        carriers = sources.carriers()
        ready, oldest = readings.waiting(sources.queues(), sources.ages(), self.lanes)
        plots: dict[str, list[float | None]] = {
            "rate": [None] * 3,
            "ready": [*ready],
            "oldest": [round(seconds, 1) for seconds in oldest],
            "delivery": self._delivery(found.deliveries),
            "errors": [None] * len(readings.ERRORS),
        }
        if self._seen and now > self._seen[0][0]:
            since, before = self._seen[0]
            plots["rate"] = [_rate(found[n] - before[n], now - since) for n in range(3)]  # type: ignore[operator]
            plots["errors"] = [_rate(a - b, now - since) for a, b in zip(found.errors, before.errors, strict=True)]
        self._seen.append((now, found))
        self.bars, self.findings = readings.bars(carriers), sources.findings()
        self.ring.add(Sample(self._now_ms() // 1000, plots), self.lanes)
        self.count += 1

    def _delivery(self, deliveries: list[int]) -> list[float | None]:
        """Median and nine in ten of the last minute."""
        self._deliveries.append(deliveries)
        counts = [now - then for now, then in zip(deliveries, self._deliveries[0], strict=True)]
        found = [readings.quantile(counts, DELIVERY_SECONDS.bounds, share) for share in (0.5, 0.9)]
        return [None if seconds is None else round(seconds, 2) for seconds in found]

    # --- rendered once for all

    def first(self) -> bytes:
        """What a console is told first: all that is remembered."""
        return self._once("first", lambda: _event("history", {**self.ring.columns(), **self._around()}))

    def octets(self) -> bytes:
        """The last sample."""
        return self._once("sample", self._sample)

    def _sample(self) -> bytes:
        last = self.ring.samples[-1]
        comment = b": still here\n\n" if self.count % COMMENT_EVERY == 0 else b""
        return comment + _event("sample", {"at": last.at, "plots": last.plots, **self._around()})

    def _around(self) -> dict[str, Any]:
        return {"shape": "/".join(self.ring.shape), "bars": self.bars, "amiss": self.amiss()}

    def amiss(self) -> str:
        """What is amiss now, as HTML; rendered anew when it changes."""
        if self._amiss is None or self._amiss[0] != self.findings:
            self._amiss = (self.findings, self._sources.render(self.findings))
        return self._amiss[1]

    def _once(self, name: str, render: Callable[[], bytes]) -> bytes:
        found = self._rendered.get(name)
        if found is None or found[0] != self.count:
            found = self._rendered[name] = (self.count, render())
        return found[1]


def _rate(count: float, seconds: float) -> float:
    return round(count / seconds, 1)


def _event(name: str, value: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + json.encode(value) + b"\n\n"
