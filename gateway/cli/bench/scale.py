"""How much a run does: whole, quick (to look whether anything moved), or tiny (a test of the bench itself)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Messages and seconds of the kinds of rows."""

    bulk: int
    """Messages of a throughput row that comes in bulks or a stream."""
    singles: int
    """Of one that comes in single posts."""
    warm_up: int
    seconds: float
    """Of a row at a steady pace."""
    backlog: int
    """Messages that wait in a row with a deep backlog."""
    drained: int
    """Of these, how many are looked at on their way out."""
    choices: int
    """Of a route."""
    pdus: int
    """Of the headroom rows."""


FULL = Scale(100_000, 40_000, 2_000, 20.0, 1_000_000, 20_000, 200_000, 200_000)
QUICK = Scale(10_000, 3_000, 1_000, 4.0, 50_000, 8_000, 20_000, 40_000)
TINY = Scale(100, 40, 20, 0.2, 400, 200, 100, 200)
