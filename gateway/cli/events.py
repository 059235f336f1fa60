"""`sluice events`: what webhooks were told and are to be told, of all accounts, and telling one of them again."""

import argparse
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from rich.console import RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import Entity

NAME = "events"
HELP = "what webhooks were told, of all accounts; tell one again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    status = parser.add_mutually_exclusive_group()
    status.add_argument("--failed", action="store_true", help="only those that were given up")
    status.add_argument("--pending", action="store_true", help="only those that wait or are tried again")
    status.add_argument("--replay", metavar="ID", help="tell this one again: evt_...")
    parser.add_argument("--account", metavar="NAME", help="default: all")
    parser.add_argument("--type", metavar="TYPE", help="message.delivered, or several with commas")
    parser.add_argument("--message", metavar="ID", help="those of one message: msg_...")
    tables.add_limit(parser)
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when shown or filed again; 1 when no gateway answered, or there is no such event."""
    return tables.asked(arguments, lambda caller: _run(caller, arguments))


def _run(caller: Caller, arguments: argparse.Namespace) -> int:
    if arguments.replay is not None:
        answer = caller.post(f"/admin/outbox/{quote(arguments.replay, safe='')}/replay", {})
        words = "It is told again." if answer["replayed"] else "It is not told yet, and is still tried: nothing to do."
        return tables.done(answer, words, as_json=arguments.json)
    found = tables.first_of(
        caller,
        arguments,
        "/admin/outbox",
        account=arguments.account,
        status="failed" if arguments.failed else "pending" if arguments.pending else None,
        type=arguments.type,
        message_id=arguments.message,
    )
    return tables.shown(found, _picture, as_json=arguments.json)


def _picture(events: Sequence[Entity]) -> RenderableType:
    if not events:
        return Text("No event is found by this.")
    headings = ("event =", "what =", "account?", "status =", "tries >?", "host?", "last answer", "next try?")
    return tables.listing(headings, map(_row, events))


def _row(event: Entity) -> Sequence[RenderableType]:
    return (
        event["id"],
        event["type"],
        event["account"],
        tables.status(event["status"]),
        str(event["attempts"]),
        urlsplit(event["url"]).hostname or "",
        str(event["last_http_status"] or event["last_error"] or ""),
        tables.until(event["next_try_at"]),
    )
