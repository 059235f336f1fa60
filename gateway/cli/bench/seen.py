"""What was seen of a row: the figures of each run, their medians, and how a run is taken with its yardstick."""

from dataclasses import dataclass, field
from typing import Any

from gateway.cli.bench.figures import medians
from gateway.cli.bench.row import Aim, Context, Figures, Row


@dataclass(slots=True)
class Seen:
    """Of one row, with one gateway."""

    name: str
    what: str
    aims: tuple[Aim, ...]
    runs: list[Figures] = field(default_factory=list)

    @property
    def median(self) -> Figures:
        """Figure by figure."""
        return medians(self.runs)

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "what": self.what,
            "aims": [str(aim) for aim in self.aims],
            "runs": self.runs,
            "median": self.median,
        }


def take(row: Row, context: Context) -> Figures:
    """One run, the yardstick before and after it, and the gateway's cost in terms of the carrier's."""
    before = context.yardstick()
    figures = dict(row.measure(context))
    gateway, carrier = figures.get("gateway_us"), figures.get("simulator_us")
    figures["yardstick_us"] = (before + context.yardstick()) / 2
    figures["ratio"] = gateway / carrier if gateway and carrier else None
    return figures
