"""Lists of events, the outbox: plain functions of a connection (see gateway.store.readers).

An account's events are walked by its index, newest first; those of one message by the chain that they form.
"""

import sqlite3
from typing import Any

from gateway.settings.types import EventType
from gateway.store.lists.bounds import Bounds, bounds_of, cut_off
from gateway.store.lists.interface import EventFilter
from gateway.store.message_events import BLOCKED, GIVEN_UP, HELD, IN_DELIVERY, PENDING, TOLD
from gateway.store.views import EventRow, Page

EVENTS_LOOKED_AT = 10_000
"""A page of the outbox is cut off after so many events that are not asked for; its cursor goes on from there."""
_MOST_OF_A_MESSAGE = 1_000
_STATES = {"pending": (HELD, BLOCKED, PENDING, IN_DELIVERY), "delivered": (TOLD,), "failed": (GIVEN_UP,)}
_STATUS = {state: status for status, states in _STATES.items() for state in states}
_EVENT = (
    "SELECT e.id, e.account, e.type, e.message, e.state, coalesce(e.url, n.url), d.due, e.delivery, e.body, "
    "e.told_at, e.http_status "
    "FROM events e JOIN endpoints n ON n.id = e.endpoint LEFT JOIN deliveries d ON d.id = e.delivery WHERE e.id = ?"
)
_LATEST_TRY = "SELECT attempt, http_status, error FROM webhook_tries WHERE delivery = ? ORDER BY attempt DESC LIMIT 1"
_ALL = "INDEXED BY events_of_account WHERE account = ?"
_FAILED = f"INDEXED BY events_failed WHERE state = {GIVEN_UP} AND account = ?"
_OF_ALL = "NOT INDEXED WHERE 1"
"""Of all accounts: by id alone."""
_WALKED = "SELECT id FROM events {} AND id >= ? AND id < ? ORDER BY id DESC LIMIT 1 OFFSET ?"
_PAGE = "SELECT id FROM events {} ORDER BY id DESC LIMIT ?"
_ACCOUNT_OF_MESSAGE = "SELECT account FROM messages WHERE id = ?"
_LAST_OF_MESSAGE = "SELECT last_event FROM messages WHERE id = ? AND account = ?"
_IN_CHAIN = "SELECT id, type, state, prior FROM events WHERE id = ?"
_OPT_OUTS = (
    "SELECT id, type, state, prior FROM events "
    f"WHERE message = ? AND type = '{EventType.OPT_OUT.value}' AND account = ? LIMIT {_MOST_OF_A_MESSAGE}"
)


def events(
    connection: sqlite3.Connection,
    account: str | None,
    wanted: EventFilter,
    limit: int,
    cursor: int | None,
    looked_at: int = EVENTS_LOOKED_AT,
) -> Page:
    """The outbox, newest first; account None: of all. A page may be short and yet have a cursor: see
    EVENTS_LOOKED_AT."""
    bounds = bounds_of(wanted.after, wanted.before, cursor)
    following = None
    if account is None and wanted.message is not None:
        found = connection.execute(_ACCOUNT_OF_MESSAGE, (wanted.message,)).fetchone()
        account = None if found is None else found[0]
    if wanted.message is None or account is None:
        if wanted.message is not None:
            bounds = bounds.within(wanted.message)
        ids, following = _of_account(connection, account, wanted, bounds, limit, looked_at)
    else:
        row = connection.execute(_LAST_OF_MESSAGE, (wanted.message, account)).fetchone()
        if row is not None:
            ids = _of_message(connection, account, wanted, bounds, row[0])
        else:
            # Its row was erased before its events: they are all younger than it.
            bounds = bounds.within(wanted.message)
            ids, following = _of_account(connection, account, wanted, bounds, limit, looked_at)
    if len(ids) > limit:
        following = ids[limit - 1]
    return Page([_event(connection, event) for event in ids[:limit]], following)


def _of_account(
    connection: sqlite3.Connection,
    account: str | None,
    wanted: EventFilter,
    bounds: Bounds,
    limit: int,
    looked_at: int,
) -> tuple[list[int], int | None]:
    """One more than the limit, if there are so many; and where the next page goes on."""
    states = _states(wanted)
    walked = _OF_ALL if account is None else _FAILED if states == {GIVEN_UP} else _ALL
    whose = () if account is None else (account,)
    cut = cut_off(connection, _WALKED.format(walked), whose, bounds, looked_at)
    where, parameters = f"{walked} AND id >= ? AND id < ?", [*whose, *cut.bounds]
    if walked is not _FAILED and states != _STATUS.keys():
        where += f" AND state IN ({', '.join(map(str, sorted(states)))})"
    if wanted.types is not None:
        where += f" AND type IN ({', '.join('?' * len(wanted.types))})"
        parameters += wanted.types
    if wanted.message is not None:
        where += " AND message = ?"
        parameters.append(wanted.message)
    rows = connection.execute(_PAGE.format(where), (*parameters, limit + 1)).fetchall()
    return [row[0] for row in rows], cut.cursor


def _of_message(
    connection: sqlite3.Connection, account: str, wanted: EventFilter, bounds: Bounds, last: int | None
) -> list[int]:
    """The chain from its last event back, and the opt-outs that name it."""
    found = connection.execute(_OPT_OUTS, (wanted.message, account)).fetchall()
    while last is not None and len(found) < _MOST_OF_A_MESSAGE:
        row = connection.execute(_IN_CHAIN, (last,)).fetchone()
        if row is None:
            break
        found.append(row)
        last = row[3]
    states, types = _states(wanted), wanted.types
    kept = [
        event
        for event, type_, state, _ in found
        if state in states and (types is None or type_ in types) and bounds.first <= event < bounds.end
    ]
    return sorted(kept, reverse=True)


def _states(wanted: EventFilter) -> set[int]:
    statuses = _STATES if wanted.statuses is None else wanted.statuses
    return {state for status in statuses for state in _STATES[status]}


def _event(connection: sqlite3.Connection, event: int) -> EventRow:
    row: tuple[Any, ...] = connection.execute(_EVENT, (event,)).fetchone()
    id_, account, type_, message_id, state, url, due, delivery, body, told_at, status = row
    if told_at is None:
        tries, http_status, error = connection.execute(_LATEST_TRY, (delivery,)).fetchone() or (0, None, None)
    else:
        tries, http_status, error = 1, status, None
    return EventRow(id_, account, type_, message_id, _STATUS[state], url, tries, due, http_status, error, body)
