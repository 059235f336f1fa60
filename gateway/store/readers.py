"""Look-ups: plain functions of a connection, run on connections of their own; none keeps a cursor after it returns."""

import sqlite3
from collections.abc import Sequence

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import (
    AttemptRow,
    DoubtRow,
    EndpointRow,
    EventRow,
    MessageRow,
    MessageStory,
    Page,
    ParkedRow,
    ReceiptRow,
    WebhookTry,
)
from gateway.store.policy import Policy
from gateway.store.progress import ATTEMPT_COLUMNS
from gateway.store.work import GIVEN_UP, TOLD

MOST_ROWS = 1_000
_MESSAGE = (
    "SELECT m.id, m.account, submission, request_id, q.lane, q.route, state, sender, recipient, text, text_erased_at, encoding, segments, country, "
    "allow_unicode, client_id, tag, scheduled_at, expires_at, due, sent_at, done_at, tries, throttles, attempts, possible_duplicate, error, "
    "endpoint FROM messages m JOIN queues q ON q.id = m.queue "
)
_EVENT_STATUS = {"pending": (0, 1, 2), "delivered": (TOLD,), "failed": (GIVEN_UP,)}


def message(connection: sqlite3.Connection, account: str | None, message_id: int) -> MessageStory | None:
    row = connection.execute(_MESSAGE + "WHERE m.id = ?", (message_id,)).fetchone()
    if row is None or (account is not None and row[1] != account):
        return None
    attempts = connection.execute(
        f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE message = ? ORDER BY part, attempt LIMIT {MOST_ROWS}",
        (message_id,),
    )
    receipts = connection.execute(
        "SELECT id, message, part, attempt, carrier, bind, at, state, err, matched, applied, raw FROM receipts WHERE message = ? "
        f"ORDER BY id LIMIT {MOST_ROWS}",
        (message_id,),
    )
    return MessageStory(
        MessageRow(*row),
        [AttemptRow(*a) for a in attempts],
        [ReceiptRow(*r) for r in receipts],
        _webhook_tries(connection, message_id),
    )


def messages(connection: sqlite3.Connection, account: str, client_id: str, limit: int, cursor: int | None) -> Page:
    """Newest first."""
    before = cursor if cursor is not None else 1 << 62
    rows = connection.execute(
        _MESSAGE + "WHERE m.account = ? AND m.client_id = ? AND m.id < ? ORDER BY m.id DESC LIMIT ?",
        (account, client_id, before, limit + 1),
    ).fetchall()
    return _page([MessageRow(*row) for row in rows], limit)


def events(
    connection: sqlite3.Connection, account: str, statuses: Sequence[str], limit: int, cursor: int | None
) -> Page:
    """The outbox, newest first."""
    before = cursor if cursor is not None else 1 << 62
    states = ", ".join(str(state) for status in statuses for state in _EVENT_STATUS[status])
    rows = connection.execute(
        "SELECT e.id, e.account, e.type, e.message, e.state, coalesce(e.url, n.url), coalesce(d.tries, 0), d.due, t.http_status, t.error, e.body, "
        "coalesce(t.attempt, 0) FROM events e JOIN endpoints n ON n.id = e.endpoint LEFT JOIN deliveries d ON d.id = e.delivery "
        "LEFT JOIN webhook_tries t ON t.delivery = e.delivery AND t.attempt = (SELECT max(attempt) FROM webhook_tries WHERE delivery = e.delivery) "
        f"WHERE e.account = ? AND e.state IN ({states}) AND e.id < ? ORDER BY e.id DESC LIMIT ?",
        (account, before, limit + 1),
    ).fetchall()
    names = {state: status for status, all_of_it in _EVENT_STATUS.items() for state in all_of_it}
    found = [
        EventRow(
            row[0], row[1], row[2], row[3], names[row[4]], row[5], max(row[6], row[11]), row[7], row[8], row[9], row[10]
        )
        for row in rows
    ]
    return _page(found, limit)


