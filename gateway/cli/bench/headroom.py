"""Rows about the bench itself: what its carrier and its sink take when a lean sender is all that holds them up."""

from contextlib import ExitStack
from dataclasses import dataclass

from gateway.cli.bench.processes import Child, cpu_seconds, module
from gateway.cli.bench.row import Context, Figures, Named
from gateway.cli.bench.stage import throw_away_folder

_PACKAGE = "gateway.cli.bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom(Named):
    """`smsc`: a submit_sm with its answer and its receipt; `sink`: an event, in calls of 100."""

    part: str

    def measure(self, context: Context) -> Figures:
        with throw_away_folder() as folder, ExitStack() as children:
            arguments = ["0", "0"] if self.part == "smsc" else []
            part = Child(self.part, module(f"{_PACKAGE}.{self.part}", *arguments), folder)
            children.callback(part.end)
            port, count = part.hear(), context.scale.pdus
            before = cpu_seconds([part.pid])
            blaster = Child("blaster", module(f"{_PACKAGE}.blaster", self.part, port, str(count)), folder)
            children.callback(blaster.end)
            seconds = blaster.ask("")["seconds"]
            each = (cpu_seconds([part.pid]) - before) / count * 1e6
            return {"rate": count / seconds, "simulator_us" if self.part == "smsc" else "sink_us": each}
