"""Accepting a submission: its idempotency key, its messages and its answer in one transaction."""

from typing import Any

import msgspec

from gateway.messages import MessageState
from gateway.store.interface import Accepted, AcceptOutcome, KeyReused, NewMessage, Replayed, StoreFull, Submission
from gateway.store.work import COLUMNS, Found, Work

_INSERT = (
    "INSERT INTO messages (id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, segments, country, "
    "allow_unicode, client_id, tag, scheduled_at, expires_at, endpoint, webhook_url) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


class KeptAnswer(msgspec.Struct):
    """What a repeat needs to give the first answer again: ids, never texts."""

    ids: list[int]
    errors: bytes
    conflicts: dict[int, int]


_answers = msgspec.json.Decoder(KeptAnswer)


def check_backlog(waiting: int, more: int, limit: int) -> None:
    """Raises StoreFull where so many more would not fit."""
    if waiting + more > limit:
        raise StoreFull(f"{waiting} messages wait, and {limit} is the limit")


def accept(work: Work, submission: Submission) -> AcceptOutcome:
    """File the messages of a submission, unless its key was seen before."""
    key = submission.idempotency
    if key is not None:
        row = work.execute(
            "SELECT fingerprint, submission, answer FROM idempotency WHERE account = ? AND key = ? AND expires_at > ?",
            (submission.account, key.key, work.now),
        ).fetchone()
        if row is not None:
            return _again(work, row[1], _answers.decode(row[2])) if row[0] == key.fingerprint else KeyReused()
    conflicts = _file(work, submission)
    if key is not None:
        ids = [message.id for index, message in enumerate(submission.messages) if index not in conflicts]
        answer = msgspec.json.encode(KeptAnswer(ids, submission.errors, conflicts))
        work.execute(
            "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, submission, answer, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                submission.account,
                key.key,
                key.fingerprint,
                submission.id,
                answer,
                work.now + work.policy.idempotency_ms,
            ),
        )
    return Accepted(conflicts)


def _file(work: Work, submission: Submission) -> dict[int, int]:
    queues: dict[tuple[str, str], int] = {}
    ready: dict[int, int] = {}
    endpoints: dict[str | None, int | None] = {}
    rows = []
    for message in submission.messages:
        place = (message.lane, message.route)
        if place not in queues:
            queues[place] = work.queues.id_of(work.connection, message.lane, message.route, submission.account)
        if message.webhook_url not in endpoints:
            endpoints[message.webhook_url] = work.endpoints.of_message(
                work.connection, submission.account, message.webhook_url
            )
        rows.append(_row(submission, message, queues[place], endpoints[message.webhook_url]))
        if message.scheduled_at is None:
            ready[queues[place]] = ready.get(queues[place], 0) + 1
    filed = work.connection.executemany(_INSERT, rows).rowcount if rows else 0
    conflicts = {} if filed == len(rows) else _conflicts(work, submission)
    for index in conflicts:
        if submission.messages[index].scheduled_at is None:
            ready[rows[index][4]] -= 1
    for queue, count in ready.items():
        work.queues.add(queue, count)
    _tell(work, submission, conflicts, endpoints)
    return conflicts


def _row(submission: Submission, message: NewMessage, queue: int, endpoint: int | None) -> tuple[Any, ...]:
    scheduled = message.scheduled_at is not None
    state = MessageState.SCHEDULED if scheduled else MessageState.QUEUED
    return (
        message.id, submission.account, submission.id, submission.request_id, queue, int(state),
        message.scheduled_at if scheduled else message.expires_at, message.sender, message.recipient, message.text, message.encoding,
        message.segments, message.country, message.allow_unicode, message.client_id, message.tag, message.scheduled_at, message.expires_at,
        endpoint, message.webhook_url,
    )  # fmt: skip


def _conflicts(work: Work, submission: Submission) -> dict[int, int]:
    """Which messages were not filed because their client_id is in use, and by whom."""
    conflicts = {}
    for index, message in enumerate(submission.messages):
        if message.client_id is not None:
            holder = work.execute(
                "SELECT id FROM messages WHERE account = ? AND client_id = ?", (submission.account, message.client_id)
            ).fetchone()[0]
            if holder != message.id:
                conflicts[index] = holder
    return conflicts


def _tell(
    work: Work, submission: Submission, conflicts: dict[int, int], endpoints: dict[str | None, int | None]
) -> None:
    """`message.queued` and `message.scheduled`, for the few endpoints that ask for them."""
    curious = {
        url for url, endpoint in endpoints.items()
        if endpoint is not None and work.endpoints.by_id[endpoint].wants & {"message.queued", "message.scheduled"}
    }  # fmt: skip
    if not curious:
        return
    for index, message in enumerate(submission.messages):
        if index not in conflicts and message.webhook_url in curious:
            found = work.find(message.id)
            if found is not None:
                work.tell(found, "queued" if message.scheduled_at is None else "scheduled")


def _again(work: Work, submission: int, answer: KeptAnswer) -> Replayed:
    rows = []
    for message in answer.ids:
        values = work.execute(f"SELECT {COLUMNS} FROM messages WHERE id = ?", (message,)).fetchone()
        if values is not None:
            rows.append(Found(work, values).row)
    return Replayed(submission, rows, answer.errors, answer.conflicts)
