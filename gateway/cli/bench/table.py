"""How the bench shows what it saw: a table on the terminal, Markdown for a page, ratios against Kannel."""

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.cli.bench.row import Figures
from gateway.cli.bench.seen import Seen

_COLUMNS = (
    ("rate", "messages/s"),
    ("gateway_us", "gateway µs"),
    ("simulator_us", "carrier µs"),
    ("sink_us", "sink µs"),
    ("clients_us", "clients µs"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("rss_mib", "RSS MiB"),
    ("yardstick_us", "yardstick µs"),
    ("ratio", "gateway/carrier"),
)
_RATIOS = (("rate", "messages/s"), ("gateway_us", "CPU"), ("p50_ms", "p50"), ("p99_ms", "p99"))
_WIDTH = 140
"""Columns: on a narrower terminal lines are broken rather than figures cut."""
_KNOWN = {name for name, _ in _COLUMNS}


def table(seen: Iterable[Seen]) -> Table:
    """A row each, with its medians; aims that were missed are said."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    shown.add_column("row", no_wrap=True)
    for _, title in _COLUMNS:
        shown.add_column(title.replace(" ", "\n").replace("/", "/\n"), justify="right", no_wrap=True)
    for one in seen:
        figures = one.median
        shown.add_row(one.name, *(_cell(figures.get(name)) for name, _ in _COLUMNS))
    return shown


def markdown(seen: Sequence[Seen]) -> str:
    """The same as a table of a page, with what each row is in words, and the figures that have no column."""
    titles = ["run", *(title for _, title in _COLUMNS), "also"]
    lines = ["| " + " | ".join(titles) + " |", "| " + " | ".join(["---"] * len(titles)) + " |"]
    for one in seen:
        cells = [_cell(one.median.get(name)) for name, _ in _COLUMNS]
        lines.append("| " + " | ".join([f"{one.what} (`{one.name}`)", *cells, also(one.median)]) + " |")
    return "\n".join(lines)


def also(figures: Figures) -> str:
    """Figures that have no column."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_cell(value)}" for name, value in figures.items() if name not in _KNOWN
    )


def aims(seen: Iterable[Seen]) -> list[str]:
    """A line for each figure to reach."""
    lines = []
    for one in seen:
        for aim in one.aims:
            is_met = aim.is_met(one.median)
            if is_met is not None:
                value = _cell(one.median[aim.name])
                lines.append(f"{'reached' if is_met else 'MISSED'}  {one.name}: {aim}; seen {value}")
    return lines


def ratios(seen: Sequence[Seen], against: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Ours in terms of another's, where both ran."""
    by_name = {one.name: one.median for one in seen}
    lines = []
    for ours, others in against.items():
        for other in others:
            if ours in by_name and other in by_name:
                told = [
                    f"{title} x {mine / theirs:.2f}"
                    for name, title in _RATIOS
                    if (mine := by_name[ours].get(name)) and (theirs := by_name[other].get(name))
                ]
                lines.append(f"{ours} against {other}: {', '.join(told)}")
    return lines


def show(console: Console, seen: Sequence[Seen], against: Mapping[str, tuple[str, ...]]) -> None:
    """All of it on a terminal."""
    console.print(table(seen))
    for line in [
        *(f"{one.name}: {told}" for one in seen if (told := also(one.median))),
        *aims(seen),
        *ratios(seen, against),
    ]:
        console.print(line, highlight=False, soft_wrap=True)


def wide() -> Console:
    """Standard output, of a width that shows figures whole."""
    console = Console()
    return console if console.width >= _WIDTH else Console(width=_WIDTH)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
