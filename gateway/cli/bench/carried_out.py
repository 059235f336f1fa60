"""Carries out what `sluice bench` was asked for, and says what it sees as it goes."""

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.cli.bench import soak as long_runs
from gateway.cli.bench.backlog import worked_off
from gateway.cli.bench.configuration import Shape
from gateway.cli.bench.machine import machine
from gateway.cli.bench.processes import BenchError
from gateway.cli.bench.profile import profiled, table_of
from gateway.cli.bench.row import Context, Figures, Row
from gateway.cli.bench.rows import AGAINST_KANNEL, COMPARED
from gateway.cli.bench.seen import Seen, take
from gateway.cli.bench.table import also, markdown, show, table, wide

_BEFORE = "before: "


def rows(
    wanted: Sequence[Row], context: Context, runs: int, before: Path | None, within_seconds: float = math.inf
) -> tuple[list[Seen], list[str]]:
    """Each row as often as asked for, by turns, so that a busy minute of the machine hits all alike.

    What was seen, and the names of runs that did not come to their end. Cut off, or with its time over before a run
    begins, it is what was seen until then.
    """
    _say(_machine_line())
    trees = [(_BEFORE, before), ("", None)] if before is not None else [("", None)]
    seen = {(row.name, name): Seen(name + row.name, row.what, row.aims) for row in wanted for name, _ in trees}
    failed: list[str] = []
    able = [row for row in wanted if not _is_lacking(row)]
    turns = [(number, row, name, tree) for number in range(1, runs + 1) for row in able for name, tree in trees]
    until = time.monotonic() + within_seconds
    try:
        for number, row, name, tree in turns:
            if time.monotonic() > until:
                failed.append(f"what was left after {within_seconds / 60:.0f} minutes")
                break
            try:
                figures = take(row, replace(context, tree=tree))
            except BenchError as failure:
                _say(f"run {number}  {name}{row.name} FAILED: {failure}")
                failed.append(f"{name}{row.name}")
                continue
            seen[row.name, name].runs.append(figures)
            _say(f"run {number}  {name}{row.name}: {_line(figures)}")
    except KeyboardInterrupt:
        failed.append("what was left when it was interrupted")
    return [one for one in seen.values() if one.runs], failed


def _is_lacking(row: Row) -> bool:
    lack = row.lacks()
    if lack is not None:
        _say(f"{row.name}: left out, {lack}")
    return lack is not None


def tell(seen: Sequence[Seen], *, as_markdown: bool) -> None:
    """The medians."""
    if as_markdown:
        print(f"{_machine_line()}\n\n{markdown(seen)}")
    else:
        show(wide(), seen, _compared(seen))


def _compared(seen: Sequence[Seen]) -> dict[str, tuple[str, ...]]:
    """What is told in terms of what: other rows, Kannel's, and the same row of before."""
    others: dict[str, tuple[str, ...]] = {one.name: (_BEFORE + one.name,) for one in seen}
    for pairs in (COMPARED, AGAINST_KANNEL):
        for ours, theirs in pairs.items():
            others[ours] = (*others.get(ours, ()), *theirs)
    return others


def profile(context: Context, runs: int, before: Path | None, file: Path | None) -> int:
    """Where the microseconds of a message go, by stage; 1 where nothing was seen. Raises BenchError without py-spy."""
    _say(_machine_line())
    trees = [("before", before), ("now", None)] if before is not None else [("now", None)]
    stages = profiled([(name, replace(context, tree=tree)) for name, tree in trees], runs, _say)
    wide().print(table_of(stages))
    if file is not None:
        write(file, {"stages": stages})
    return 0 if stages else 1


def soak(context: Context, messages: int, minutes: int, file: Path | None) -> int:
    """Both long runs; the minutes go into `sluice-soak.csv` here, or beside the JSON; 1 when they were cut short."""
    _say(_machine_line())
    told: list[Seen] = []
    for name, count in (("backlog of few", 0), (f"backlog of {messages:,}", messages)):
        figures = worked_off(context, count, Shape(), restarts=True)
        told.append(Seen(name, name, (), [figures]))
        _say(f"{name}: {_line(figures)}")
    each_minute = (Path() if file is None else file.parent) / "sluice-soak.csv"
    minutes_seen, failure = long_runs.steady(context, minutes, each_minute, _say)
    if minutes_seen:
        told.append(Seen("steady", "the last minute of a steady load", (), minutes_seen[-1:]))
    wide().print(table(told))
    for one in told:
        _say(f"{one.name}: {also(one.median)}")
    if file is not None:
        write(file, {"rows": [one.told() for one in told], "minutes": minutes_seen, "failed": failure})
    if failure:
        _say(f"steady FAILED: {failure}")
    return 1 if failure else 0


def write(file: Path, told: dict[str, Any]) -> None:
    """As JSON, with the machine."""
    file.write_text(json.dumps({"machine": machine(), **told}, indent=1) + "\n", "utf-8")


def _machine_line() -> str:
    return ", ".join(f"{name} {value}" for name, value in machine().items())


def _line(figures: Figures) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in figures.items() if value is not None)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
