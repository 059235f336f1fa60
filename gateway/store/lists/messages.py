"""Lists of messages: plain functions of a connection (see gateway.store.readers).

What narrows most is walked: one client_id, one recipient, the ids of a submission or of a campaign's days; else all ids
of the time range, newest first. The rest is told by the rows themselves, of which a page looks at a bounded number.
"""

import sqlite3
from collections.abc import Collection
from typing import Any, NamedTuple

from gateway.identifiers import SEQUENCE_BITS
from gateway.messages import MessageState, Status, status_of
from gateway.settings.patterns import bare
from gateway.store.lists.bounds import Bounds, bounds_of, cut_off
from gateway.store.lists.interface import InboundFilter, MessageFilter
from gateway.store.readers import MESSAGE_COLUMNS, message_of
from gateway.store.views import InboundRow, Page, page_of

ROWS_LOOKED_AT = 10_000
"""Of a page that walks the ids: some milliseconds."""
ROWS_OF_RECIPIENT = 1_000
"""Of a page that walks the messages to one number, each of which lies elsewhere on the disk."""
_ROWS_OF_SUBMISSION = 20_000
"""Its messages get their ids right before itself: among the last so many before it are all of the largest bulk."""
_LONGEST_CHECK = 3_600_000 << SEQUENCE_BITS
_AFTER_THE_END_MS = 60_000
"""A campaign's messages are older than its end, but for a clock that was set back meanwhile."""
_IDS = "SELECT id FROM messages NOT INDEXED WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?"
_IDS_OF_RECIPIENT = (
    "SELECT id FROM messages INDEXED BY messages_by_recipient WHERE recipient = ? AND id >= ? AND id < ? "
    "ORDER BY id DESC LIMIT 1 OFFSET ?"
)
# CROSS JOIN keeps the order of the two: else the few queues would be walked first, and all would have to be sorted.
_PAGE = (
    f"SELECT {MESSAGE_COLUMNS} FROM messages m {{}} CROSS JOIN queues q ON q.id = m.queue "
    "WHERE {} ORDER BY m.id DESC LIMIT ?"
)
_CAMPAIGN = "SELECT finished_at, account FROM campaigns WHERE id = ?"
_INBOUND_IDS = (
    "SELECT id FROM inbound INDEXED BY inbound_of_account WHERE account = ? AND id >= ? AND id < ? "
    "ORDER BY id DESC LIMIT 1 OFFSET ?"
)
_INBOUND = (
    "SELECT id, carrier, sender, recipient, text, text_erased_at, encoding, parts, complete, at "
    "FROM inbound INDEXED BY inbound_of_account WHERE {} ORDER BY id DESC LIMIT ?"
)


class _Walk(NamedTuple):
    """How the rows of a list are come by."""

    hint: str
    """About the index, for SQLite."""
    bounds: Bounds
    cursor: int | None


def messages(
    connection: sqlite3.Connection,
    account: str | None,
    wanted: MessageFilter,
    limit: int,
    cursor: int | None,
    looked_at: int | None = None,
) -> Page:
    """Newest first; `account` None: of all. `looked_at`: rows, where not as usual."""
    walk = _walk(connection, account, wanted, bounds_of(wanted.after, wanted.before, cursor), looked_at)
    if walk is None:
        return Page([], None)
    conditions, parameters = _conditions(account, wanted, walk.bounds)
    statement = _PAGE.format(walk.hint, " AND ".join(conditions))
    rows = connection.execute(statement, (*parameters, limit + 1)).fetchall()
    return page_of(rows, limit, message_of, walk.cursor)


