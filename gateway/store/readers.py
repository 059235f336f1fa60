"""Look-ups: plain functions of a connection, run on connections of their own; none keeps a cursor after it returns.

Lists of messages and of events are gateway.store.lists'.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.messages import AttemptState, MessageState
from gateway.rules.branches import route_of
from gateway.settings import InDoubt
from gateway.store import in_hand
from gateway.store.message_events import GIVEN_UP, TOLD
from gateway.store.policy import Policy
from gateway.store.progress import ATTEMPT_COLUMNS
from gateway.store.views import (
    NO_CURSOR,
    AttemptRow,
    DoubtRow,
    EndpointRow,
    EnquiryRow,
    MessageRow,
    MessageStory,
    Page,
    ParkedRow,
    ReceiptRow,
    UntoldRow,
    WebhookTry,
    page_of,
)

T = TypeVar("T")
MOST_ROWS = 1_000
MESSAGE_COLUMNS = (
    "m.id, m.account, m.submission, m.request_id, q.lane, q.route, m.state, m.sender, m.recipient, m.text, "
    "m.text_erased_at, m.encoding, m.segments, m.country, m.allow_unicode, m.client_id, m.tag, m.scheduled_at, "
    "m.expires_at, m.due, m.sent_at, m.done_at, m.tries, m.throttles, m.attempts, m.possible_duplicate, m.error, "
    "m.endpoint, m.options, m.writing, q.campaign, m.variant"
)
"""Of `messages m` and its `queues q`, as MessageRow has them."""
_MESSAGE = f"SELECT {MESSAGE_COLUMNS} FROM messages m JOIN queues q ON q.id = m.queue WHERE m.id = ?"
_ATTEMPTS = f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE message = ? ORDER BY part, attempt LIMIT {MOST_ROWS}"
_UNANSWERED = (None,) * 11
"""What AttemptRow has beyond in_hand.OF_MESSAGE."""
_RECEIPTS = (
    "SELECT receipt_id AS id, message, part, attempt, carrier, receipt_bind, receipt_at, receipt_state, err, "
    "receipt_matched, 1, receipt_raw FROM attempts WHERE message = ?1 AND receipt_id IS NOT NULL UNION ALL "
    "SELECT id, message, part, attempt, carrier, bind, at, state, err, matched, 0, raw FROM receipts "
    f"WHERE message = ?1 ORDER BY id LIMIT {MOST_ROWS}"
)
_ENQUIRIES = (
    "SELECT part, attempt, kind, carrier, bind, asked_at, latency_ms, command_status, message_state FROM enquiries "
    f"WHERE message = ? AND asked_at IS NOT NULL LIMIT {MOST_ROWS}"
)
_HELD_SINCE = (
    "SELECT h.since FROM messages m CROSS JOIN queues q ON q.id = m.queue CROSS JOIN holds h ON h.id = q.held "
    "WHERE m.id = ? AND h.released = 0"
)
_TOLD_OF = (
    "SELECT e.id, e.type, coalesce(e.url, n.url), e.delivery, e.prior, e.told_at, e.http_status, e.latency_ms "
    "FROM events e "
    "JOIN endpoints n ON n.id = e.endpoint WHERE e.id = ?"
)
_TRIES = "SELECT attempt, at, http_status, latency_ms, error FROM webhook_tries WHERE delivery = ? ORDER BY attempt"
_ENDPOINTS = (
    "SELECT id, account, url, own, enabled, disabled_reason, "
    "(SELECT count(*) FROM events WHERE endpoint = n.id AND state = 1) "
    "+ (SELECT count(*) FROM events WHERE endpoint = n.id AND state = 0) "
    "+ (SELECT coalesce(sum(length(members) / 8), 0) FROM deliveries WHERE endpoint = n.id AND under_way = 1) "
    "+ (SELECT coalesce(sum(length(members) / 8), 0) FROM deliveries WHERE endpoint = n.id AND due IS NOT NULL), "
    "(SELECT count(*) FROM events WHERE account = n.account AND state = 4 AND endpoint = n.id), "
    "(SELECT min(since) FROM ("
    "SELECT min(created_at) AS since FROM deliveries WHERE endpoint = n.id AND under_way = 1 "
    "UNION ALL SELECT min(created_at) FROM deliveries WHERE endpoint = n.id AND due IS NOT NULL UNION ALL "
    "SELECT * FROM (SELECT pending_since FROM events WHERE endpoint = n.id AND state = 1 ORDER BY id LIMIT 1))), "
    "last_success_at, last_failure_at, failures FROM endpoints n "
)
_DOUBTS = (
    "SELECT a.message, a.part, a.attempt, m.account, q.lane, m.recipient, a.carrier, a.bind, a.claimed_at, m.due "
    "FROM attempts a JOIN messages m ON m.id = a.message JOIN queues q ON q.id = m.queue "
    f"WHERE a.message = ? AND a.state = {int(AttemptState.IN_DOUBT)}"
)


def in_snapshot(connection: sqlite3.Connection, function: Callable[[sqlite3.Connection], T]) -> T:
    """A look-up of several statements that all see the same commit."""
    connection.execute("BEGIN")
    try:
        return function(connection)
    finally:
        connection.execute("COMMIT")


def message_row(connection: sqlite3.Connection, message_id: int) -> MessageRow | None:
    row = connection.execute(_MESSAGE, (message_id,)).fetchone()
    return None if row is None else message_of(row)


def message(connection: sqlite3.Connection, account: str | None, message_id: int) -> MessageStory | None:
    """One message with all that happened to it, if it is the account's."""
    row = message_row(connection, message_id)
    if row is None or (account is not None and row.account != account):
        return None
    return MessageStory(
        row,
        _attempts(connection, row),
        [
            ReceiptRow._make((*r[1:10], bool(r[10]), r[11]))
            for r in connection.execute(_RECEIPTS, (message_id,)).fetchall()
        ],
        _webhook_tries(connection, message_id),
        [EnquiryRow._make(e) for e in connection.execute(_ENQUIRIES, (message_id,)).fetchall()],
    )


