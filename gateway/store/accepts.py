"""Accepting a submission: its idempotency key, its messages and its answer in one transaction."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from gateway.messages import MessageState
from gateway.rules.options import waits_here
from gateway.store import client_ids, keys, readers
from gateway.store.allowances import recent_texts
from gateway.store.consents import opt_outs
from gateway.store.consents.interface import Suppression
from gateway.store.interface import (
    Accepted,
    AcceptOutcome,
    IdempotencyKey,
    KeyReused,
    LimitReached,
    NewMessage,
    Replayed,
    StoreFull,
    Submission,
)
from gateway.store.many_rows import Insert
from gateway.store.views import MessageRow
from gateway.store.work import Work
from gateway.store.writings import accepted_segments

_QUEUED, _SCHEDULED = int(MessageState.QUEUED), int(MessageState.SCHEDULED)
_KEEP = (
    "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, submission, answer, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_USUAL = (
    "id, account, submission, request_id, queue, state, due, sender, recipient, text, encoding, segments, country, "
    "allow_unicode, expires_at, endpoint"
)
_EXTRAS = "client_id, tag, scheduled_at, webhook_url"
_OPTIONS = "options, variant"
_optional_of = attrgetter(*f"{_EXTRAS}, {_OPTIONS}".split(", "))
_MESSAGES = Insert("messages", _USUAL)
_UNLESS_IN_USE = "ON CONFLICT (account, client_id) WHERE client_id IS NOT NULL DO NOTHING"
_MESSAGES_WITH_EXTRAS = Insert("messages", f"{_USUAL}, {_EXTRAS}", otherwise=_UNLESS_IN_USE)
_MESSAGES_WITH_OPTIONS = Insert("messages", f"{_USUAL}, {_EXTRAS}, {_OPTIONS}", otherwise=_UNLESS_IN_USE)
_NO_EXTRAS, _NO_OPTIONS = (None, None, None, None), (None, None)
_NOTHING_OPTIONAL = (*_NO_EXTRAS, *_NO_OPTIONS)

_NONE: frozenset[int] = frozenset()
Source: TypeAlias = tuple[int, int]
"""The submission and the request that a message came with."""


class KeptAnswer(msgspec.Struct):
    """What a repeat needs to give the first answer again: ids, never texts."""

    ids: list[int]
    errors: bytes
    conflicts: dict[int, int]
    suppressed: dict[int, str] = {}
    duplicates: dict[int, int] = {}


_answers = msgspec.json.Decoder(KeptAnswer)


@dataclass(slots=True, frozen=True)
class Accepting:
    """`accept` as an order's change; what it is of, singles.py looks at."""

    submission: Submission
    full: StoreFull | None

    def __call__(self, work: Work) -> AcceptOutcome | StoreFull:
        return accept(work, self.submission, self.full)


def accept(work: Work, submission: Submission, full: StoreFull | None = None) -> AcceptOutcome | StoreFull:
    """File the messages of a submission, unless its key was seen before, or the backlog or a limit is reached.

    `full`: the disk's refusal, of all that is new.
    """
    key, account, messages = submission.idempotency, submission.account, submission.messages
    if key is not None:
        again = first_answer(work, account, key)
        if again is not None:
            return again
    if full is not None:
        return full
    outcome = accept_new(work, account, messages, _sources(submission))
    if key is not None and isinstance(outcome, Accepted):
        is_refused = len(outcome.left_out) == len(messages) == 1 and not submission.errors and not submission.is_bulk
        if not is_refused:
            keep_accepted(work, submission, key, outcome)
    return outcome


