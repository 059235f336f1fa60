"""`sluice doubts`: the segments of which nobody knows whether the carrier took them, and their settling by hand."""

import argparse
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from gateway import identifiers
from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import Entity

NAME = "doubts"
HELP = "list what is in doubt, or settle one doubt by hand"

_OUTCOMES = {
    "sent": "the carrier has it: a receipt is waited for.",
    "resend": "it goes out again, marked possible_duplicate.",
    "unknown": "it is not sent again, and its message ends as unknown.",
}
_POLICIES = {"resend": "is sent again", "hold": "ends as unknown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settle",
        nargs=2,
        metavar=("ID", "OUTCOME"),
        help="say what became of a message: sent (the carrier has it), resend (send it again), unknown (give it up)",
    )
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when done; 1 when no gateway answered or there is no such doubt; 2 for an id or an outcome that is none."""
    if arguments.settle and arguments.settle[1] not in _OUTCOMES:
        return tables.misused(f"{arguments.settle[1]!r} is no outcome; say one of {', '.join(_OUTCOMES)}.")
    if arguments.settle and identifiers.internal(identifiers.MESSAGE, arguments.settle[0]) is None:
        return tables.misused(
            f"{arguments.settle[0]!r} is no message's id; they begin with msg_. `sluice doubts` lists those in doubt."
        )
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    if arguments.settle:
        message, outcome = arguments.settle
        answer = caller.post(f"/admin/doubts/{message}/settle", {"outcome": outcome})
        words = f"{message} is settled as {outcome}: {_OUTCOMES[outcome]}"
        return tables.done(answer, words, as_json=arguments.json)
    doubts = tables.pages(caller, f"/admin/doubts?limit={tables.PAGE}")
    return tables.shown(doubts, _picture, as_json=arguments.json)


def _picture(doubts: Sequence[Entity]) -> RenderableType:
    if not doubts:
        return Text("Nothing is in doubt: every segment is unsent, or has its carrier's answer.")
    made = tables.table("message =", "to =", "bind =", "lane", "sent", "unless settled before")
    for doubt in doubts:
        part = f", part {doubt['part']}" if doubt["part"] > 1 else ""
        made.add_row(
            f"{doubt['id']}{part}",
            doubt["to"],
            doubt["bind"],
            doubt["lane"],
            f"{tables.ago(doubt['claimed_at'])} ago",
            f"{_POLICIES.get(doubt['settled_by'], doubt['settled_by'])} {tables.until(doubt['due_at'])}",
        )
    return Group(made, Text("\nSettle one by hand: sluice doubts --settle ID sent|resend|unknown"))
