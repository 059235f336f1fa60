"""`sluice campaigns`: the campaigns of all accounts, one with its variants, and pausing, resuming, canceling one."""

import argparse
import json
from collections.abc import Sequence
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller
from gateway.cli.tables import Entity

NAME = "campaigns"
HELP = "campaigns of all accounts; one with its variants; pause, resume, cancel one"

_PAGE = 50
"""A campaign comes with its counts and variants, so a page of them is a small one."""
_ACTIONS = ("pause", "resume", "cancel")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="this one alone: cmp_...")
    parser.add_argument("--account", metavar="NAME", help="default: all")
    parser.add_argument("--status", metavar="STATUS", help="running, or several with commas: running,paused")
    tables.add_limit(parser)
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--pause", action="store_true", help="no more of its messages are made until it is resumed")
    act.add_argument("--resume", action="store_true", help="it goes on")
    act.add_argument("--cancel", action="store_true", help="what is not sent yet is not sent")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when shown or done; 1 when no gateway answered or it can't be done; 2 for an action on none."""
    action = next((name for name in _ACTIONS if getattr(arguments, name)), None)
    if action is not None and arguments.id is None:
        return tables.misused(f"Say which campaign: sluice campaigns ID --{action}")
    return tables.asked(arguments, lambda caller: _run(caller, arguments, action))


def _run(caller: Caller, arguments: argparse.Namespace, action: str | None) -> int:
    if arguments.id is None:
        return _list(caller, arguments)
    path = f"/admin/campaigns/{quote(arguments.id, safe='')}"
    campaign = caller.get(path) if action is None else caller.post(f"{path}/{action}", {})
    if arguments.json:
        print(json.dumps(campaign))
    else:
        tables.console().print(_one(campaign))
    return 0


def _list(caller: Caller, arguments: argparse.Namespace) -> int:
    wanted = {"account": arguments.account, "status": arguments.status}
    found = tables.first_of(caller, arguments, "/admin/campaigns", page=_PAGE, **wanted)
    return tables.shown(found, _picture, as_json=arguments.json)


def _picture(campaigns: Sequence[Entity]) -> RenderableType:
    if not campaigns:
        return Text("No campaign is found by this.")
    headings = ("campaign =", "name", "account?", "status =", "done >", "of >?", "delivered >", "per s >?", "end?")
    return tables.listing(headings, map(_row, campaigns))


def _row(one: Entity) -> Sequence[RenderableType]:
    return (
        one["id"],
        one["campaign_name"],
        one["account"],
        tables.status(one["status"]),
        f"{one['progress']:.0%}",
        f"{one['recipients']['accepted']:,}",
        f"{one['counts']['delivered']:,}",
        f"{one['rate']:g}",
        _end(one),
    )


def _end(campaign: Entity) -> str:
    if campaign["finished_at"]:
        return tables.moment(campaign["finished_at"])
    return tables.until(campaign["expected_end"])


def _one(campaign: Entity) -> RenderableType:
    told = {name.replace("_", " "): count for name, count in campaign["counts"].items() if count}
    counts = ", ".join(f"{name} {count:,}" for name, count in told.items())
    taken = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in campaign["recipients"].items())
    parts: list[RenderableType] = [
        tables.facts(
            [
                ("campaign", Text(campaign["id"])),
                ("name", Text(campaign["campaign_name"])),
                ("account", Text(campaign["account"])),
                ("status", tables.status(campaign["status"])),
                ("why", Text(campaign["failure"]) if campaign["failure"] else None),
                ("recipients", Text(taken)),
                ("stand", Text(counts or "nothing is made yet")),
                ("progress", Text(f"{campaign['progress']:.1%}, {campaign['rate']:g} a second")),
                ("end", Text(_end(campaign)) if _end(campaign) else None),
            ]
        )
    ]
    if len(campaign["variants"]) > 1:
        made = tables.table("variant", "sent >", "delivered >", "rate >", "opted out >")
        for one in campaign["variants"]:
            rate = f"{one['delivered'] / one['sent']:.1%}" if one["sent"] else ""
            made.add_row(one["variant"], f"{one['sent']:,}", f"{one['delivered']:,}", rate, f"{one['opted_out']:,}")
        parts += [Text(), made]
    return Group(*parts)
