"""`sluice opt-out`: whether a number has opted out of an account's messages; putting and taking back one by hand."""

import argparse
from collections.abc import Sequence
from urllib.parse import quote

from rich.console import RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import Entity

NAME = "opt-out"
HELP = "look up an account's opt-outs; add or remove one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("account", metavar="ACCOUNT")
    parser.add_argument("number", nargs="?", metavar="NUMBER", help="+34600000001; without it all are listed")
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--add", action="store_true", help="it is written to no more")
    act.add_argument("--remove", action="store_true", help="it may be written to again")
    parser.add_argument("--sender", metavar="SENDER", help="from this sender alone; default: from any of the account")
    parser.add_argument("--why", metavar="WORDS", help="what proves it: kept with an opt-out that is added")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when shown or done; 1 when no gateway answered or the number has not opted out; 2 for an action on none."""
    if (arguments.add or arguments.remove) and arguments.number is None:
        return tables.misused("Say which number: sluice opt-out ACCOUNT NUMBER --add")
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    path = f"/admin/opt-outs/{quote(arguments.account, safe='')}"
    if arguments.number is None:
        return tables.shown(tables.pages(caller, f"{path}?limit={tables.PAGE}"), _picture, as_json=arguments.json)
    path = f"{path}/{quote(arguments.number, safe='+')}"
    scope = f" from {arguments.sender}" if arguments.sender else ""
    if arguments.add:
        given = {"sender": arguments.sender, "why": arguments.why}
        kept = caller.put(path, {name: value for name, value in given.items() if value is not None})
        words = f"{arguments.number} has opted out of what {arguments.account} sends{scope}."
        return tables.done(kept, words, as_json=arguments.json)
    if arguments.remove:
        gone = caller.delete(tables.path_of(path, sender=arguments.sender))
        words = f"{arguments.number} may be written to again by {arguments.account}{scope}."
        return tables.done(gone or {"removed": True}, words, as_json=arguments.json)
    return tables.shown(caller.get(path)["entities"], _picture, as_json=arguments.json)


def _picture(found: Sequence[Entity]) -> RenderableType:
    if not found:
        return Text("No number has opted out.")
    made = tables.table("number =", "of", "since (UTC)", "source", "why")
    for one in found:
        scope = f"sender {one['sender']}" if one["sender"] else "the account"
        made.add_row(one["number"], scope, tables.moment(one["at"]), one["source"] or "", one["why"] or "")
    return made
