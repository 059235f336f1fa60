"""What is still to be done before a gateway that takes nothing new is at rest: plain functions of a connection."""

import sqlite3
from collections.abc import Iterable

from gateway.messages import AttemptState, MessageState

ROWS_A_LOOK = 10_000
"""Some milliseconds of a reader."""
_MOST_OF_QUEUE = 2_000
_CLAIMED = f"SELECT count(*) FROM attempts INDEXED BY attempts_submitting WHERE state = {int(AttemptState.SUBMITTING)}"
_RETRYING = (
    "SELECT count(*) FROM (SELECT state AS kind FROM messages INDEXED BY messages_waiting WHERE queue = ? "
    f"AND state IN ({int(MessageState.SCHEDULED)}, {int(MessageState.RETRYING)}) ORDER BY id DESC LIMIT ?) "
    f"WHERE kind = {int(MessageState.RETRYING)}"
)
_SENT = (
    f"SELECT count(*), max(id), coalesce(sum(kind = {int(MessageState.SENT)}), 0) FROM "
    "(SELECT id, state AS kind FROM messages WHERE id > ? ORDER BY id LIMIT ?)"
)


def claimed(connection: sqlite3.Connection) -> int:
    """Segments that were laid out for a carrier and have no answer; what is in hand is the writer's to say."""
    return int(connection.execute(_CLAIMED).fetchone()[0])


def retrying(connection: sqlite3.Connection, queues: Iterable[int]) -> int:
    """Messages that wait for another try, as far as the newest that wait in each queue show: others are scheduled, of
    which there may be a million."""
    return sum(int(connection.execute(_RETRYING, (queue, _MOST_OF_QUEUE)).fetchone()[0]) for queue in queues)


def sent(connection: sqlite3.Connection, after: int) -> tuple[int, int | None]:
    """How many of the next messages wait for their receipt, and where to go on; None: these were the last."""
    looked_at, last, waiting = connection.execute(_SENT, (after, ROWS_A_LOOK)).fetchone()
    return int(waiting), int(last) if looked_at == ROWS_A_LOOK else None