def _attempts(connection: sqlite3.Connection, message: MessageRow) -> list[AttemptRow]:
    rows = connection.execute(_ATTEMPTS, (message.id,)).fetchall()
    if not rows and message.state == MessageState.SUBMITTING:
        rows = [(*row, *_UNANSWERED) for row in connection.execute(in_hand.OF_MESSAGE, (message.id,)).fetchall()]
    return [AttemptRow._make(row) for row in rows]


def is_quoted(connection: sqlite3.Connection, message_id: int) -> bool:
    """Whether a raw receipt of it may quote its text, which is still there."""
    found = connection.execute("SELECT 1 FROM quoting_receipts WHERE message = ? LIMIT 1", (message_id,)).fetchone()
    return found is not None


def held_since(connection: sqlite3.Connection, message_id: int) -> int | None:
    """When a restore held what it belongs to; None: it is not held."""
    row = connection.execute(_HELD_SINCE, (message_id,)).fetchone()
    return None if row is None else int(row[0])


def event_ids(
    connection: sqlite3.Connection,
    account: str,
    after: int,
    before: int,
    failed_only: bool,
    limit: int,
    endpoint: int | None = None,
) -> list[int]:
    """Ended events of a range of ids, oldest first; of one endpoint, if one is named."""
    states = f"= {GIVEN_UP}" if failed_only else f"IN ({TOLD}, {GIVEN_UP})"
    where, more = ("AND endpoint = ? ", (endpoint,)) if endpoint is not None else ("", ())
    rows = connection.execute(
        f"SELECT id FROM events WHERE account = ? AND id > ? AND id < ? AND state {states} {where}ORDER BY id LIMIT ?",
        (account, after, before, *more, limit),
    ).fetchall()
    return [row[0] for row in rows]


def account_of_event(connection: sqlite3.Connection, event: int) -> str | None:
    """Whose it is; None: nobody's."""
    row = connection.execute("SELECT account FROM events WHERE id = ?", (event,)).fetchone()
    return None if row is None else str(row[0])


def account_of_endpoint(connection: sqlite3.Connection, endpoint: int) -> str | None:
    """Whose it is; None: nobody's."""
    row = connection.execute("SELECT account FROM endpoints WHERE id = ?", (endpoint,)).fetchone()
    return None if row is None else str(row[0])


