"""Accepting a submission: its idempotency key, its messages and its answer in one transaction."""

from typing import Any

import msgspec

from gateway.messages import MessageState
from gateway.store import readers
from gateway.store.interface import (
    Accepted,
    AcceptOutcome,
    IdempotencyKey,
    KeyReused,
    NewMessage,
    Replayed,
    StoreFull,
    Submission,
)
from gateway.store.many_rows import Insert
from gateway.store.work import Work
from gateway.store.writings import accepted_segments

_QUEUED, _SCHEDULED = int(MessageState.QUEUED), int(MessageState.SCHEDULED)
_FIRST = "SELECT fingerprint, submission, answer FROM idempotency WHERE account = ? AND key = ? AND expires_at > ?"
_KEEP = (
    "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, submission, answer, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_USUAL = (
    "id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, segments, country, "
    "allow_unicode, expires_at, endpoint"
)
_EXTRAS = "client_id, tag, scheduled_at, webhook_url"
_MESSAGES = Insert("messages", _USUAL)
_UNLESS_IN_USE = "ON CONFLICT (account, client_id) WHERE client_id IS NOT NULL DO NOTHING"
_MESSAGES_WITH_EXTRAS = Insert("messages", f"{_USUAL}, {_EXTRAS}", otherwise=_UNLESS_IN_USE)
_NO_EXTRAS = (None, None, None, None)
_MESSAGES_WITH_OPTIONS = Insert("messages", f"{_USUAL}, {_EXTRAS}, options", otherwise=_UNLESS_IN_USE)
_HOLDER = "SELECT id FROM messages WHERE account = ? AND client_id = ?"


class KeptAnswer(msgspec.Struct):
    """What a repeat needs to give the first answer again: ids, never texts."""

    ids: list[int]
    errors: bytes
    conflicts: dict[int, int]


_answers = msgspec.json.Decoder(KeptAnswer)


def accept(work: Work, submission: Submission) -> AcceptOutcome | StoreFull:
    """File the messages of a submission, unless its key was seen before or the backlog is full."""
    key = submission.idempotency
    if key is not None:
        again = first_answer(work, submission.account, key)
        if again is not None:
            return again
    waiting, limit = work.queues.ready_in_transaction(), work.policy.backlog_limit
    if submission.messages and waiting + len(submission.messages) > limit:
        return StoreFull(
            f"{waiting:,} messages wait for a free slot, and store.backlog_limit is {limit:,}; "
            "wait until some are sent, or raise it"
        )
    conflicts = _file(work, submission)
    is_refused = len(conflicts) == len(submission.messages) == 1 and not submission.errors
    if key is not None and not is_refused:
        ids = [message.id for index, message in enumerate(submission.messages) if index not in conflicts]
        answer = msgspec.json.encode(KeptAnswer(ids, submission.errors, conflicts))
        keep_answer(work, submission.account, key, answer, submission.id)
    return Accepted(conflicts)


def first_answer(work: Work, account: str, key: IdempotencyKey) -> Replayed | KeyReused | None:
    """What was answered when this key was first seen; None: it is new."""
    row = work.execute(_FIRST, (account, key.key, work.now)).fetchone()
    if row is None:
        return None
    fingerprint, submission, body = row
    if fingerprint != key.fingerprint:
        return KeyReused()
    answer = _answers.decode(body)
    rows = [row for message in answer.ids if (row := readers.message_row(work.connection, message)) is not None]
    # As it was told then: since then a carrier's own alphabet may have made it more parts, or fewer.
    first = [row._replace(segments=accepted_segments(row.writing, row.segments)) for row in rows]
    return Replayed(submission, first, answer.errors, answer.conflicts)


def kept_answer(work: Work, account: str, key: IdempotencyKey) -> bytes | KeyReused | None:
    """What another call than a submission was answered when this key was first seen; None: it is new."""
    row = work.execute(_FIRST, (account, key.key, work.now)).fetchone()
    if row is None:
        return None
    return bytes(row[2]) if row[0] == key.fingerprint else KeyReused()


