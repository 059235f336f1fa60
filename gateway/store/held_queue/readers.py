"""What is held, counted and listed: plain functions of a connection (see gateway.store.readers)."""

import json
import sqlite3
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from gateway.identifiers import created_at_ms
from gateway.messages import MessageState
from gateway.rules.branches import route_of
from gateway.store.campaigns.interface import CampaignState
from gateway.store.held_queue.interface import (
    HELD_STATES,
    HeldCampaign,
    HeldFilters,
    HeldGroup,
    HeldOrder,
    HeldOrderRow,
    HeldRow,
    HeldSummary,
    HeldWhat,
    filters_of,
)
from gateway.store.views import Page

IN_FORCE = "SELECT id, since, backup, backup_at FROM holds WHERE released = 0 ORDER BY id"
_QUEUES = (
    "SELECT id, account, lane, route, campaign, ready FROM queues "
    "WHERE held IN (SELECT id FROM holds WHERE released = 0) ORDER BY id"
)
_READY, _DOUBT = int(MessageState.QUEUED), int(MessageState.IN_DOUBT)
_SCHEDULED, _RETRYING = int(MessageState.SCHEDULED), int(MessageState.RETRYING)
_ENDS_OF_READY = (
    f"SELECT (SELECT id FROM messages WHERE queue = ?1 AND state = {_READY} ORDER BY id LIMIT 1), "
    f"(SELECT id FROM messages WHERE queue = ?1 AND state = {_READY} ORDER BY id DESC LIMIT 1)"
)
_WAITING = f"{_SCHEDULED}, {_RETRYING}"
_WAIT = "SELECT {} FROM messages WHERE queue = ? AND state IN ({})".format(
    ", ".join(
        f"sum(state = {state}), min(CASE WHEN state = {state} THEN id END), max(CASE WHEN state = {state} THEN id END)"
        for state in (_SCHEDULED, _RETRYING)
    ),
    _WAITING,
)
"""In one pass, for there may be a million: GROUP BY would sort them."""
_DOUBTS = (
    f"SELECT id, queue FROM messages WHERE state = {_DOUBT} AND id > ? AND queue IN (SELECT value FROM json_each(?)) "
    "ORDER BY id"
)
_IDS_READY = f"SELECT id FROM messages WHERE queue = ? AND state = {_READY} AND id > ? ORDER BY id LIMIT ?"
_IDS_WAITING = (
    f"SELECT id FROM messages WHERE queue = ?1 AND state IN ({_WAITING}) AND id > ?2 "
    "AND (?3 IS NULL OR state = ?3) ORDER BY id LIMIT ?4"
)
_MESSAGE = "SELECT state, client_id, sender, recipient, expires_at, scheduled_at, queue FROM messages WHERE id = ?"
_CAMPAIGNS = (
    "SELECT c.id, c.account, coalesce(c.definition ->> 'campaign_name', ''), c.waiting FROM held_campaigns h "
    f"CROSS JOIN campaigns c ON c.id = h.id AND c.state = {int(CampaignState.PAUSED)} ORDER BY h.id"
)
"""But for those that were canceled meanwhile."""
_EVENTS = "SELECT count(*) FROM held_events"
_EVENTS_OF = "SELECT count(*) FROM held_events WHERE account = ?"
_ORDERS = "SELECT id, what, filters, done FROM held_orders ORDER BY id"


class _Queue(NamedTuple):
    id: int
    account: str
    lane: str
    route: str
    campaign: int
    ready: int


def summary(connection: sqlite3.Connection) -> HeldSummary | None:
    """All that is held; None: nothing is."""
    holds = connection.execute(IN_FORCE).fetchall()
    if not holds:
        return None
    _, since, backup, backup_at = holds[-1]
    campaigns = [HeldCampaign._make(row) for row in connection.execute(_CAMPAIGNS).fetchall()]
    (events,) = connection.execute(_EVENTS).fetchone()
    orders = [
        HeldOrderRow(id_, HeldOrder(what), filters_of(filters), done)
        for id_, what, filters, done in connection.execute(_ORDERS).fetchall()
    ]
    groups = _groups(connection, _queues(connection, HeldFilters()))
    found = HeldSummary(since, backup, backup_at, groups, campaigns, events, orders)
    return None if found.is_empty else found


