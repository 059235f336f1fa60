"""`sluice messages`: a list of messages of all accounts, newest first, by what is known of them."""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.console import RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.spans import moment_before
from gateway.cli.tables import Entity

NAME = "messages"
HELP = "list messages of all accounts by number, status, carrier, campaign, time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", dest="number", metavar="NUMBER", help="the whole number")
    parser.add_argument("--ends-with", metavar="DIGITS", help="the last digits of the number")
    parser.add_argument("--client-id", metavar="ID", help="the caller's own id")
    parser.add_argument("--carrier-id", dest="carrier_message_id", metavar="ID", help="the carrier's id of a part")
    parser.add_argument("--carrier", metavar="NAME", help="those that this carrier had")
    parser.add_argument("--campaign", metavar="ID", help="cmp_...")
    parser.add_argument("--status", metavar="STATUS", help="failed, or several with commas: failed,undelivered")
    parser.add_argument("--account", metavar="NAME", help="default: all")
    parser.add_argument("--since", dest="after", metavar="TIME", help="2h, 3d, or a time: 2026-11-21T18:00:00Z")
    parser.add_argument("--before", metavar="TIME", help="the same")
    tables.add_limit(parser)
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with what was found, also where that is nothing; 1 when no gateway told it; 2 for a time that is none."""
    now = datetime.now(UTC)
    try:
        after, before = moment_before(arguments.after, now), moment_before(arguments.before, now)
    except ValueError as fault:
        return tables.misused(str(fault))
    return tables.asked(arguments, lambda caller: _run(caller, arguments, after, before))


def _run(caller: Caller, arguments: argparse.Namespace, after: str | None, before: str | None) -> int:
    names = (
        "number", "ends_with", "client_id", "carrier_message_id", "carrier", "campaign", "status", "account",
    )  # fmt: skip
    wanted = {name: getattr(arguments, name) for name in names}
    limit = max(1, arguments.limit)
    path = tables.path_of("/admin/messages", **wanted, after=after, before=before, limit=min(limit, tables.PAGE))
    if arguments.json:
        tables.lines(itertools.islice(tables.pages(caller, path), limit))
        return 0
    found = _Looked(caller, path)
    return list_of(list(itertools.islice(found, limit)), found.looked_back_to, as_json=False)


class _Looked:
    """For people: a list page by page, and how far back it was looked. Lines of JSON can't tell that, and go on."""

    def __init__(self, caller: Caller, path: str) -> None:
        self._caller = caller
        self._path = path
        self.looked_back_to: str | None = None

    def __iter__(self) -> Iterator[Entity]:
        """A page that a walk of limited length left empty ends it: going on is for who asks again."""
        path = self._path
        while True:
            page = self._caller.get(path)
            self.looked_back_to = page.get("looked_back_to") if page["next_cursor"] else None
            yield from page["entities"]
            if page["next_cursor"] is None or not page["entities"]:
                return
            path = f"{self._path}&cursor={page['next_cursor']}"


def list_of(messages: Sequence[Entity], looked_back_to: str | None, *, as_json: bool) -> int:
    """Shows them; `looked_back_to`: where the look ended before the beginning of the store."""
    if as_json:
        tables.lines(messages)
        return 0
    console = tables.console()
    if messages:
        headings = ("message =", "at (UTC) =", "status =", "to =", "from?", "account?", "lane?", "carrier?")
        console.print(tables.listing(headings, map(_row, messages)))
        console.print(Text("\n`sluice message ID` tells the story of one."))
    else:
        console.print("No message is found by this.")
    if looked_back_to is not None:
        console.print(f"Looked back to {looked_back_to}; `sluice messages` goes on with --before {looked_back_to}")
    return 0


def _row(one: Entity) -> Sequence[RenderableType]:
    at, status = tables.moment_in_list(one["created_at"]), tables.status(one["status"])
    return one["id"], at, status, one["to"], one["from"], one["account"], one["lane"], one["carrier"] or ""