def keep_answer(work: Work, account: str, key: IdempotencyKey, answer: bytes, submission: int = 0) -> None:
    """Keep what a call is answered, for a repeat of its key; `submission` 0: it was none."""
    until = work.now + work.policy.idempotency_ms
    work.execute(_KEEP, (account, key.key, key.fingerprint, submission, answer, until))


def _file(work: Work, submission: Submission) -> dict[int, int]:
    queues: dict[tuple[str, str], int] = {}
    ready: dict[int, int] = {}
    endpoints: dict[str | None, int | None] = {}
    rows = []
    extras = []
    options = []
    for message in submission.messages:
        place = (message.lane, message.route)
        if place not in queues:
            queues[place] = work.queues.id_of(work.connection, message.lane, message.route, submission.account)
        if message.webhook_url not in endpoints:
            endpoints[message.webhook_url] = work.endpoints.of_message(
                work.connection, submission.account, message.webhook_url
            )
        rows.append(_row(submission, message, queues[place], endpoints[message.webhook_url]))
        extras.append((message.client_id, message.tag, message.scheduled_at, message.webhook_url))
        options.append(message.options)
        if message.scheduled_at is None:
            ready[queues[place]] = ready.get(queues[place], 0) + 1
    if options.count(None) < len(options):
        filed = _MESSAGES_WITH_OPTIONS.rows(
            work, [(*row, *extra, asked) for row, extra, asked in zip(rows, extras, options, strict=True)]
        )
    elif extras.count(_NO_EXTRAS) == len(extras):
        filed = _MESSAGES.rows(work, rows)
    else:
        filed = _MESSAGES_WITH_EXTRAS.rows(work, [row + extra for row, extra in zip(rows, extras, strict=True)])
    conflicts = {} if filed == len(rows) else _conflicts(work, submission)
    for index in conflicts:
        message = submission.messages[index]
        if message.scheduled_at is None:
            ready[queues[message.lane, message.route]] -= 1
    for queue, count in ready.items():
        work.queues.add(queue, count)
    _tell(work, submission, conflicts, endpoints)
    return conflicts


def _row(submission: Submission, message: NewMessage, queue: int, endpoint: int | None) -> tuple[Any, ...]:
    (id_, _, _, recipient, sender, text, encoding, segments, country, expires_at, scheduled_at, _, _, _,
     allow_unicode, _) = message  # fmt: skip
    state, due = (_QUEUED, expires_at) if scheduled_at is None else (_SCHEDULED, scheduled_at)
    return (
        id_, submission.account, submission.id, submission.request_id, queue, state, due, sender, recipient, text,
        encoding, segments, country, int(allow_unicode), expires_at, endpoint,
    )  # fmt: skip


def _conflicts(work: Work, submission: Submission) -> dict[int, int]:
    """Which messages were not filed because their client_id is in use, and by whom."""
    conflicts = {}
    for index, message in enumerate(submission.messages):
        if message.client_id is not None:
            holder = work.execute(_HOLDER, (submission.account, message.client_id)).fetchone()[0]
            if holder != message.id:
                conflicts[index] = holder
    return conflicts


def _tell(
    work: Work, submission: Submission, conflicts: dict[int, int], endpoints: dict[str | None, int | None]
) -> None:
    """`message.queued` and `message.scheduled`, for the few endpoints that ask for them."""
    quiet = {"message.queued", "message.scheduled"}
    curious = {
        url
        for url, endpoint in endpoints.items()
        if endpoint is not None and not quiet.isdisjoint(work.endpoints.by_id[endpoint].wants)
    }
    if not curious:
        return
    for index, message in enumerate(submission.messages):
        if index not in conflicts and message.webhook_url in curious:
            found = work.find(message.id)
            if found is not None:
                work.tell(found, "queued" if message.scheduled_at is None else "scheduled")