def accept_new(
    work: Work, account: str, messages: Sequence[NewMessage], sources: Sequence[Source]
) -> Accepted | LimitReached | StoreFull:
    """`accept` without keys; `sources`: each message's. Nothing is changed where it is not Accepted."""
    waiting, limit = work.queues.ready_in_transaction(), work.policy.backlog_limit
    if messages and waiting + len(messages) > limit:
        return StoreFull(
            f"{waiting:,} messages wait for a free slot, and store.backlog_limit is {limit:,}; "
            "wait until some are sent, or raise it"
        )
    lanes = {message.lane for message in messages}
    suppressed = opt_outs.suppressed_messages(work, account, messages, lanes)
    recent = recent_texts.look(work, account, messages, lanes, suppressed)
    left_out = suppressed.keys() | recent.duplicates.keys() if suppressed or recent.duplicates else _NONE
    # What is left out of the submission counts for no limit.
    count = len(messages) - len(left_out)
    reached = work.usage.refusal(account, count, work.queues.ready_of_account, work.now)
    if reached is not None:
        return reached
    if left_out:
        conflicts = _file_others(work, account, messages, sources, left_out)
    else:
        conflicts = _file(work, account, messages, sources)
    recent_texts.keep(work, recent, conflicts)
    work.usage.take(account, count - len(conflicts))
    return Accepted(conflicts, suppressed, recent.duplicates)


def _file_others(
    work: Work, account: str, messages: Sequence[NewMessage], sources: Sequence[Source], left_out: Collection[int]
) -> dict[int, int]:
    """`_file` for the rest; the indexes are those of the whole."""
    indexes = [index for index in range(len(messages)) if index not in left_out]
    filed = _file(work, account, [messages[index] for index in indexes], [sources[index] for index in indexes])
    return {indexes[place]: holder for place, holder in filed.items()}


def keep_accepted(work: Work, submission: Submission, key: IdempotencyKey, accepted: Accepted) -> None:
    """Keep what a submission was answered, for a repeat of its key."""
    left_out = accepted.left_out
    ids = [message.id for index, message in enumerate(submission.messages) if index not in left_out]
    told = {index: why.value for index, why in accepted.suppressed.items()}
    kept = KeptAnswer(ids, submission.errors, accepted.conflicts, told, dict(accepted.duplicates))
    keep_answer(work, submission.account, key, msgspec.json.encode(kept), submission.id)


def first_answer(work: Work, account: str, key: IdempotencyKey) -> Replayed | KeyReused | None:
    """What was answered when this key was first seen; None: it is new."""
    return answer_found(work.connection, account, key, work.now)


def answer_found(
    connection: sqlite3.Connection, account: str, key: IdempotencyKey, now: int
) -> Replayed | KeyReused | None:
    """`first_answer` by whichever connection: a reader's, where the writer can't write."""
    row = connection.execute(keys.FIRST, (account, key.key, now)).fetchone()
    if row is None:
        return None
    fingerprint, submission, body = row
    if fingerprint != key.fingerprint:
        return KeyReused()
    answer = _answers.decode(body)
    first = [found for message in answer.ids if (found := as_accepted(connection, message)) is not None]
    suppressed = {index: Suppression(why) for index, why in answer.suppressed.items()}
    return Replayed(submission, first, answer.errors, answer.conflicts, suppressed, answer.duplicates)


def as_accepted(connection: sqlite3.Connection, message: int) -> MessageRow | None:
    """A message as it was told then: since then a carrier's own alphabet may have made it more parts, or fewer."""
    row = readers.message_row(connection, message)
    return None if row is None else row._replace(segments=accepted_segments(row.writing, row.segments))


def kept_answer(work: Work, account: str, key: IdempotencyKey) -> bytes | KeyReused | None:
    """What another call than a submission was answered when this key was first seen; None: it is new."""
    row = work.execute(keys.FIRST, (account, key.key, work.now)).fetchone()
    if row is None:
        return None
    return bytes(row[2]) if row[0] == key.fingerprint else KeyReused()


def keep_answer(work: Work, account: str, key: IdempotencyKey, answer: bytes, submission: int = 0) -> None:
    """Keep what a call is answered, for a repeat of its key; `submission` 0: it was none."""
    until = work.now + work.policy.idempotency_ms
    work.execute(_KEEP, (account, key.key, key.fingerprint, submission, answer, until))


def file(work: Work, submission: Submission, campaign: int = 0) -> dict[int, int]:
    """File messages, of a campaign if that is given; by index, those whose client_id is in use, and by whom."""
    return _file(work, submission.account, submission.messages, _sources(submission), campaign)


def _sources(submission: Submission) -> list[Source]:
    return [(submission.id, submission.request_id)] * len(submission.messages)


