"""`sluice held`: what a restore holds, and its release: nothing of it goes to a carrier or an endpoint before."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import ago, console, count_of, done, lines, moment, pages, path_of, shown

NAME = "held"
HELP = "what a restore holds, and its release"
_STATES = ("scheduled", "queued", "retrying", "in_doubt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="message by message")
    what.add_argument("--release", action="store_true", help="send it, marked possible_duplicate")
    what.add_argument(
        "--end", action="store_true", help="never send it: messages end as unknown, campaigns as canceled"
    )
    parser.add_argument("--account", metavar="NAME", help="only this account's")
    parser.add_argument("--lane", metavar="NAME", help="only messages of this lane")
    parser.add_argument("--route", metavar="NAME", help="only messages of this route")
    parser.add_argument("--state", choices=_STATES, help="only messages that stood so in the backup")
    parser.add_argument("--what", choices=("messages", "campaigns", "events"), help="only these")
    parser.add_argument("--yes", action="store_true", help="don't ask, where no filter says what is meant")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when done; 1 when no gateway answered; 2 where it was not confirmed."""
    wanted = {name: getattr(arguments, name) for name in ("account", "lane", "route", "state", "what")}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if (arguments.release or arguments.end) and not wanted and not arguments.yes and not _is_meant(arguments):
        return tables.misused("All that is held would be meant: give a filter, or --yes.")
    return tables.asked(arguments, lambda caller: _do(caller, arguments, wanted))


def _do(caller: Caller, arguments: argparse.Namespace, wanted: Mapping[str, str]) -> int:
    if arguments.release or arguments.end:
        verb, word = ("release", "released") if arguments.release else ("end", "ended")
        answer = caller.post(f"/admin/held/{verb}", wanted)
        words = f"{count_of(answer[word], 'message, campaign or event', 'messages, campaigns and events')} {word}."
        return done(answer, f"{words} It goes on by itself; `sluice held` shows what is left.", as_json=arguments.json)
    if arguments.list:
        path = path_of("/admin/held/messages", limit=tables.PAGE, **wanted)
        return shown(pages(caller, path), _messages, as_json=arguments.json)
    held = caller.get("/admin/held")["held"]
    if arguments.json:
        lines([{"held": held}])
    else:
        console().print(picture(held))
    return 0


def picture(held: Mapping[str, Any] | None) -> RenderableType:
    """For people."""
    if held is None:
        return Text("Nothing is held.")
    groups = tables.table("account", "lane", "route", "stood", "messages >", "accepted from", "to")
    for group in held["groups"]:
        names = (group["account"], group["lane"], group["route"], group["state"].replace("_", " "))
        times = (moment(group["oldest_at"]), moment(group["latest_at"]))
        groups.add_row(*names, f"{group['messages']:,}", *times)
    campaigns = tables.table("campaign =", "account", "name", "recipients waiting >")
    for one in held["campaigns"]:
        campaigns.add_row(one["id"], one["account"], one["campaign_name"], f"{one['waiting']:,}")
    about = f"Held for {ago(held['since'])}, since {held['backup']} of {moment(held['backup_at'])} UTC was restored: "
    parts: list[RenderableType] = [
        Text(f"{about}{count_of(held['total'], 'message')}, {count_of(len(held['campaigns']), 'campaign')}, "
             f"{count_of(held['events'], 'webhook event')}.\n")
    ]  # fmt: skip
    parts += [table for table in (groups, campaigns) if table.row_count]
    parts += [Text(_order(order)) for order in held["orders"]]
    parts.append(Text("\nWhat was sent after the backup would go out a second time. `sluice held --list` has each;"
                      "\n`sluice held --release` sends, `--end` gives up; filters say what."))  # fmt: skip
    return Group(*parts)


def _order(order: Mapping[str, Any]) -> str:
    names = [f"{name} {order[name]}" for name in ("account", "lane", "route", "state", "what") if order[name]]
    return f"Being carried out: {order['order']} {', '.join(names) or 'all'}; {order['done']:,} done."


def _messages(rows: Sequence[tables.Entity]) -> RenderableType:
    if not rows:
        return Text("No message is held.")
    table = tables.table("message =", "to =", "from", "account", "lane", "route", "stood", "accepted")
    for row in rows:
        names = (row["id"], row["to"], row["from"], row["account"], row["lane"], row["route"])
        table.add_row(*names, row["state"].replace("_", " "), moment(row["created_at"]))
    return table


def _is_meant(arguments: argparse.Namespace) -> bool:
    """Whether who sits there says so; where nobody does, it is not."""
    if not sys.stdin.isatty():
        return False
    # Standard output is for what is done: `--json` is read by programs.
    meant = "sent" if arguments.release else "given up"
    print(f"All that is held would be {meant}. Go on? [y/N]", end=" ", file=sys.stderr, flush=True)
    return input().strip().lower() in ("y", "yes")
