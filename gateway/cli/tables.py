"""What the commands that show something share: tables for people, lines of JSON for programs, lists page by page."""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from gateway.cli import calls
from gateway.cli.calls import OPERATORS, Caller, CallError
from gateway.cli.timeline_lines import since, span_text
from gateway.console.visible import visible_in_place

Entity = Mapping[str, Any]

PAGE = 500
"""Entities asked for at a time: the most that a list of the API gives."""
_WIDE = 110
"""Columns of a terminal from which on a list has all of its own."""
_PIPED_WIDTH = 160
"""What is piped on has no width, and an id is to be copied whole."""
_GOOD = frozenset({"delivered", "bound", "closed", "running", "completed", "able"})
_BAD = frozenset({"failed", "undelivered", "rejected", "refused", "waiting", "open", "unable", "disabled", "down"})
_WARN = frozenset({"unknown", "expired", "paused", "held", "drained", "half_open", "returning", "pending", "loading"})


class _Safe(Console):
    """Takes out what would steer the terminal: senders, ids and receipts are what others wrote."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible_in_place(segment.text))


def console() -> Console:
    """Standard output: as wide as its terminal or COLUMNS; in colour in a terminal alone, and not with NO_COLOR."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED_WIDTH
    return _Safe(width=width, highlight=False, markup=False, emoji=False)


def table(*headings: str) -> Table:
    """A heading that ends in ` >` is one of numbers; one that ends in ` =` is never broken: an id, a number."""
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for heading in headings:
        words, mark = (heading[:-2], heading[-1]) if heading[-2:] in (" >", " =") else (heading, "")
        whole = bool(mark)
        made.add_column(words, justify="right" if mark == ">" else "left", no_wrap=whole, overflow="fold")
    return made


def listing(headings: Sequence[str], rows: Iterable[Sequence[RenderableType]]) -> Table:
    """As `table`; columns whose heading ends in `?` are for terminals that are wide enough for them."""
    is_wide = console().width >= _WIDE
    kept = [index for index, heading in enumerate(headings) if is_wide or not heading.endswith("?")]
    made = table(*(headings[index].removesuffix("?") for index in kept))
    for row in rows:
        made.add_row(*(row[index] for index in kept))
    return made


def notes(lines_of: Iterable[tuple[str, str]]) -> list[RenderableType]:
    """What is said of some of a table's rows, below it, where it has the whole width: `telco/1: refused`."""
    return [Text.assemble((f"{name}: ", "bold"), words) for name, words in lines_of if words]


def facts(pairs: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Two columns: what, and how it is. What is None is left out."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        if value is not None:
            made.add_row(Text(name, style="dim"), value)
    return made


def status(word: str | None) -> Text:
    """A state in its colour."""
    style = "green" if word in _GOOD else "red" if word in _BAD else "yellow" if word in _WARN else ""
    return Text((word or "").replace("_", " "), style=style)


def ago(at: str | None, now: datetime | None = None) -> str:
    """How long ago a time of the API was: `3 min 20 s`; nothing of None."""
    return "" if at is None else since(at, (now or datetime.now(UTC)).isoformat())


def until(at: str | None, now: datetime | None = None) -> str:
    """`in 12.0 s`, or `now` once it has come; nothing of None."""
    if at is None:
        return ""
    left = (datetime.fromisoformat(at) - (now or datetime.now(UTC))).total_seconds()
    return f"in {span_text(left)}" if left > 0 else "now"


def moment(at: str | None) -> str:
    """A time of the API, in UTC: `2026-11-21 18:04:05`."""
    return "" if at is None else f"{at[:10]} {at[11:19]}"


def moment_in_list(at: str | None) -> str:
    """The same for a column of a list, where a narrow terminal has no room for the year."""
    return moment(at) if console().width >= _WIDE else moment(at)[5:]


def count_of(number: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,204 messages`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def path_of(path: str, **wanted: object) -> str:
    """The path with those of the parameters that are given."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def pages(caller: Caller, path: str) -> Iterator[Entity]:
    """The entities of a list, page after page. Raises CallError."""
    cursor: str | None = None
    while True:
        page = caller.get(path if cursor is None else f"{path}{'&' if '?' in path else '?'}cursor={cursor}")
        yield from page["entities"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def first_of(
    caller: Caller, arguments: argparse.Namespace, path: str, *, page: int = PAGE, **wanted: object
) -> Iterator[Entity]:
    """As many of a list as `--limit` says, by pages of at most so many. Raises CallError."""
    limit = max(1, arguments.limit)
    return itertools.islice(pages(caller, path_of(path, **wanted, limit=min(limit, page))), limit)


def lines(entities: Iterable[Entity]) -> None:
    """A JSON object a line, each as it comes."""
    for entity in entities:
        print(json.dumps(entity))


def shown(entities: Iterable[Entity], picture: Callable[[Sequence[Entity]], RenderableType], *, as_json: bool) -> int:
    """A list, to people or to programs; the exit status."""
    if as_json:
        lines(entities)
    else:
        console().print(picture(list(entities)))
    return 0


def done(answer: Any, words: str, *, as_json: bool) -> int:
    """What a command did, to people or to programs; its exit status."""
    print(json.dumps(answer) if as_json else words)
    return 0


def add_limit(parser: argparse.ArgumentParser) -> None:
    """`--limit`, for a list that may be long."""
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many; default: %(default)s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--json`, `--url` and `--token`."""
    parser.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    calls.add_arguments(parser, OPERATORS)


def asked(arguments: argparse.Namespace, work: Callable[[Caller], int]) -> int:
    """What `work` did with the gateway: its exit status, or 1 with the reason on standard error."""
    try:
        with closing(calls.caller_for(arguments, OPERATORS)) as caller:
            return work(caller)
    except CallError as failure:
        sys.stdout.flush()
        print(failure, file=sys.stderr)
        return 1


def misused(words: str) -> int:
    """The exit status of a command that was called wrongly, with the reason on standard error."""
    print(words, file=sys.stderr)
    return 2
