"""`sluice status`: how a running gateway stands: its carriers and binds, what waits, what is in doubt."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, Caller, CallError, NotReachableError
from gateway.cli.timeline_lines import since

NAME = "status"
HELP = "carriers, binds, queues and doubts of a running gateway"

_LOOK_EVERY_SECONDS = 1.0
_DOUBTS_SHOWN = 500
_STYLES = {"bound": "green", "paused": "yellow", "waiting": "red", "closed": "red", "refused": "bold red"}

Standing = Mapping[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="look again each second, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="as one line of JSON, for programs")
    calls.add_arguments(parser, OPERATORS)


def run(arguments: argparse.Namespace) -> int:
    """0 with the state on standard output; 1 when no gateway told it."""
    try:
        caller = calls.caller_for(arguments, OPERATORS)
        if arguments.watch:
            return _watch(caller, as_json=arguments.json)
        standing = standing_of(caller)
    except CallError as failure:
        print(failure, file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(standing))
    else:
        _console().print(picture(standing))
    return 0


def standing_of(caller: Caller) -> Standing:
    """All that is shown, in one object. Raises CallError."""
    doubts = caller.get(f"/admin/doubts?limit={_DOUBTS_SHOWN}")
    return {
        **caller.get("/admin/status"),
        "queues": caller.get("/admin/queues")["entities"],
        "doubts": len(doubts["entities"]),
        "more_doubts": doubts["next_cursor"] is not None,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def picture(standing: Standing) -> RenderableType:
    """The same for people."""
    return Group(
        Text(f"The gateway is up for {since(standing['started_at'], standing['at'])}.\n"),
        *_alarms(standing),
        _binds(standing),
        Text(),
        *_breakers(standing),
        _queues(standing["queues"]),
        Text(),
        _counts(standing),
    )


def _alarms(standing: Standing) -> list[RenderableType]:
    """What is amiss, and has been told."""
    table = _table("alarm", "for", "what is amiss")
    for alarm in standing["alarms"]:
        told = (since(alarm["since"], standing["at"]), alarm["words"])
        table.add_row(Text(alarm["alarm"], style="bold red"), *told)
    return [table, Text()] if table.row_count else []


def _binds(standing: Standing) -> Table:
    table = _table("bind", "state", "for", "window >", "in flight >", "PDU/s >", "last error")
    for carrier in standing["carriers"]:
        for bind in carrier["binds"]:
            table.add_row(
                bind["name"],
                Text(bind["state"], style=_STYLES.get(bind["state"], "")),
                since(bind["since"], standing["at"]),
                _window(bind["window_limit"], bind["window"]),
                str(bind["in_flight"]),
                f"{bind['submit_rate']:g}" if bind["submit_rate"] else "no limit",
                bind["last_error"] or "",
            )
    return table


def _breakers(standing: Standing) -> list[RenderableType]:
    """Of the carriers that don't have their whole share."""
    table = _table("breaker of", "state", "for", "cause", "next try in", "because")
    for carrier in standing["carriers"]:
        breaker = carrier.get("breaker")
        if breaker is not None and breaker["state"] != "closed":
            state = breaker["state"]
            retry_in = since(standing["at"], breaker["retry_at"]) if breaker["retry_at"] else ""
            table.add_row(
                carrier["name"],
                Text(state.replace("_", " "), style="red" if state == "open" else "yellow"),
                since(breaker["since"], standing["at"]),
                breaker["cause"] or "it was down",
                retry_in,
                breaker["detail"] or "",
            )
    return [table, Text()] if table.row_count else []


def _window(limit: int, window: int) -> str:
    return str(window) if limit == window else f"{limit} of {window}"


def _queues(queues: list[Mapping[str, Any]]) -> RenderableType:
    waiting = [queue for queue in queues if queue["ready"]]
    if not waiting:
        return Text("No message waits for a free slot.")
    table = _table("lane", "route", "account", "ready >", "only by", "not by")
    for queue in waiting:
        names = (queue["lane"], queue["route"], queue["account"], f"{queue['ready']:,}")
        table.add_row(*names, queue["stay"] or "", queue["avoid"] or "")
    return table


def _counts(standing: Standing) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    more = " or more" if standing["more_doubts"] else ""
    table.add_row("messages not sent yet", f"{standing['backlog']:,}", f"of at most {standing['backlog_limit']:,}")
    doubts = Text(f"{standing['doubts']:,}{more}", style="yellow" if standing["doubts"] else "")
    table.add_row("segments in doubt", doubts, "`sluice doubts` lists them" if standing["doubts"] else "")
    table.add_row("webhook events to tell", f"{standing['events_pending']:,}", "")
    table.add_row("receipts of unknown messages", f"{standing['parked']:,}", "")
    for carrier in standing["carriers"]:
        if carrier["receipt_ids"]:
            table.add_row(f"receipt ids of {carrier['name']}", carrier["receipt_ids"], "")
    return table


def _table(*headings: str) -> Table:
    """A heading that ends in ` >` is one of numbers."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in headings:
        table.add_column(heading.removesuffix(" >"), justify="right" if heading.endswith(" >") else "left")
    return table


def _watch(caller: Caller, *, as_json: bool) -> int:
    """Goes on while the gateway is away: it may be restarting."""
    console = _console()
    try:
        if as_json:
            while True:
                print(json.dumps(standing_of(caller)), flush=True)
                time.sleep(_LOOK_EVERY_SECONDS)
        if not console.is_terminal or console.is_dumb_terminal:
            while True:
                console.print(_picture_now(caller), end="\n\n")
                time.sleep(_LOOK_EVERY_SECONDS)
        with Live(_picture_now(caller), console=console, auto_refresh=False) as live:
            while True:
                live.update(_picture_now(caller), refresh=True)
                time.sleep(_LOOK_EVERY_SECONDS)
    except KeyboardInterrupt:
        return 0


def _picture_now(caller: Caller) -> RenderableType:
    try:
        return picture(standing_of(caller))
    except NotReachableError as failure:
        return Text(str(failure), style="red")


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)
