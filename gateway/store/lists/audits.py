"""Lists of the audit: plain functions of a connection (see gateway.store.readers)."""

import sqlite3
from typing import Any

from gateway.store.lists.bounds import bounds_of, cut_off
from gateway.store.views import AuditRow, Page, page_of

ROWS_LOOKED_AT = 10_000
"""Of a page: some milliseconds. Then it ends with a cursor, short as it may be."""
_MOST_OF_A_MESSAGE = 500
_COLUMNS = "id, at, who, request_id, what, outcome, message, event, endpoint, replayed"
_IDS = "SELECT id FROM audit NOT INDEXED WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?"
_PAGE = f"SELECT {_COLUMNS} FROM audit NOT INDEXED WHERE {{}} ORDER BY id DESC LIMIT ?"
_OF_MESSAGE = (
    f"SELECT {_COLUMNS} FROM audit INDEXED BY audit_of_message WHERE message = ? ORDER BY id LIMIT {_MOST_OF_A_MESSAGE}"
)


def audit(
    connection: sqlite3.Connection,
    limit: int,
    cursor: int | None,
    who: str | None = None,
    what: str | None = None,
    looked_at: int = ROWS_LOOKED_AT,
) -> Page:
    """What was done by hand, newest first; `who` with or without what stands before its colon."""
    cut = cut_off(connection, _IDS, (), bounds_of(None, None, cursor), looked_at)
    conditions, parameters = ["id >= ?", "id < ?"], list[Any](cut.bounds)
    if who is not None:
        conditions.append("who IN (?, ?, ?)")
        parameters += [who, f"operator:{who}", f"account:{who}"]
    if what is not None:
        conditions.append("what = ?")
        parameters.append(what)
    rows = connection.execute(_PAGE.format(" AND ".join(conditions)), (*parameters, limit + 1)).fetchall()
    return page_of(rows, limit, AuditRow._make, cut.cursor)


def audit_of(connection: sqlite3.Connection, message: int) -> list[AuditRow]:
    """What was done by hand about a message, oldest first."""
    return [AuditRow._make(row) for row in connection.execute(_OF_MESSAGE, (message,)).fetchall()]
