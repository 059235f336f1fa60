"""`sluice doubts`: the segments of which nobody knows whether the carrier took them, and their settling by hand."""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway import identifiers
from gateway.cli import calls
from gateway.cli.calls import OPERATORS, Caller, CallError
from gateway.cli.timeline_lines import since, span_text

NAME = "doubts"
HELP = "list what is in doubt, or settle one doubt by hand"

_OUTCOMES = {
    "sent": "the carrier has it: a receipt is waited for.",
    "resend": "it goes out again, marked possible_duplicate.",
    "unknown": "it is not sent again, and its message ends as unknown.",
}
_POLICIES = {"resend": "is sent again", "hold": "ends as unknown"}
_PAGE = 500
_PIPED_WIDTH = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    parser.add_argument(
        "--settle",
        nargs=2,
        metavar=("ID", "OUTCOME"),
        help="say what became of a message: sent (the carrier has it), resend (send it again), unknown (give it up)",
    )
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 when done; 1 when no gateway answered or there is no such doubt; 2 for an id or an outcome that is none."""
    if arguments.settle and arguments.settle[1] not in _OUTCOMES:
        print(f"{arguments.settle[1]!r} is no outcome; say one of {', '.join(_OUTCOMES)}.", file=sys.stderr)
        return 2
    if arguments.settle and identifiers.internal(identifiers.MESSAGE, arguments.settle[0]) is None:
        print(
            f"{arguments.settle[0]!r} is no message's id; they begin with msg_. `sluice doubts` lists those in doubt.",
            file=sys.stderr,
        )
        return 2
    try:
        with closing(calls.caller_for(arguments, OPERATORS)) as caller:
            if arguments.settle:
                message, outcome = arguments.settle
                caller.post(f"/admin/doubts/{message}/settle", {"outcome": outcome})
                print(f"{message} is settled as {outcome}: {_OUTCOMES[outcome]}")
                return 0
            doubts = doubts_of(caller)
    except CallError as failure:
        print(failure, file=sys.stderr)
        return 1
    if arguments.json:
        for doubt in doubts:
            print(json.dumps(doubt))
    else:
        _show(doubts)
    return 0


def doubts_of(caller: Caller) -> list[Mapping[str, Any]]:
    """All of them, page by page. Raises CallError."""
    found: list[Mapping[str, Any]] = []
    path = f"/admin/doubts?limit={_PAGE}"
    cursor: str | None = None
    while True:
        page = caller.get(path if cursor is None else f"{path}&cursor={cursor}")
        found += page["entities"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _show(doubts: list[Mapping[str, Any]]) -> None:
    if not doubts:
        print("Nothing is in doubt: every segment is unsent, or has its carrier's answer.")
        return
    now = datetime.now(UTC)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in ("message", "to", "bind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("lane", "sent", "unless settled before"):
        table.add_column(heading, overflow="fold")
    for doubt in doubts:
        part = f", part {doubt['part']}" if doubt["part"] > 1 else ""
        table.add_row(
            f"{doubt['id']}{part}",
            doubt["to"],
            doubt["bind"],
            doubt["lane"],
            f"{since(doubt['claimed_at'], now.isoformat())} ago",
            f"{_POLICIES.get(doubt['settled_by'], doubt['settled_by'])} {_in(doubt['due_at'], now)}",
        )
    # An id is to be copied whole, and what is piped on has no width.
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)
    print("\nSettle one by hand: sluice doubts --settle ID sent|resend|unknown")


def _in(at: str, now: datetime) -> str:
    left = (datetime.fromisoformat(at) - now).total_seconds()
    return f"in {span_text(left)}" if left > 0 else "now"