def _file(
    work: Work, account: str, messages: Sequence[NewMessage], sources: Sequence[Source], campaign: int = 0
) -> dict[int, int]:
    queues: dict[tuple[str, str], int] = {}
    ready: dict[int, int] = {}
    endpoints: dict[str | None, int | None] = {}
    for lane, route in dict.fromkeys([(message.lane, message.route) for message in messages]):
        queues[lane, route] = work.queues.id_of(work.connection, lane, route, account, campaign=campaign)
    for url in dict.fromkeys([message.webhook_url for message in messages]):
        endpoints[url] = work.endpoints.of_message(work.connection, account, url)
    rows = _rows(account, messages, sources, queues, endpoints, ready)
    filed = _insert(work, messages, rows)
    conflicts = {} if filed == len(rows) else _conflicts(work, account, messages)
    for index in conflicts:
        message = messages[index]
        if _is_ready(message):
            ready[queues[message.lane, message.route]] -= 1
    for queue, count in ready.items():
        work.queues.add(queue, count)
    _count(work, account, messages, conflicts)
    _tell(work, messages, conflicts, endpoints)
    return conflicts


def _count(work: Work, account: str, messages: Sequence[NewMessage], conflicts: Mapping[int, int]) -> None:
    """What was filed is the account's use of this day."""
    segments = sum([message.segments for message in messages])
    segments -= sum([messages[index].segments for index in conflicts])
    if count := len(messages) - len(conflicts):
        work.usage.add(account, count, segments, work.now)


def _is_ready(message: NewMessage) -> bool:
    """Whether a free slot may take it now: it has no time, or its carrier holds it until then."""
    return message.scheduled_at is None or not waits_here(message.scheduled_at, message.options)


def _rows(
    account: str,
    messages: Sequence[NewMessage],
    sources: Sequence[Source],
    queues: Mapping[tuple[str, str], int],
    endpoints: Mapping[str | None, int | None],
    ready: dict[int, int],
) -> list[tuple[Any, ...]]:
    """The values of _USUAL; counts by queue in `ready` what a free slot may take now."""
    rows = []
    for message, (submission, request_id) in zip(messages, sources, strict=True):
        # All at once: one by one, by their names, they cost as much as all the rest.
        (id_, route, lane, recipient, sender, text, encoding, segments, country, expires_at, scheduled_at, _, _, url,
         allow_unicode, _, _) = message  # fmt: skip
        queue = queues[lane, route]
        state, due = _QUEUED, expires_at
        if scheduled_at is not None and not _is_ready(message):
            state, due = _SCHEDULED, scheduled_at
        else:
            ready[queue] = ready.get(queue, 0) + 1
        rows.append((
            id_, account, submission, request_id, queue, state, due, sender, recipient, text,
            encoding, segments, country, int(allow_unicode), expires_at, endpoints[url],
        ))  # fmt: skip
    return rows


def _insert(work: Work, messages: Sequence[NewMessage], rows: list[tuple[Any, ...]]) -> int:
    """Insert the rows, with what few messages have; how many there are."""
    optional = list(map(_optional_of, messages))
    if optional.count(_NOTHING_OPTIONAL) == len(optional):
        return _MESSAGES.rows(work, rows)
    whole = [row + values for row, values in zip(rows, optional, strict=True)]
    without = -len(_NO_OPTIONS)
    if any(row[without:] != _NO_OPTIONS for row in whole):
        return _MESSAGES_WITH_OPTIONS.rows(work, whole)
    return _MESSAGES_WITH_EXTRAS.rows(work, [row[:without] for row in whole])


def _conflicts(work: Work, account: str, messages: Sequence[NewMessage]) -> dict[int, int]:
    """Which messages were not filed because their client_id is in use, and by whom."""
    conflicts = {}
    for index, message in enumerate(messages):
        holder = client_ids.holder(work, account, message.client_id)
        if holder is not None and holder != message.id:
            conflicts[index] = holder
    return conflicts


def _tell(
    work: Work,
    messages: Sequence[NewMessage],
    conflicts: Collection[int],
    endpoints: Mapping[str | None, int | None],
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
    for index, message in enumerate(messages):
        if index not in conflicts and message.webhook_url in curious:
            found = work.find(message.id)
            if found is not None:
                work.tell(found, "queued" if _is_ready(message) else "scheduled")