def event_ids(
    connection: sqlite3.Connection, account: str, after: int, before: int, failed_only: bool, limit: int
) -> list[int]:
    """Ended events of a range of ids, oldest first."""
    states = f"({GIVEN_UP})" if failed_only else f"({TOLD}, {GIVEN_UP})"
    rows = connection.execute(
        f"SELECT id FROM events WHERE account = ? AND id > ? AND id < ? AND state IN {states} ORDER BY id LIMIT ?",
        (account, after, before, limit),
    )
    return [row[0] for row in rows]


def endpoints(connection: sqlite3.Connection, account: str | None) -> list[EndpointRow]:
    rows = connection.execute(
        "SELECT id, account, url, own, enabled, disabled_reason, "
        "(SELECT count(*) FROM events WHERE endpoint = n.id AND state = 1), "
        "(SELECT count(*) FROM events WHERE account = n.account AND state = 4 AND endpoint = n.id), "
        "(SELECT pending_since FROM events WHERE endpoint = n.id AND state = 1 ORDER BY id LIMIT 1), "
        f"last_success_at, last_failure_at, failures FROM endpoints n WHERE ?1 IS NULL OR account = ?1 ORDER BY id LIMIT {MOST_ROWS}",
        (account,),
    ).fetchall()
    return [EndpointRow(*row[:3], bool(row[3]), bool(row[4]), *row[5:]) for row in rows]


def doubts(connection: sqlite3.Connection, policy: Policy, limit: int, cursor: int | None) -> Page:
    """Messages in doubt by id, a row for each segment."""
    ids = [
        row[0]
        for row in connection.execute(
            f"SELECT id FROM messages WHERE state = {int(MessageState.IN_DOUBT)} AND id > ? ORDER BY id LIMIT ?",
            (cursor or 0, limit + 1),
        )
    ]
    found = []
    for message_id in ids[:limit]:
        rows = connection.execute(
            "SELECT a.message, a.part, a.attempt, m.account, q.lane, m.recipient, a.carrier, a.bind, a.claimed_at, m.due FROM attempts a "
            "JOIN messages m ON m.id = a.message JOIN queues q ON q.id = m.queue "
            f"WHERE a.message = ? AND a.state = {int(AttemptState.IN_DOUBT)}",
            (message_id,),
        )
        found += [DoubtRow(*row, policy.lanes[row[4]].in_doubt if row[4] in policy.lanes else "hold") for row in rows]
    return Page(found, ids[limit - 1] if len(ids) > limit else None)


def parked(connection: sqlite3.Connection, limit: int, cursor: int | None) -> Page:
    rows = connection.execute(
        "SELECT id, carrier, carrier_message_id, source, state, at, due, raw FROM parked WHERE id > ? ORDER BY id LIMIT ?",
        (cursor or 0, limit + 1),
    ).fetchall()
    return _page([ParkedRow(*row) for row in rows], limit)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    doubted = f"SELECT count(*) FROM messages WHERE state = {int(MessageState.IN_DOUBT)}"
    return {"doubts": connection.execute(doubted).fetchone()[0]}


def _webhook_tries(connection: sqlite3.Connection, message_id: int) -> list[WebhookTry]:
    """A message's events are chained from its last one back."""
    (event,) = connection.execute("SELECT last_event FROM messages WHERE id = ?", (message_id,)).fetchone()
    found: list[WebhookTry] = []
    for _ in range(MOST_ROWS):
        row = connection.execute(
            "SELECT e.id, e.type, coalesce(e.url, n.url), e.delivery, e.prior FROM events e JOIN endpoints n ON n.id = e.endpoint WHERE e.id = ?",
            (event,),
        ).fetchone()
        if row is None:
            break
        tries = connection.execute(
            "SELECT attempt, at, http_status, latency_ms, error FROM webhook_tries WHERE delivery = ? ORDER BY attempt",
            (row[3],),
        )
        found += [WebhookTry(row[0], row[1], row[2], *values) for values in tries]
        event = row[4]
    return sorted(found, key=lambda t: t.at)


def _page(rows: list[EventRow] | list[MessageRow] | list[ParkedRow], limit: int) -> Page:
    return Page(list(rows[:limit]), rows[limit - 1].id if len(rows) > limit else None)
