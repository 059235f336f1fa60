"""What is no longer owed is erased: texts first, then rows, a few in a transaction and only when nothing else waits."""

from gateway.identifiers import SEQUENCE_BITS
from gateway.store.work import GIVEN_UP, TOLD, Work

ROWS_A_TRANSACTION = 200


def erase(work: Work) -> bool:
    """Erase one slice. True: there may be more."""
    return any((_texts(work), _messages(work), _events(work), _keys(work)))


def _texts(work: Work) -> bool:
    erased = work.execute(
        "UPDATE messages SET text = NULL, text_erased_at = ?1, erase_at = NULL WHERE id IN "
        f"(SELECT id FROM messages WHERE erase_at IS NOT NULL AND erase_at <= ?1 ORDER BY erase_at LIMIT {ROWS_A_TRANSACTION})",
        (work.now,),
    ).rowcount
    return bool(erased == ROWS_A_TRANSACTION)


def _messages(work: Work) -> bool:
    """Ids are times: the oldest messages are the first rows. Open ones are younger, since retention exceeds the receipt horizon."""
    oldest = (work.now - work.policy.messages_ms) << SEQUENCE_BITS
    ids = work.execute(
        f"SELECT id FROM messages WHERE id < ? AND state >= 10 ORDER BY id LIMIT {ROWS_A_TRANSACTION // 4}", (oldest,)
    ).fetchall()
    for table, column in (("receipts", "message"), ("attempts", "message"), ("messages", "id")):
        work.connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)
    return len(ids) == ROWS_A_TRANSACTION // 4


def _events(work: Work) -> bool:
    oldest = (work.now - work.policy.events_ms) << SEQUENCE_BITS
    rows = work.execute(
        f"SELECT id, delivery FROM events WHERE id < ? AND state IN ({TOLD}, {GIVEN_UP}) ORDER BY id LIMIT {ROWS_A_TRANSACTION // 2}",
        (oldest,),
    ).fetchall()
    work.connection.executemany("DELETE FROM events WHERE id = ?", [(row[0],) for row in rows])
    work.connection.executemany(
        "DELETE FROM webhook_tries WHERE delivery = ?", [(row[1],) for row in rows if row[1] is not None]
    )
    return len(rows) == ROWS_A_TRANSACTION // 2


def _keys(work: Work) -> bool:
    deleted = work.execute(
        "DELETE FROM idempotency WHERE (account, key) IN (SELECT account, key FROM idempotency WHERE expires_at <= ? "
        f"ORDER BY expires_at LIMIT {ROWS_A_TRANSACTION})",
        (work.now,),
    ).rowcount
    return bool(deleted == ROWS_A_TRANSACTION)
