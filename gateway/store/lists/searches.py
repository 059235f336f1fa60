"""Searches over the messages of all accounts, as support asks: by any id, by a number or its last digits, by the rest.

An id or a whole number is found by its index. Everything else is told by the rows, newest first, a slice at a time, so
that a reader is never held for long and who asked may leave; and it ends when it has taken its time.
"""

import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Protocol

from gateway.identifiers import created_at_ms
from gateway.store.lists import messages
from gateway.store.lists.interface import Found, MessageFilter
from gateway.store.views import MessageRow, Page
from protocol.receipt_keys import exact_key, other_keys

SEARCH_SECONDS = 0.2
"""A page begins no slice that would end much later, if it is as quick as the one before."""
MOST_LOOKED_AT = 2_000_000
"""Rows of a page, whatever the clock says."""
_SLICE, _SLICE_OF_NUMBER, _LARGEST_SLICE = 10_000, 1_000, 200_000
"""Rows; the first is small, as most pages are soon full. To hand one to a reader costs as much as some thousand."""
_SLICE_SECONDS, _LEAST_SECONDS = 0.05, 0.01
_MOST_IDS = 500
_CLIENT_IDS = (
    "SELECT m.id FROM (SELECT DISTINCT account FROM queues) k "
    "CROSS JOIN messages m INDEXED BY messages_client_id ON m.account = k.account AND m.client_id = ? "
    f"ORDER BY m.id DESC LIMIT {_MOST_IDS}"
)
_CARRIERS_IDS = (
    "SELECT message FROM attempts INDEXED BY attempts_by_id_key WHERE carrier = ? AND id_key = ? "
    f"ORDER BY message DESC LIMIT {_MOST_IDS}"
)
_CARRIER = "SELECT carrier FROM attempts WHERE message = ? ORDER BY part DESC, attempt DESC LIMIT 1"


class Read(Protocol):
    """Runs a look-up on a connection of its own."""

    def __call__(self, function: Callable[[sqlite3.Connection], Any], /) -> Awaitable[Any]: ...


def narrowed(
    connection: sqlite3.Connection,
    account: str | None,
    wanted: MessageFilter,
    carrier_id: str | None,
    carriers: Collection[str],
) -> MessageFilter:
    """The same question with the messages that its ids name; `carriers`: all that there are."""
    ids = None if wanted.ids is None else set(wanted.ids)
    if wanted.client_id is not None and account is None:
        found = connection.execute(_CLIENT_IDS, (wanted.client_id,)).fetchall()
        ids = _both(ids, found)
        wanted = wanted._replace(client_id=None)
    if carrier_id is not None:
        asked = carriers if wanted.carrier is None else [wanted.carrier]
        ids = _both(ids, _of_carriers_id(connection, carrier_id, asked))
    return wanted if ids is None else wanted._replace(ids=sorted(ids, reverse=True)[:_MOST_IDS])


def _both(ids: set[int] | None, found: Sequence[tuple[int]]) -> set[int]:
    these = {row[0] for row in found}
    return these if ids is None else ids & these


def _of_carriers_id(connection: sqlite3.Connection, given: str, carriers: Collection[str]) -> list[tuple[int]]:
    """By the id as receipts are matched: as it is, and only if nobody has it so, in the other base."""
    if not (key := exact_key(given)):
        return []
    for keys in ((key,), other_keys(given)):
        found = [
            row
            for one in keys
            for carrier in carriers
            for row in connection.execute(_CARRIERS_IDS, (carrier, one)).fetchall()
        ]
        if found:
            return found
    return []


async def walked(
    read: Read,
    account: str | None,
    wanted: MessageFilter,
    limit: int,
    cursor: int | None,
    clock: Callable[[], float] = time.monotonic,
    slice_: int | None = None,
) -> Found:
    """One page; `clock` in seconds. `slice_`: rows of the first, where not as usual."""
    began = clock()
    end = began + SEARCH_SECONDS
    slice_ = slice_ or (_SLICE if wanted.recipient is None else _SLICE_OF_NUMBER)
    rows: list[MessageRow] = []
    looked_at, looked_back_to = 0, None
    while looked_at < MOST_LOOKED_AT:
        look = partial(messages.messages, account=account, wanted=wanted, limit=limit - len(rows), cursor=cursor)
        page: Page = await read(partial(look, looked_at=slice_))
        rows += page.rows
        cursor, looked_back_to = page.next_cursor, None
        if cursor is None or len(rows) == limit:
            break
        looked_back_to = created_at_ms(cursor)
        now = clock()
        if end - now < _LEAST_SECONDS:
            break
        looked_at += slice_
        slice_ = _next_slice(slice_, now - began, min(end - now, _SLICE_SECONDS))
        began = now
    carriers: dict[int, str] = await read(partial(_carriers, ids=[row.id for row in rows]))
    return Found(rows, carriers, cursor, looked_back_to)


def _next_slice(rows: int, took: float, seconds: float) -> int:
    """As many rows as the seconds suffice for, if each takes as long as those before; not many times as many."""
    suffice = rows * seconds / took if took > 0 else _LARGEST_SLICE
    return int(min(max(suffice, rows / 4), rows * 8, _LARGEST_SLICE)) or 1


def _carriers(connection: sqlite3.Connection, ids: Collection[int]) -> dict[int, str]:
    found = ((message, connection.execute(_CARRIER, (message,)).fetchone()) for message in ids)
    return {message: row[0] for message, row in found if row is not None}
