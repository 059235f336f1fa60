"""`sluice audit`: who did what by hand, newest first."""

import argparse
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import Entity

NAME = "audit"
HELP = "who did what by hand, newest first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--who", metavar="WHO", help="operator:anna, account:shop")
    parser.add_argument("--what", metavar="WHAT", help="cancel, replay, settle, reveal, ...")
    tables.add_limit(parser)
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with what was done; 1 when no gateway told it."""
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    found = tables.first_of(caller, arguments, "/admin/audit", who=arguments.who, what=arguments.what)
    return tables.shown(found, _picture, as_json=arguments.json)


def _picture(rows: Sequence[Entity]) -> RenderableType:
    if not rows:
        return Text("Nothing was done by hand.")
    return tables.listing(("at (UTC) =", "who", "what", "outcome?", "message or event ="), map(_row, rows))


def _row(row: Entity) -> Sequence[RenderableType]:
    about = row["message"] or row["event"] or ""
    return tables.moment_in_list(row["at"]), row["who"], row["what"].replace("_", " "), row["outcome"] or "", about
