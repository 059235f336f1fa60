"""Binds: what the running gateway says of its own; without one, a bind and an unbind, if that was asked for."""

from collections.abc import Mapping
from typing import Any

import trio

from gateway.cli.calls import CallError
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.cli.probe_lessons import remedy as remedy_of
from gateway.cli.probe_link import bound
from gateway.cli.probe_observed import Observed
from gateway.settings.carriers import Carrier

NAME = "binds"
_find = Findings(NAME)
_UP = frozenset({"bound", "paused"})


async def check(case: Case) -> list[Finding]:
    if case.owner is not None:
        return await _told(case)
    if not case.may_bind:
        why = "no gateway runs, and nothing was bound: some carriers count binds, and one too many ends another"
        return [_find.note("binds", why, "sluice doctor --bind binds once to each carrier and unbinds")]
    found: dict[str, Finding] = {}

    async def try_(carrier: Carrier) -> None:
        found[carrier.name] = await _tried(carrier)

    carriers = list(case.settings.carriers.values())
    async with trio.open_nursery() as nursery:
        for carrier in carriers:
            nursery.start_soon(try_, carrier)
    return [found[carrier.name] for carrier in carriers]


async def _told(case: Case) -> list[Finding]:
    try:
        said = await case.said("/admin/carriers")
    except CallError as error:
        remedy = "give --token (or $SLUICE_OPERATOR_TOKEN), and the address in $SLUICE_OPERATOR_URL if it is another"
        return [_find.warning("binds", f"a gateway runs and was not asked: {error}".splitlines()[0], remedy)]
    return [finding for carrier in said["entities"] for finding in of_carrier(carrier)]


def of_carrier(said: Mapping[str, Any]) -> list[Finding]:
    """Of one entity of /admin/carriers."""
    about = f"carriers.{said['name']}"
    held = said.get("held")
    if held:
        done = "drained" if held["how"] == "drain" else "paused"
        seen = f"{done} by {held['who']} since {held['since']}: it gets no work"
        return [_find.note(about, seen, f"sluice carriers {said['name']} --resume, once it may go on")]
    down = [bind for bind in said["binds"] if bind["state"] not in _UP]
    up = len(said["binds"]) - len(down)
    seen = f"{up} of {len(said['binds'])} binds are up"
    if said.get("alarm"):
        remedy = "ask the carrier about system_id, password and binds; then POST /admin/carriers/NAME/rebind"
        return [_find.fault(about, f"{seen}; it refuses us: {said['alarm']}", remedy)]
    found = []
    for bind in down:
        words = f"{bind['state']} since {bind['since']}: {bind['last_error'] or 'no error was seen yet'}"
        remedy = "do as the error says; docs/carriers.md tells of each; `sluice trace` shows what passes"
        make = _find.warning if up else _find.fault
        found.append(make(bind["name"], _from(bind, words), remedy))
    if up:
        own = sorted({bind.get("local_address") or "" for bind in said["binds"]} - {""})
        found.append(_find.ok(about, seen + (f", from {', '.join(own)}" if own else "")))
    breaker = said.get("breaker")
    if breaker and breaker["state"] == "open":
        remedy = "see its runbook in docs/operations.md; others take its traffic meanwhile"
        found.append(_find.warning(about, f"its breaker is open: {breaker['detail'] or breaker['cause']}", remedy))
    return found


def _from(bind: Mapping[str, Any], words: str) -> str:
    own = bind.get("local_address")
    return f"{words} (from {own})" if own else words


async def _tried(carrier: Carrier) -> Finding:
    about = f"carriers.{carrier.name}"
    if not carrier.hosts:
        return _find.note(about, "only calls (outbind_listen): there is nothing to bind to")
    observed = Observed(text_receipts=False)
    async with bound(carrier, observed):
        if not observed.is_bound:
            return _find.fault(about, f"no bind as {carrier.system_id}", remedy_of(observed))
    took = (observed.connect_seconds or 0.0) + (observed.bind_seconds or 0.0)
    return _find.ok(about, f"took a bind as {carrier.system_id} after {took * 1000:.0f} ms, and an unbind")
