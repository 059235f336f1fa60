"""Many rows by few statements: what sqlite3 does around a statement costs as much as a row of it.

Nor should None and bytes be bound on the hot path: sqlite3 looks for an adapter for each, which costs as much as five
integers. What is mostly NULL is left out of a statement for the usual rows; a body is bound as a bytearray.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

_ROWS_A_STATEMENT = 25
"""Beyond that nothing is gained; columns times this stay far below SQLite's 32,766 parameters."""


class _Cursor(Protocol):
    @property
    def execute(self) -> Any: ...
    @property
    def executemany(self) -> Any: ...


class Insert:
    """One kind of row; the columns are bound in their order."""

    def __init__(self, table: str, columns: str, *, otherwise: str = "") -> None:
        """`columns` as in SQL; `otherwise`: an ON CONFLICT clause."""
        row = f"({', '.join('?' * len(columns.split(',')))})"
        head = f"INSERT INTO {table} ({columns}) VALUES "
        self.one = f"{head}{row} {otherwise}"
        self._many = f"{head}{', '.join([row] * _ROWS_A_STATEMENT)} {otherwise}"

    def rows(self, cursor: _Cursor, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert them all; how many there are now that were not there before."""
        inserted = 0
        whole = len(rows) - len(rows) % _ROWS_A_STATEMENT
        for start in range(0, whole, _ROWS_A_STATEMENT):
            values = list(chain.from_iterable(rows[start : start + _ROWS_A_STATEMENT]))
            inserted += cursor.execute(self._many, values).rowcount
        if whole < len(rows):
            inserted += cursor.executemany(self.one, rows[whole:]).rowcount
        return inserted


class Select:
    """A query all of whose rows are fetched in one step, as JSON: one by one, that costs more than to find them.

    Not for BLOBs, which JSON has not.
    """

    def __init__(self, columns: str, source: str) -> None:
        """`source`: all from FROM on; an ORDER BY or LIMIT must be inside a subquery of it."""
        self._sql = f"SELECT json_group_array(json_array({columns})) {source}"

    def rows(self, cursor: _Cursor, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        (found,) = cursor.execute(self._sql, values).fetchone()
        return _rows.decode(found)


_rows = msgspec.json.Decoder(list[tuple[Any, ...]])


def as_json(values: Sequence[int | str] | Mapping[int, int | None]) -> str:
    """Values for `json_each(?)`: a statement for all of them, where one for each would cost twice as much."""
    return msgspec.json.encode(values).decode()
