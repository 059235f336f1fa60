"""`sluice carriers`: the carriers and their binds, and pausing, draining, resuming and rebinding one."""

import argparse
from collections.abc import Sequence
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller, CallError
from gateway.cli.tables import Entity

NAME = "carriers"
HELP = "how carriers and their binds stand; pause, drain, resume, rebind one"

_DONE = {
    "pause": "{} is paused: it gets no more work, its binds stay up, its routes' other carriers take over.",
    "drain": "{} is drained: it gets no more work, answers are waited for, then it unbinds and stays so.",
    "resume": "{} gets its share again.",
    "rebind": "Every bind of {} that is down is tried now.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="this carrier alone, with its binds")
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--pause", metavar="WHY", help="no more work for it; its binds stay up. Outlives a restart")
    act.add_argument("--drain", metavar="WHY", help="the same, and once its answers are there it unbinds")
    act.add_argument("--resume", action="store_true", help="ends a pause or a drain")
    act.add_argument("--rebind", action="store_true", help="try its binds that are down, and itself, at once")
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 when shown or done; 1 when no gateway answered or there is no such carrier; 2 for an action on none."""
    # A WHY may be empty, and is meant all the same.
    action = next((name for name in _DONE if getattr(arguments, name) not in (None, False)), None)
    if action is not None and arguments.name is None:
        return tables.misused(f"Say which carrier: sluice carriers NAME --{action}")
    return tables.asked(arguments, lambda caller: _run(caller, arguments, action))


def _run(caller: Caller, arguments: argparse.Namespace, action: str | None) -> int:
    if action is not None:
        why = getattr(arguments, action)
        body = {"why": why} if isinstance(why, str) else {}
        answer = caller.post(f"/admin/carriers/{quote(arguments.name, safe='')}/{action}", body)
        return tables.done(answer, _DONE[action].format(arguments.name), as_json=arguments.json)
    carriers = list(tables.pages(caller, "/admin/carriers"))
    if arguments.name is not None:
        carriers = [carrier for carrier in carriers if carrier["name"] == arguments.name]
        if not carriers:
            raise CallError(f"There is no carrier {arguments.name!r}. `sluice carriers` lists them.")
    shape = picture if arguments.name is None else lambda found: _one(found[0])
    return tables.shown(carriers, shape, as_json=arguments.json)


def picture(carriers: Sequence[Entity]) -> RenderableType:
    """A line for each, those that do not have their whole share first, and below why."""
    if not carriers:
        return Text("No carrier is configured.")
    made = tables.table("carrier", "state", "binds >", "in flight >", "window >", "PDU/s >")
    in_order = sorted(carriers, key=lambda one: state_of(one)[0] == "able")
    for carrier in in_order:
        state, _ = state_of(carrier)
        binds = carrier["binds"]
        up = sum(bind["state"] == "bound" for bind in binds)
        made.add_row(
            carrier["name"],
            tables.status(state),
            f"{up} of {len(binds)}",
            f"{sum(bind['in_flight'] for bind in binds):,}",
            f"{sum(bind['window_limit'] for bind in binds):,}",
            _rate(sum(bind["submit_rate"] for bind in binds)),
        )
    whys = tables.notes((carrier["name"], state_of(carrier)[1]) for carrier in in_order)
    return Group(made, *([Text(), *whys] if whys else []))


def state_of(carrier: Entity) -> tuple[str, str]:
    """In a word, and why: what somebody did goes before what happened."""
    held, breaker = carrier.get("held"), carrier.get("breaker")
    if held:
        how = "paused" if held["how"] == "pause" else "drained"
        why = f": {held['why']}" if held["why"] else ""
        return how, f"by {held['who']}, {tables.ago(held['since'])} ago{why}"
    if carrier.get("alarm"):
        return "refused", str(carrier["alarm"])
    if not carrier["able"]:
        errors = [bind["last_error"] for bind in carrier["binds"] if bind["last_error"]]
        return "unable", errors[0] if errors else "no bind can send"
    if breaker and breaker["state"] != "closed":
        return breaker["state"], breaker["detail"] or breaker["cause"] or ""
    return "able", ""


def _rate(rate: float) -> str:
    return f"{rate:g}" if rate else "no limit"


def _one(carrier: Entity) -> RenderableType:
    state, why = state_of(carrier)
    errors = ", ".join(f"{name} {count:,}" for name, count in carrier.get("errors", {}).items() if count)
    told: list[tuple[str, RenderableType | None]] = [
        ("carrier", Text(carrier["name"])),
        ("state", tables.status(state)),
        ("why", Text(why) if why else None),
        ("receipt ids", Text(carrier["receipt_ids"]) if carrier["receipt_ids"] else None),
        ("errors since the start", Text(errors) if errors else None),
    ]
    return Group(tables.facts(told), Text(), binds_of([carrier]), Text(), _links_of(carrier))


def _links_of(carrier: Entity) -> Table:
    made = tables.table("bind", "mode", "host", "from", "up for", "losses >")
    for bind in carrier["binds"]:
        up = tables.ago(bind.get("bound_since"))
        host, local = bind.get("host") or "", bind.get("local_address") or ""
        made.add_row(bind["name"], bind.get("mode") or "", host, local, up, str(bind.get("losses", 0)))
    return made


def binds_of(carriers: Sequence[Entity]) -> RenderableType:
    """A line for each bind, and below what went wrong last."""
    has_latency = any(bind.get("latency_ms") for carrier in carriers for bind in carrier["binds"])
    headings = ("bind", "state", "for", "window >", "in flight >", "PDU/s >")
    made = tables.table(*headings, *(("answer >",) if has_latency else ()))
    for carrier in carriers:
        for bind in carrier["binds"]:
            latency = f"{bind['latency_ms']} ms" if bind.get("latency_ms") else ""
            made.add_row(
                bind["name"],
                tables.status(bind["state"]),
                tables.ago(bind["since"]),
                window_of(bind["window_limit"], bind["window"]),
                str(bind["in_flight"]),
                _rate(bind["submit_rate"]),
                *((latency,) if has_latency else ()),
            )
    binds = [bind for carrier in carriers for bind in carrier["binds"]]
    errors = tables.notes((bind["name"], bind["last_error"] or "") for bind in binds if bind["state"] != "bound")
    return Group(made, *([Text(), *errors] if errors else []))


def window_of(limit: int, window: int) -> str:
    """How much of a window is used: `20`, `5 of 20`."""
    return str(window) if limit == window else f"{limit} of {window}"
