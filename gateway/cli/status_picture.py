"""How a gateway stands, for people: what is wrong first, then what flows, what waits, carriers and binds, counts.

The order is that of the console's overview; 80 columns are enough.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.cli import carriers, queues, tables
from gateway.cli.flowing import Figures, course
from gateway.cli.timeline_lines import since, span_text

Standing = Mapping[str, Any]

_FLOWS = {
    "accepted": "messages accepted",
    "sent": "segments sent",
    "delivered": "receipts of delivery",
    "told": "webhook events told",
}
_BARS = 30


def picture(standing: Standing, figures: Figures | None = None) -> RenderableType:
    """`figures`: what flows, where it was looked at more than once."""
    return Group(
        Text(f"The gateway is up for {since(standing['started_at'], standing['at'])}.\n"),
        *_wrong(standing),
        *(_flowing(figures) if figures is not None and figures.rates else []),
        queues.picture(standing["queues"]),
        Text(),
        carriers.binds_of(standing["carriers"]),
        Text(),
        *_breakers(standing),
        _counts(standing),
    )


def _wrong(standing: Standing) -> list[RenderableType]:
    """What is amiss and has been told, and what somebody has stopped by hand."""
    told: list[RenderableType] = []
    alarms = tables.table("alarm", "for", "what is amiss")
    for alarm in standing["alarms"]:
        alarms.add_row(Text(alarm["alarm"], style="bold red"), since(alarm["since"], standing["at"]), alarm["words"])
    if alarms.row_count:
        told += [alarms, Text()]
    stopped = [line for line in (_draining(standing), _held(standing), *_held_carriers(standing)) if line]
    if stopped:
        told += [*(Text(line, style="yellow") for line in stopped), Text()]
    return told


def _draining(standing: Standing) -> str:
    drain = standing.get("draining")
    if not drain:
        return ""
    return (
        f"The gateway is drained by {drain['who']} since {since(drain['since'], standing['at'])}: it takes nothing "
        "new. `sluice drain` tells what is left."
    )


def _held(standing: Standing) -> str:
    held = standing.get("held")
    if not held:
        return ""
    return (
        f"{tables.count_of(held['total'], 'message')} of a restored store are held: `sluice held` shows what a "
        "release would send again."
    )


def _held_carriers(standing: Standing) -> list[str]:
    return [
        f"Carrier {carrier['name']} is {state} {why}"
        for carrier in standing["carriers"]
        if carrier.get("held")
        for state, why in [carriers.state_of(carrier)]
    ]


def _flowing(figures: Figures) -> list[RenderableType]:
    made = tables.table("flows", "a second >", "last minute")
    for name, words in _FLOWS.items():
        made.add_row(words, f"{figures.rates[name]:,.1f}", course(figures.courses[name], _BARS))
    if figures.delivery_seconds is not None:
        made.add_row("nine in ten delivered within", span_text(figures.delivery_seconds), "")
    for kind, rate in sorted(figures.errors.items(), key=lambda pair: -pair[1]):
        made.add_row(Text(f"answers: {kind.replace('_', ' ')}", style="red"), f"{rate:,.1f}", "")
    told: list[RenderableType] = [made, Text()]
    waiting = {lane: count for lane, count in figures.ready.items() if count}
    if waiting:
        lanes = tables.table("lane", "ready >", "oldest >")
        for lane, count in waiting.items():
            lanes.add_row(lane, f"{count:,}", span_text(figures.oldest_seconds.get(lane, 0)))
        told += [lanes, Text()]
    return told


def _breakers(standing: Standing) -> list[RenderableType]:
    """Of the carriers that don't have their whole share."""
    made = tables.table("breaker of", "state", "for", "cause", "next try in", "because")
    for carrier in standing["carriers"]:
        breaker = carrier.get("breaker")
        if breaker is not None and breaker["state"] != "closed":
            made.add_row(
                carrier["name"],
                tables.status(breaker["state"]),
                since(breaker["since"], standing["at"]),
                breaker["cause"] or "it was down",
                since(standing["at"], breaker["retry_at"]) if breaker["retry_at"] else "",
                breaker["detail"] or "",
            )
    return [made, Text()] if made.row_count else []


def _counts(standing: Standing) -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    more = " or more" if standing["more_doubts"] else ""
    made.add_row("messages not sent yet", f"{standing['backlog']:,}", f"of at most {standing['backlog_limit']:,}")
    doubts = Text(f"{standing['doubts']:,}{more}", style="yellow" if standing["doubts"] else "")
    made.add_row("segments in doubt", doubts, "`sluice doubts` lists them" if standing["doubts"] else "")
    made.add_row("webhook events to tell", f"{standing['events_pending']:,}", "")
    made.add_row("receipts of unknown messages", f"{standing['parked']:,}", "")
    for carrier in standing["carriers"]:
        if carrier["receipt_ids"]:
            made.add_row(f"receipt ids of {carrier['name']}", carrier["receipt_ids"], "")
    return made
