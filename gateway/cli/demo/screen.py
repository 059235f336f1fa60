"""How the demo looks: headings, labelled lines, a bar. Plain lines, without colour, where the output is no terminal."""

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

WIDTH = 80
_LABEL = 17
_EVENT_LABEL = 22
_MARGIN = "  "


class _PipedConsole(Console):
    """One that leaves it to the demo to end when nobody reads any more: it has processes to end."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Everything that the demo says goes through here."""

    def __init__(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            # A terminal that has no such character shows another, rather than ending the demo.
            sys.stdout.reconfigure(errors="replace")
        self._console = _PipedConsole(highlight=False, markup=False, emoji=False)
        self.is_terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._width = min(WIDTH, self._console.width) if self._console.is_terminal else WIDTH

    def title(self, text: str) -> None:
        """The first line."""
        self._print(Text(text, style="bold"))

    def heading(self, text: str) -> None:
        """Begins a part of the show."""
        self.blank()
        self._print(Text(text, style="bold cyan"))
        self.blank()

    def blank(self) -> None:
        self._print(Text())

    def say(self, text: str, style: str = "") -> None:
        """A sentence, wrapped."""
        for line in textwrap.wrap(text, self._width - len(_MARGIN)):
            self._print(Text(_MARGIN + line, style=style))

    def row(self, label: str, text: str, style: str = "") -> None:
        """A label, and beside it what there is to say, wrapped."""
        self._beside(label, text, style, _LABEL)

    def event(self, after: str, label: str, text: str, *, bad: bool = False) -> None:
        """One line of a message's life: when, what, and how it went."""
        self._beside(f"{after:>8}  {label}", text, "red" if bad else "", _EVENT_LABEL)

    def _beside(self, label: str, text: str, style: str, width: int) -> None:
        lines = textwrap.wrap(text, max(20, self._width - len(_MARGIN) - width), break_on_hyphens=False) or [""]
        for number, line in enumerate(lines):
            shown = Text(_MARGIN)
            shown.append((label if number == 0 else "").ljust(width), style="cyan" if label else "")
            shown.append(line, style=style)
            self._print(shown)

    def command(self, text: str) -> None:
        """A command to paste: as it is, never wrapped, however narrow the terminal."""
        for line in text.splitlines():
            self._print(Text(_MARGIN + line, style="green"))

    def good(self, text: str) -> None:
        """What the show was about, and it went well."""
        self.say(text, "bold green")

    def failure(self, text: str, log: Sequence[str] = ()) -> None:
        """What went wrong, and the last lines of the log that may tell why."""
        self.blank()
        self.say(text, "bold red")
        for line in log:
            self._print(Text(f"{_MARGIN}| {line}", style="dim"))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """A sign of life while something takes a moment."""
        if not self.is_terminal:
            yield
            return
        with self._console.status(Text(text, style="dim"), spinner="dots"):
            yield

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Call it with the count so far. Not shown where the output is no terminal."""
        if not self.is_terminal:
            yield lambda count: None
            return
        columns = (
            TextColumn(f"{_MARGIN}{label.ljust(_LABEL)}", style="cyan"),
            BarColumn(bar_width=40, complete_style="green", finished_style="green"),
            MofNCompleteColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("", total=total)
            yield lambda count: progress.update(task, completed=count)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
