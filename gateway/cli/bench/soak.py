"""The second run of `sluice bench soak`: an hour at 2,000/s with short retention. The backlog is backlog.py's.

Each minute is a line of CSV in a file, so that what was seen of a run cut short is there.
"""

import csv
from collections.abc import Callable
from pathlib import Path

from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.processes import BenchError
from gateway.cli.bench.relays import Sluice
from gateway.cli.bench.row import Context, Figures
from gateway.cli.bench.stage import staged
from gateway.cli.bench.steady import STEADY_PER_SECOND, steadily

_MINUTE_SECONDS = 60.0
FORGETFUL = Shape(
    horizon="2m",
    more="""\
[retention]
text = "0s"
messages = "5m"
events = "5m"
idempotency = "1m"
[lanes.transactional]
validity = "2m"
[lanes.otp]
validity = "2m"
[lanes.promotional]
validity = "2m"
""",
)
"""Everything is forgotten five minutes after its end: the store stops growing soon, if retention keeps up."""


def steady(
    context: Context,
    minutes: int,
    file: Path,
    say: Callable[[str], None],
    slice_seconds: float = _MINUTE_SECONDS,
) -> tuple[list[Figures], str]:
    """A line a minute, into the file too. What was seen, and why it did not come to its end; empty where it did."""
    seen: list[Figures] = []
    try:
        with staged(Sluice(FORGETFUL, context.tree)) as stage, file.open("w", newline="") as out:
            for minute, figures in enumerate(steadily(stage, STEADY_PER_SECOND, slice_seconds, minutes), 1):
                told = {name: None if value is None else round(value, 2) for name, value in figures.items()}
                row = {"minute": minute, **told}
                writer = csv.DictWriter(out, list(row))
                if minute == 1:
                    writer.writeheader()
                writer.writerow(row)
                out.flush()
                say("  ".join(f"{name} {value}" for name, value in row.items()))
                seen.append(figures)
    except BenchError as failure:
        return seen, str(failure)
    return seen, ""