def _walk(
    connection: sqlite3.Connection, account: str | None, wanted: MessageFilter, bounds: Bounds, looked_at: int | None
) -> _Walk | None:
    """None: there can't be any."""
    if wanted.campaign is not None:
        if wanted.submission is not None:
            return None
        row = connection.execute(_CAMPAIGN, (wanted.campaign,)).fetchone()
        if row is None or account not in (None, row[1]):
            return None
        bounds = bounds.within(wanted.campaign, *_ends(row[0]))
    if wanted.submission is not None:
        bounds = bounds.within(wanted.submission - _LONGEST_CHECK, wanted.submission)
    if wanted.ids is not None or wanted.client_id is not None:
        return _Walk("", bounds, None)
    if wanted.recipient is not None:
        most = looked_at or ROWS_OF_RECIPIENT
        cut = cut_off(connection, _IDS_OF_RECIPIENT, (wanted.recipient,), bounds, most)
        return _Walk("INDEXED BY messages_by_recipient", *cut)
    if wanted.submission is not None:
        cut = cut_off(connection, _IDS, (), bounds, _ROWS_OF_SUBMISSION)
        return _Walk("NOT INDEXED", cut.bounds, None)
    return _Walk("NOT INDEXED", *cut_off(connection, _IDS, (), bounds, looked_at or ROWS_LOOKED_AT))


def _ends(finished_at: int | None) -> tuple[int, ...]:
    return () if finished_at is None else ((finished_at + _AFTER_THE_END_MS) << SEQUENCE_BITS,)


def _conditions(account: str | None, wanted: MessageFilter, bounds: Bounds) -> tuple[list[str], list[Any]]:
    conditions, parameters = ["m.id >= ?", "m.id < ?"], list[Any](bounds)
    if wanted.ids is not None:
        conditions.append(f"m.id IN ({', '.join('?' * len(wanted.ids))})")
        parameters += wanted.ids
    equal = {
        "m.account": account,
        "m.client_id": wanted.client_id,
        "m.recipient": wanted.recipient,
        "m.submission": wanted.submission if wanted.campaign is None else wanted.campaign,
        "m.tag": wanted.tag,
        "q.lane": wanted.lane,
    }
    for column, value in equal.items():
        if value is not None:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if wanted.sender is not None:
        conditions.append("m.sender IN (?, ?)")
        parameters += _spellings(wanted.sender)
    if wanted.ends_with is not None:
        conditions.append(f"substr(m.recipient, -{len(wanted.ends_with)}) = ?")
        parameters.append(wanted.ends_with)
    if wanted.carrier is not None:
        conditions.append("EXISTS (SELECT 1 FROM attempts WHERE message = m.id AND carrier = ?)")
        parameters.append(wanted.carrier)
    if wanted.statuses is not None:
        conditions.append(_stands_so(wanted.statuses))
    return conditions, parameters


def _stands_so(statuses: Collection[Status]) -> str:
    """A condition for public statuses, which follow from the inner state and from whether it was sent before."""
    pairs = [
        2 * state + sent for state in MessageState for sent in (False, True) if status_of(state, sent=sent) in statuses
    ]
    return f"2 * m.state + (m.sent_at IS NOT NULL) IN ({', '.join(map(str, pairs))})"


def _spellings(number: str) -> tuple[str, str]:
    """A sender is given with its plus or without."""
    digits = bare(number)
    return (digits, f"+{digits}") if digits.isdecimal() else (number, number)


def inbound(
    connection: sqlite3.Connection,
    account: str,
    wanted: InboundFilter,
    limit: int,
    cursor: int | None,
    looked_at: int = ROWS_LOOKED_AT,
) -> Page:
    """What came for an account, newest first."""
    bounds = bounds_of(wanted.after, wanted.before, cursor)
    cut = cut_off(connection, _INBOUND_IDS, (account,), bounds, looked_at)
    conditions, parameters = ["account = ?", "id >= ?", "id < ?"], [account, *cut.bounds]
    for column, number in (("sender", wanted.sender), ("recipient", wanted.recipient)):
        if number is not None:
            conditions.append(f"{column} IN (?, ?)")
            parameters += _spellings(number)
    rows = connection.execute(_INBOUND.format(" AND ".join(conditions)), (*parameters, limit + 1)).fetchall()
    return page_of(rows, limit, _inbound, cut.cursor)


def _inbound(row: tuple[Any, ...]) -> InboundRow:
    made = InboundRow._make(row)
    return made._replace(complete=bool(made.complete))
