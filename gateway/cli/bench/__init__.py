"""`sluice bench`: what this gateway does on this machine, row by row: rates, CPU by process, waits, memory.

Gateway, carrier, webhook sink and callers are processes of their own over loopback, with everything on disk. Rows are
taken by turns and shown as medians. `profile` and `soak` in place of rows: see docs/performance.md.
"""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.cli.bench.row import Context

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "bench"
HELP = "measure this gateway on this machine"
_RUNS = 5
_WITHIN_MINUTES = 150
_PROFILE, _SOAK = "profile", "soak"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="names of rows or their beginnings, `profile` or `soak`; default: all"
    )
    parser.add_argument("--list", action="store_true", help="show the rows")
    parser.add_argument("--runs", type=_whole, default=None, metavar="N", help=f"of each row; default {_RUNS}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages and one run: did anything move?")
    parser.add_argument(
        "--within",
        type=_whole,
        default=_WITHIN_MINUTES,
        metavar="N",
        help=f"minutes after which no further run begins; default {_WITHIN_MINUTES}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures, too")
    parser.add_argument("--markdown", action="store_true", help="print the table as a page has it")
    parser.add_argument(
        "--before", type=Path, metavar="DIR", help="another checkout: its gateway takes turns with this one"
    )
    parser.add_argument("--minutes", type=_whole, default=60, metavar="N", help="soak: of steady load; default 60")
    parser.add_argument(
        "--messages", type=_whole, default=10_000_000, metavar="N", help="soak: of the backlog; default 10000000"
    )
    parser.add_argument("--scale", choices=("full", "quick", "tiny"), help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """0; 1 when a run did not come to its end; 2 for a row that does not exist."""
    # What follows needs all of the gateway: `sluice --help` does not.
    from gateway.cli.bench.processes import BenchError
    from gateway.cli.bench.row import Context
    from gateway.cli.bench.scale import FULL, QUICK, TINY

    name = arguments.scale or ("quick" if arguments.quick else "full")
    before = None if arguments.before is None else arguments.before.resolve()
    context = Context({"full": FULL, "quick": QUICK, "tiny": TINY}[name])
    runs = arguments.runs or (_RUNS if name == "full" else 1)
    kept = signal.signal(signal.SIGTERM, _end)
    try:
        return _chosen(arguments, context, runs, before)
    except BenchError as failure:
        print(f"sluice bench: {failure}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, kept)


def _chosen(arguments: argparse.Namespace, context: "Context", runs: int, before: Path | None) -> int:
    from gateway.cli.bench import carried_out
    from gateway.cli.bench.rows import ROWS, named

    if arguments.list:
        for row in ROWS:
            print(f"{row.name:<28}{row.what}")
        return 0
    if arguments.rows == [_SOAK]:
        return carried_out.soak(context, arguments.messages, arguments.minutes, arguments.json)
    if arguments.rows == [_PROFILE]:
        return carried_out.profile(context, runs, before, arguments.json)
    try:
        rows = named(arguments.rows)
    except ValueError as error:
        print(f"sluice bench: {error}", file=sys.stderr)
        return 2
    seen, failed = carried_out.rows(rows, context, runs, before, arguments.within * 60)
    if seen:
        carried_out.tell(seen, as_markdown=arguments.markdown)
    if arguments.json is not None:
        carried_out.write(arguments.json, {"rows": [one.told() for one in seen], "failed": failed})
    if failed:
        print(f"sluice bench: did not come to an end: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _end(number: int, frame: FrameType | None) -> None:
    """As Ctrl-C does, so that no child is left behind."""
    raise KeyboardInterrupt


def _whole(given: str) -> int:
    if not given.isdigit() or not int(given):
        raise argparse.ArgumentTypeError(f"{given!r} is not a whole number above 0")
    return int(given)
