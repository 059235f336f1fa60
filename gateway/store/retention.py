"""What is no longer owed is erased: texts first, then rows, a few in a transaction and only when little else waits."""

from gateway.identifiers import SEQUENCE_BITS
from gateway.store.work import GIVEN_UP, TOLD, Work

ROWS_A_TRANSACTION = 200
_TEXTS = (
    "UPDATE messages SET text = NULL, text_erased_at = ?1, erase_at = NULL WHERE id IN "
    "(SELECT id FROM messages WHERE erase_at IS NOT NULL AND erase_at <= ?1 ORDER BY erase_at LIMIT ?2)"
)
_MESSAGES = "SELECT id FROM messages WHERE text IS NULL AND done_at < ? ORDER BY done_at LIMIT ?"
_EVENTS = (
    f"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? AND state IN ({TOLD}, {GIVEN_UP}) "
    "ORDER BY id LIMIT ?)"
)
_TRIES = (
    "DELETE FROM webhook_tries WHERE (delivery, attempt) IN "
    "(SELECT delivery, attempt FROM webhook_tries WHERE delivery < ? ORDER BY delivery LIMIT ?)"
)
_KEYS = (
    "DELETE FROM idempotency WHERE (account, key) IN "
    "(SELECT account, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
)
_BY_ID = "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE id < ? ORDER BY id LIMIT ?)"
_INBOUND, _CHANGES = _BY_ID.format(table="inbound"), _BY_ID.format(table="changes_by_hand")


def erase(work: Work) -> bool:
    """Erase one slice: of the first kind that has any. True: there may be more."""
    policy = work.policy
    oldest_event = (work.now - policy.events_ms) << SEQUENCE_BITS
    oldest_message = (work.now - policy.messages_ms) << SEQUENCE_BITS
    slices = (
        (_TEXTS, work.now),
        (_EVENTS, oldest_event),
        (_TRIES, oldest_event),
        (_KEYS, work.now),
        (_INBOUND, oldest_message),
        (_CHANGES, oldest_message),
    )
    return _messages(work) or any(
        work.execute(statement, (until, ROWS_A_TRANSACTION)).rowcount > 0 for statement, until in slices
    )


def _messages(work: Work) -> bool:
    """Messages with what was done for them: about four rows each."""
    ids = work.execute(_MESSAGES, (work.now - work.policy.messages_ms, ROWS_A_TRANSACTION // 4)).fetchall()
    for table, column in (("receipts", "message"), ("attempts", "message"), ("messages", "id")):
        work.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)
    return bool(ids)
