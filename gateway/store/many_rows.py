"""Many rows by few statements: what sqlite3 does around a statement costs as much as a row of it.

Nor should None and bytes be bound on the hot path: sqlite3 looks for an adapter for each, which costs as much as five
integers. What is mostly NULL is left out of a statement for the usual rows; a body is bound as a bytearray.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

_SIZES = (25, 12, 6, 3, 1)
"""How many rows a statement has: beyond that nothing is gained, and columns times this stay far below SQLite's 32,766
parameters. So each number of rows takes few statements, and each of these is prepared once."""


class _Cursor(Protocol):
    @property
    def execute(self) -> Any: ...


class Insert:
    """One kind of row; the columns are bound in their order."""

    def __init__(self, table: str, columns: str, *, fixed: str = "", otherwise: str = "") -> None:
        """`columns` as in SQL; `fixed`: what the last of them have in all rows, as SQL; `otherwise`: an ON CONFLICT
        clause."""
        of_all = fixed.split(", ") if fixed else []
        row = f"({', '.join(['?'] * (len(columns.split(',')) - len(of_all)) + of_all)})"
        head = f"INSERT INTO {table} ({columns}) VALUES "
        self._statements = [(size, f"{head}{', '.join([row] * size)} {otherwise}") for size in _SIZES]
        self.one = self._statements[-1][1]

    def rows(self, cursor: _Cursor, rows: Sequence[tuple[Any, ...]]) -> int:
        """Write them all; how many were."""
        written, start, left = 0, 0, len(rows)
        for size, statement in self._statements:
            while left >= size:
                values = list(chain.from_iterable(rows[start : start + size]))
                written += cursor.execute(statement, values).rowcount
                start, left = start + size, left - size
        return written


class Update(Insert):
    """The same columns of many rows, each to values of its own, by few statements, where `executemany` makes a step
    of each, at which another thread may take the interpreter.

    Only for rows that are known to be there: what is not would be inserted.
    """

    def __init__(self, table: str, key: str, columns: str, fixed: Mapping[str, str], *, only: str = "") -> None:
        """`key` and `columns` as in SQL, bound in their order; `fixed`: those that have the same in all rows, and what
        else the table asks of a new row, as SQL; `only`: a condition of the row that is there."""
        bound = [name for name in f"{key}, {columns}".split(", ") if name not in fixed]
        values = ", ".join([f"{name} = excluded.{name}" for name in columns.split(", ")])
        super().__init__(
            table,
            ", ".join([*bound, *fixed]),
            fixed=", ".join(fixed.values()),
            otherwise=f"ON CONFLICT ({key}) DO UPDATE SET {values}{only and f' WHERE {only}'}",
        )


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
