"""`sluice queues`: the messages that a free slot could take now, by lane, route and account, and for how long."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich.console import RenderableType
from rich.text import Text

from gateway.cli import tables
from gateway.cli.calls import Caller, RefusedError
from gateway.cli.flowing import oldest_seconds
from gateway.cli.tables import Entity
from gateway.cli.timeline_lines import span_text

NAME = "queues"
HELP = "what waits for a free slot, by lane, route and account"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tables.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """0 with what waits; 1 when no gateway told it."""
    return tables.asked(arguments, lambda caller: _run(caller, as_json=arguments.json))


def _run(caller: Caller, *, as_json: bool) -> int:
    queues = tables.pages(caller, "/admin/queues")
    return tables.shown(queues, lambda found: picture(found, _ages(caller)), as_json=as_json)


def _ages(caller: Caller) -> Mapping[tuple[str, str], float]:
    with suppress(RefusedError):  # a proxy in between may hide the metrics
        return oldest_seconds(caller.text("/metrics"))
    return {}


def picture(queues: Sequence[Entity], ages: Mapping[tuple[str, str], float] | None = None) -> RenderableType:
    """Those in which something waits. `ages`: of the oldest by lane and route, in seconds, where they are known."""
    waiting = [queue for queue in queues if queue["ready"]]
    if not waiting:
        return Text("No message waits for a free slot.")
    made = tables.table("lane", "route", "account", "ready >", *(("oldest >",) if ages else ()), "only by", "not by")
    for queue in waiting:
        age = (ages or {}).get((queue["lane"], queue["route"]))
        made.add_row(
            queue["lane"],
            queue["route"],
            queue["account"],
            f"{queue['ready']:,}",
            *(("" if age is None else span_text(age),) if ages else ()),
            queue["stay"] or "",
            ", ".join(part for part in (queue["avoid"] or "", *queue.get("unfit", ())) if part),
        )
    return made
