"""The ids between which a list is looked for: by time, by a cursor, and by how many rows a page looks at."""

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.identifiers import SEQUENCE_BITS

_LAST = (1 << 63) - 1
_LATEST_MS = _LAST >> SEQUENCE_BITS


class Bounds(NamedTuple):
    first: int
    end: int
    """The first id that is beyond them."""

    def within(self, first: int, end: int = _LAST) -> "Bounds":
        """What of them lies in these, too."""
        return Bounds(max(self.first, first), min(self.end, end))


def bounds_of(after_ms: int | None, before_ms: int | None, cursor: int | None) -> Bounds:
    """Ids of a time range, both ends included, before the cursor."""
    first = 0 if after_ms is None else min(max(after_ms, 0), _LATEST_MS) << SEQUENCE_BITS
    end = _LAST if before_ms is None or before_ms >= _LATEST_MS else max(before_ms + 1, 0) << SEQUENCE_BITS
    return Bounds(first, end if cursor is None else min(end, cursor))


class Cut(NamedTuple):
    """What of bounds a page looks at."""

    bounds: Bounds
    cursor: int | None
    """Where the next page goes on, if this one finds fewer than are wanted; None: it looked at all."""


def cut_off(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[Any], bounds: Bounds, looked_at: int
) -> Cut:
    """Only so many rows of the bounds.

    `statement` gives the ids of what is walked, newest first, between two more parameters and from an offset.
    """
    row = connection.execute(statement, (*parameters, *bounds, looked_at - 1)).fetchone()
    return Cut(bounds, None) if row is None else Cut(Bounds(row[0], bounds.end), row[0])