def event_exists(connection: sqlite3.Connection, account: str, event: int) -> bool:
    """Whether the account has this event, however it stands."""
    return (
        connection.execute("SELECT 1 FROM events WHERE id = ? AND account = ?", (event, account)).fetchone() is not None
    )


def endpoints(connection: sqlite3.Connection, account: str | None) -> list[EndpointRow]:
    """An account's endpoints, or those of all."""
    if account is None:
        rows: list[Any] = connection.execute(f"{_ENDPOINTS} ORDER BY id LIMIT {MOST_ROWS}").fetchall()
    else:
        rows = connection.execute(
            f"{_ENDPOINTS} WHERE account = ? ORDER BY own DESC, url DESC LIMIT {MOST_ROWS}", (account,)
        ).fetchall()
    return [EndpointRow._make((*row[:3], bool(row[3]), bool(row[4]), *row[5:])) for row in rows]


def doubts(connection: sqlite3.Connection, policy: Policy, limit: int, cursor: int | None) -> Page:
    """Messages in doubt by id, a row for each segment."""
    in_doubt = connection.execute(
        f"SELECT id FROM messages WHERE state = {int(MessageState.IN_DOUBT)} AND id > ? ORDER BY id LIMIT ?",
        (cursor or 0, limit + 1),
    ).fetchall()
    found = []
    for (message_id,) in in_doubt[:limit]:
        for *columns, due in connection.execute(_DOUBTS, (message_id,)).fetchall():
            lane = policy.lanes.get(columns[4])
            found.append(DoubtRow._make((*columns, due, lane.in_doubt if lane else InDoubt.HOLD)))
    return Page(found, in_doubt[limit - 1][0] if len(in_doubt) > limit else None)


def parked(connection: sqlite3.Connection, limit: int, cursor: int | None) -> Page:
    """Receipts that name nobody, oldest first."""
    rows = connection.execute(
        "SELECT id, carrier, carrier_message_id, source, destination, state, at, due, raw, "
        "CAST(receipt AS TEXT) ->> '$.receipt.may_quote' OR CAST(receipt AS TEXT) ->> '$.otherwise' IS NOT NULL "
        "FROM parked "
        "WHERE id > ? ORDER BY id LIMIT ?",
        (cursor or 0, limit + 1),
    ).fetchall()
    return page_of(rows, limit, ParkedRow._make)


def untold(connection: sqlite3.Connection, limit: int, cursor: int | None) -> Page:
    """Inbound messages that nobody was told of, newest first; not their texts."""
    rows = connection.execute(
        "SELECT id, carrier, account, sender, recipient, encoding, parts, complete, at FROM inbound "
        "WHERE event IS NULL AND id < ? ORDER BY id DESC LIMIT ?",
        (NO_CURSOR if cursor is None else cursor, limit + 1),
    ).fetchall()
    return page_of(rows, limit, lambda row: UntoldRow._make((*row[:7], bool(row[7]), row[8])))


def doubts_count(connection: sqlite3.Connection) -> int:
    counted = f"SELECT count(*) FROM messages WHERE state = {int(MessageState.IN_DOUBT)}"
    return int(connection.execute(counted).fetchone()[0])


def _webhook_tries(connection: sqlite3.Connection, message_id: int) -> list[WebhookTry]:
    """A message's events are chained from its last one back."""
    (event,) = connection.execute("SELECT last_event FROM messages WHERE id = ?", (message_id,)).fetchone()
    found: list[WebhookTry] = []
    for _ in range(MOST_ROWS):
        row = connection.execute(_TOLD_OF, (event,)).fetchone()
        if row is None:
            break
        tries = [(1, *row[5:], None)] if row[5] is not None else connection.execute(_TRIES, (row[3],)).fetchall()
        found += [WebhookTry(*row[:3], *values) for values in tries]
        event = row[4]
    return sorted(found, key=lambda t: t.at)


def message_of(row: tuple[Any, ...]) -> MessageRow:
    """SQLite has no booleans: 0 and 1 would stand in an answer that is given again."""
    message = MessageRow._make(row)
    return message._replace(
        route=route_of(message.route),
        allow_unicode=bool(message.allow_unicode),
        possible_duplicate=bool(message.possible_duplicate),
    )
