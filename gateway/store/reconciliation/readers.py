"""Segments that a carrier was handed in a period: plain functions of a connection (see gateway.store.readers).

Attempts are kept by message, and messages' ids tell when they were accepted. Nearly all are handed over within a day of
that, so the ids of the period and of a day around it are walked. Those that were later (scheduled, in a long queue,
tried again) have an index of their own, as have those that a clock set back made earlier: so it does not matter how
long before the period a message was accepted.
"""

import sqlite3
from typing import Any

import msgspec

from gateway.identifiers import SEQUENCE_BITS
from gateway.messages import AttemptState, MessageState
from gateway.store.reconciliation.interface import HandedPage, HandedRow, Mark, Period, Walk

DAY_MS = 86_400_000
ROWS = 1_000
LOOKED_AT = 2_000
"""Attempts of all carriers that a page walks."""
_LAST = (1 << 63) - 1
_IS_LATE = "abs(a.claimed_at - (a.message >> 20)) > 86400000"
"""As the index has it, word for word."""
_OF_MESSAGE = (
    "m.account, m.client_id, q.campaign, q.lane, m.sender, m.recipient, m.country, m.possible_duplicate "
    "FROM {} CROSS JOIN messages m ON m.id = {} CROSS JOIN queues q ON q.id = m.queue "
)
_COLUMNS = (
    "SELECT a.message, a.part, coalesce(a.parts, m.segments), a.attempt, a.state, a.claimed_at, a.carrier_message_id, "
    "a.command_status, a.receipt_state, a.err, a.done_at, "
)
_WAS_WRITTEN = f"a.state <> {int(AttemptState.RELEASED)}"
_LATE = (
    f"{_COLUMNS}{_OF_MESSAGE.format('attempts a INDEXED BY attempts_late', 'a.message')}"
    "WHERE a.carrier = ? AND (a.claimed_at, a.message, a.part, a.attempt) > (?, ?, ?, ?) AND a.claimed_at < ? "
    f"AND {_IS_LATE} AND {_WAS_WRITTEN} ORDER BY a.claimed_at, a.message, a.part, a.attempt LIMIT ?"
)
# The unary plus keeps SQLite from other indexes: the order is that of the table itself.
_USUAL = (
    f"{_COLUMNS}{_OF_MESSAGE.format('attempts a', 'a.message')}"
    "WHERE (a.message, a.part, a.attempt) > (?, ?, ?) AND a.message < ? "
    f"AND +a.carrier = ? AND a.claimed_at >= ? AND a.claimed_at < ? AND NOT {_IS_LATE} AND {_WAS_WRITTEN} "
    "ORDER BY a.message, a.part, a.attempt LIMIT ?"
)
_CUT = (
    "SELECT message, part, attempt FROM attempts WHERE (message, part, attempt) > (?, ?, ?) AND message < ? "
    "ORDER BY message, part, attempt LIMIT 1 OFFSET ?"
)
_IN_HAND = "SELECT id, at, carrier, members FROM claims_in_hand WHERE id > ? ORDER BY id LIMIT ?"
_MEMBERS = (
    f"SELECT k.value, 1, m.segments, 1, {int(AttemptState.SUBMITTING)}, ?, NULL, NULL, NULL, NULL, NULL, "
    f"{_OF_MESSAGE.format('json_each(?) k', 'k.value')}"
    f"WHERE m.state = {int(MessageState.SUBMITTING)} "
    "AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.message = k.value AND a.part = 1 AND a.attempt = 1)"
)
_ANY = "SELECT 1 FROM attempts WHERE carrier = ? AND id_key IS NOT NULL LIMIT 1"


def handed(
    connection: sqlite3.Connection, period: Period, mark: Mark, most: int = ROWS, looked_at: int = LOOKED_AT
) -> HandedPage:
    """See ReconciliationStore.handed. `most`: rows of a page; `looked_at`: that it walks for them."""
    if mark.walk is Walk.IN_HAND:
        return _in_hand(connection, period, mark.key, most)
    if mark.walk is Walk.LATE:
        return _late(connection, period, mark.key, most)
    return _usual(connection, period, mark.key, most, looked_at)


def was_handed_any(connection: sqlite3.Connection, carrier: str) -> bool:
    return connection.execute(_ANY, (carrier,)).fetchone() is not None


def _in_hand(connection: sqlite3.Connection, period: Period, key: tuple[int, ...], most: int) -> HandedPage:
    """Claims until they have as many members as a page has rows; one alone has no more than fit into a window."""
    rows: list[tuple[Any, ...]] = []
    members, last = 0, 0
    claims = connection.execute(_IN_HAND, (*(key or (0,)), most)).fetchall()
    for claim, at, carrier, text in claims:
        members += len(msgspec.json.decode(text))
        if last and members > most:
            return HandedPage(_rows(rows), Mark(Walk.IN_HAND, (last,)))
        last = claim
        if carrier == period.carrier and period.after <= at < period.before:
            rows += connection.execute(_MEMBERS, (at, text)).fetchall()
    return HandedPage(_rows(rows), Mark(Walk.IN_HAND, (last,)) if len(claims) == most else Mark(Walk.LATE))


def _late(connection: sqlite3.Connection, period: Period, key: tuple[int, ...], most: int) -> HandedPage:
    begin = key or (period.after, -1, -1, -1)
    rows = connection.execute(_LATE, (period.carrier, *begin, period.before, most + 1)).fetchall()
    if len(rows) <= most:
        return HandedPage(_rows(rows), Mark(Walk.USUAL))
    last = rows[most - 1]
    return HandedPage(_rows(rows[:most]), Mark(Walk.LATE, (last[5], last[0], last[1], last[3])))


def _usual(
    connection: sqlite3.Connection, period: Period, key: tuple[int, ...], most: int, looked_at: int
) -> HandedPage:
    begin = key or (_id_at(period.after - DAY_MS) - 1, _LAST, _LAST)
    end = _id_at(period.before + DAY_MS)
    cut = connection.execute(_CUT, (*begin, end, looked_at - 1)).fetchone()
    # A message that the cut falls into is looked at to its end, so that the next page begins with another.
    until = end if cut is None else cut[0] + 1
    given = (*begin, until, period.carrier, period.after, period.before, most + 1)
    found = connection.execute(_USUAL, given).fetchall()
    if len(found) > most:
        last = found[most - 1]
        return HandedPage(_rows(found[:most]), Mark(Walk.USUAL, (last[0], last[1], last[3])))
    following = None if cut is None else Mark(Walk.USUAL, (cut[0], _LAST, _LAST))
    return HandedPage(_rows(found), following)


def _id_at(at_ms: int) -> int:
    """The first id of a millisecond."""
    return min(max(at_ms, 0), _LAST >> SEQUENCE_BITS) << SEQUENCE_BITS


def _rows(rows: list[tuple[Any, ...]]) -> list[HandedRow]:
    return [HandedRow._make((*row[:4], AttemptState(row[4]), *row[5:-1], bool(row[-1]))) for row in rows]
