"""The progress of a run on standard error: a bar on a terminal, and words wherever something has to be said."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Shown:
    """A bar for the sending and, where it is waited for, one for the ends. Any thread may say something."""

    def __init__(self, rows: int, *, is_wanted: bool) -> None:
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
        is_shown = is_wanted and self._console.is_terminal and not self._console.is_dumb_terminal
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._progress = Progress(*columns, TimeRemainingColumn(), console=self._console, disable=not is_shown)
        self._sending = self._progress.add_task("rows", total=rows)
        self._ending: TaskID | None = None

    def __enter__(self) -> "Shown":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def sent(self, accepted: int, refused: int) -> None:
        """So many rows were accepted and refused so far."""
        words = f"rows, {refused:,} refused" if refused else "rows"
        self._progress.update(self._sending, completed=accepted + refused, description=words)

    def waits(self, accepted: int) -> None:
        """From now on the ends of so many messages are waited for."""
        self._ending = self._progress.add_task("ended", total=accepted)

    def ended(self, count: int) -> None:
        if self._ending is not None:
            self._progress.update(self._ending, completed=count)

    def say(self, words: str) -> None:
        """A line that stays."""
        self._console.print(words)
