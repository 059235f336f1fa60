"""A store's file with as many messages as are wanted, of the last 30 days, nearly all delivered: filled by SQL."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.identifiers import SEQUENCE_BITS
from gateway.store.connection import Tx, migrate

QUEUES = (("transactional", "shop"), ("otp", "shop"), ("promotional", "shop"), ("transactional", "other"))
CARRIERS = ("telco", "backup")
DAYS_MS = 30 * 86_400_000
_STATES, _SHARES = (10, 11, 12, 14, 5), (900, 50, 20, 20, 10)
_MESSAGES = (
    "INSERT INTO messages (id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, "
    "segments, country, allow_unicode, client_id, expires_at, sent_at, done_at, attempts) "
    "VALUES (?1, ?2, ?1, ?1, ?3, ?4, ?5, 'SHOP', ?6, 'Your code is 1234, valid for ten minutes. Thank you.', "
    "'gsm7', 1, 'ES', 0, ?7, ?5, ?8, ?8, 1)"
)
_ATTEMPTS = (
    "INSERT INTO attempts (message, part, attempt, state, carrier, bind, claimed_at, answered_at, latency_ms, "
    "command_status, carrier_message_id, id_key, done_at, receipt_state, receipt_id, receipt_at, receipt_bind, "
    "receipt_matched, receipt_raw) "
    "VALUES (?1, 1, 1, ?2, ?3, ?3 || '/1', ?4, ?4, 38, 0, ?5, lower(?5), ?4, 'DELIVRD', ?1, ?4, ?3 || '/1', 'exact', "
    "'id:' || ?5 || ' sub:001 dlvrd:001 stat:DELIVRD err:000')"
)


def number(n: int) -> str:
    """The recipient of the message of this number."""
    return f"+346{random.Random(n).randrange(10**8):08}"


def fill(path: Path, messages: int, now_ms: int) -> list[int]:
    """The ids of its messages, oldest first: the nth is `order-n`, and 2**32 + n in hex at its carrier."""
    path.touch(0o600)
    connection = sqlite3.connect(path, isolation_level=None, factory=Tx)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    migrate(connection)
    ids = [(now_ms - DAYS_MS + n * DAYS_MS // messages << SEQUENCE_BITS) | n & 1023 for n in range(messages)]
    connection.execute("BEGIN")
    queues = [(n, lane, account) for n, (lane, account) in enumerate(QUEUES)]
    connection.executemany("INSERT INTO queues (id, lane, route, account) VALUES (?, ?, 'rest', ?)", queues)
    connection.executemany(_MESSAGES, _messages(ids))
    connection.executemany(_ATTEMPTS, _attempts(ids))
    connection.execute("COMMIT")
    connection.close()
    return ids


def _messages(ids: list[int]) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(1)
    for n, id_ in enumerate(ids):
        queue, at = n % len(QUEUES), id_ >> SEQUENCE_BITS
        state = chance.choices(_STATES, _SHARES)[0]
        yield id_, QUEUES[queue][1], queue, state, at + 86_400_000, number(n), f"order-{n}", at + 4_000


def _attempts(ids: list[int]) -> Iterator[tuple[Any, ...]]:
    for n, id_ in enumerate(ids):
        yield id_, 10, CARRIERS[n % len(CARRIERS)], id_ >> SEQUENCE_BITS, f"{n + (1 << 32):X}"
