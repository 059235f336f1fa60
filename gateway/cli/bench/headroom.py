"""Rows about the bench itself: what its carrier and its sink take when a lean sender is all that holds them up."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.bench.processes import Child, cpu_seconds, module
from gateway.cli.bench.row import Context, Figures, Named

_PACKAGE = "gateway.cli.bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom(Named):
    """`smsc`: a submit_sm with its answer and its receipt; `sink`: an event, in calls of 100."""

    part: str

    def measure(self, context: Context) -> Figures:
        folder = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        children: list[Child] = []
        try:
            arguments = ["0", "0"] if self.part == "smsc" else []
            part = Child(self.part, module(f"{_PACKAGE}.{self.part}", *arguments), folder)
            children.append(part)
            port, count = part.hear(), context.scale.pdus
            before = cpu_seconds([part.pid])
            blaster = Child("blaster", module(f"{_PACKAGE}.blaster", self.part, port, str(count)), folder)
            children.append(blaster)
            seconds = blaster.ask("")["seconds"]
            each = (cpu_seconds([part.pid]) - before) / count * 1e6
            return {"rate": count / seconds, "simulator_us" if self.part == "smsc" else "sink_us": each}
        finally:
            for child in children:
                child.end()
            shutil.rmtree(folder, ignore_errors=True)
