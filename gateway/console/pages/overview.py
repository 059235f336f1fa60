"""The first page: what is wrong now, then how it goes, live."""

from collections.abc import Sequence

from quart import Response

from gateway.console.amiss import Amiss, Finding
from gateway.console.frame import Frame, Route
from gateway.console.live.readings import ERRORS
from gateway.console.live.sampler import Sampler
from gateway.console.plots import Plot, Series
from gateway.console.rendering import Templates

_MARKS = ("s1", "s2", "s3", "s4", "s5")


class OverviewPages:
    """Overview, over what the sampler has seen."""

    def __init__(self, frame: Frame, sampler: Sampler, amiss: Amiss) -> None:
        self._frame = frame
        self._sampler = sampler
        self._amiss = amiss

    def routes(self) -> list[Route]:
        return [Route("GET", "", self.overview)]

    async def overview(self) -> Response:
        sampler = self._sampler
        return self._frame.page(
            "overview.html",
            title="Overview",
            active="overview",
            findings=self._amiss.findings(),
            plots=self._plots(),
            bars=sampler.bars,
            shape="/".join(sampler.ring.shape or sampler.lanes),
        )

    def _plots(self) -> list[Plot]:
        lanes = self._sampler.ring.shape or self._sampler.lanes
        return [
            self._plot(
                "rate",
                "Messages a second",
                "“Sent” counts parts that carriers took.",
                "rate",
                ("accepted", "sent", "delivered"),
            ),
            self._plot("ready", "Waiting to be sent", "Messages that a free slot could take, by lane.", "count", lanes),
            self._plot("oldest", "Oldest waiting", "How long the oldest of a lane has waited.", "seconds", lanes),
            self._plot(
                "delivery",
                "Time to delivery",
                "From the carrier's taking it, in the last minute.",
                "seconds",
                ("median", "nine in ten"),
            ),
            self._plot(
                "errors",
                "Errors a second",
                "Carriers' answers by class, and receipts that tell no delivery.",
                "rate",
                ERRORS,
            ),
        ]

    def _plot(self, key: str, title: str, hint: str, unit: str, names: Sequence[str]) -> Plot:
        ring = self._sampler.ring
        values = ring.series(key) if ring.samples else [[] for _ in names]
        series = [Series(*given) for given in zip(names, values, _MARKS, strict=False)]
        return Plot(key, title, hint, unit, series)


def amiss_rendered(templates: Templates, findings: Sequence[Finding]) -> str:
    """What is wrong now as a piece of the page."""
    return templates.render("amiss.html", {"findings": findings})
