"""What a row of the bench is: a name, what it does in words, and one run of it. The rows themselves are in rows.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.cli.bench.scale import Scale
from gateway.cli.bench.yardstick import yardstick_us

Figures = dict[str, float | None]
"""Of one run, by name; table.py knows those that have columns of their own."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure to reach."""

    name: str
    most: float | None = None
    least: float | None = None

    def is_met(self, figures: Figures) -> bool | None:
        """None where the figure is lacking."""
        value = figures.get(self.name)
        if value is None:
            return None
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        words = [f"at most {self.most:g}"] if self.most is not None else []
        words += [f"at least {self.least:,.0f}"] if self.least is not None else []
        return f"{self.name.replace('_', ' ')} {' and '.join(words)}"


@dataclass(frozen=True, slots=True)
class Context:
    """What all rows of a call share."""

    scale: Scale
    tree: Path | None = None
    """Another checkout to take the gateway from."""
    yardstick: Callable[[], float] = yardstick_us
    """How fast the machine is just now, in microseconds."""


class Row(Protocol):
    """One run is one `measure`, on a stage of its own."""

    @property
    def name(self) -> str:
        """As given on the command line."""

    @property
    def what(self) -> str:
        """In words."""

    @property
    def aims(self) -> tuple[Aim, ...]:
        """Figures to reach, if any."""

    def lacks(self) -> str | None:
        """What it needs that is not here, in words; None when it can run."""

    def measure(self, context: Context) -> Figures:
        """One run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What rows have in common."""

    name: str
    what: str
    aims: tuple[Aim, ...] = field(default=())

    def lacks(self) -> str | None:
        return None