def count(connection: sqlite3.Connection, filters: HeldFilters) -> int:
    """How many messages, campaigns and events are meant."""
    found = 0
    if filters.means(HeldWhat.MESSAGES):
        groups = _groups(connection, _queues(connection, filters))
        found += sum(group.messages for group in groups if filters.state in (None, group.state))
    if filters.means(HeldWhat.CAMPAIGNS):
        campaigns = connection.execute(_CAMPAIGNS).fetchall()
        found += sum(1 for row in campaigns if filters.account in (None, row[1]))
    if filters.means(HeldWhat.EVENTS):
        one = (filters.account,)
        found += connection.execute(*((_EVENTS,) if filters.account is None else (_EVENTS_OF, one))).fetchone()[0]
    return found


def messages(connection: sqlite3.Connection, filters: HeldFilters, limit: int, cursor: int | None) -> Page:
    """Those that are meant, the oldest first."""
    queues = {queue.id: queue for queue in _queues(connection, filters)}
    after, most = cursor or 0, limit + 1
    found = list(islice(merge(*_walks(connection, filters, list(queues), after, most)), most))
    rows = [_row(connection, message, queues) for message in found[:limit]]
    return Page(rows, found[limit - 1] if len(found) == most else None)


def _queues(connection: sqlite3.Connection, filters: HeldFilters) -> list[_Queue]:
    found = [_Queue(id_, account, lane, route_of(route), *rest) for id_, account, lane, route, *rest in
             connection.execute(_QUEUES).fetchall()]  # fmt: skip
    return [queue for queue in found if filters.fits(queue.account, queue.lane, queue.route)]


def _groups(connection: sqlite3.Connection, queues: list[_Queue]) -> list[HeldGroup]:
    found: dict[tuple[str, str, str, MessageState], tuple[int, int, int]] = {}

    def add(queue: _Queue, state: MessageState, messages: int, first: int | None, last: int | None) -> None:
        if messages and first is not None and last is not None:
            key = (queue.account, queue.lane, queue.route, state)
            before, oldest, latest = found.get(key, (0, first, last))
            found[key] = (before + messages, min(oldest, first), max(latest, last))

    for queue in queues:
        if queue.ready:
            add(queue, MessageState.QUEUED, queue.ready, *connection.execute(_ENDS_OF_READY, (queue.id,)).fetchone())
        waiting = connection.execute(_WAIT, (queue.id,)).fetchone()
        add(queue, MessageState.SCHEDULED, *waiting[:3])
        add(queue, MessageState.RETRYING, *waiting[3:])
    by_id = {queue.id: queue for queue in queues}
    for message, queue_id in connection.execute(_DOUBTS, (0, json.dumps(list(by_id)))).fetchall():
        add(by_id[queue_id], MessageState.IN_DOUBT, 1, message, message)
    return [
        HeldGroup(*key, messages, created_at_ms(oldest), created_at_ms(latest))
        for key, (messages, oldest, latest) in sorted(found.items())
    ]


def _walks(
    connection: sqlite3.Connection, filters: HeldFilters, queues: list[int], after: int, most: int
) -> Iterator[list[int]]:
    states = HELD_STATES if filters.state is None else (filters.state,)
    if not filters.means(HeldWhat.MESSAGES):
        return
    one = None if filters.state is None else int(filters.state)
    for queue in queues:
        if MessageState.QUEUED in states:
            yield _ids(connection, _IDS_READY, (queue, after, most))
        if MessageState.SCHEDULED in states or MessageState.RETRYING in states:
            yield _ids(connection, _IDS_WAITING, (queue, after, one, most))
    if MessageState.IN_DOUBT in states:
        yield _ids(connection, _DOUBTS, (after, json.dumps(queues)))[:most]


def _ids(connection: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> list[int]:
    return [row[0] for row in connection.execute(statement, values).fetchall()]


def _row(connection: sqlite3.Connection, message: int, queues: dict[int, _Queue]) -> HeldRow:
    state, client_id, sender, recipient, expires_at, scheduled_at, queue_id = connection.execute(
        _MESSAGE, (message,)
    ).fetchone()
    queue = queues[queue_id]
    return HeldRow(
        message, queue.account, queue.lane, queue.route, MessageState(state), client_id, sender, recipient,
        queue.campaign, expires_at, scheduled_at,
    )  # fmt: skip
