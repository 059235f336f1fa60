"""Filing the lines of a stream: as many of them as there is room for, and under a key none of them twice.

A row keeps the answers of all lines of one ask, since a repeat may gather the same lines otherwise: what was asked
together is found by the numbers from its first line to its last.
"""

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from gateway.store import accepts
from gateway.store.consents.interface import Suppression
from gateway.store.interface import Accepted, LimitReached, NewMessage, StoreBusy, StoreFull, Submission
from gateway.store.keys import is_of_no_stream
from gateway.store.lines.interface import DIGEST_BYTES, MOST_LINES, LineAgain, LineKeys, LinesFiled, LinesIn
from gateway.store.work import Work

_FIRST = (
    "SELECT first, submission, digests, messages, refusals FROM stream_lines "
    # The last row may begin MOST_LINES before, but of a caller who waits for each answer all those hold a line each.
    "WHERE account = ? AND key = ? AND first BETWEEN ? AND ? AND first + length(messages) / 8 > ? AND expires_at > ?"
)
_KEEP = (
    "INSERT OR REPLACE INTO stream_lines (account, key, first, submission, digests, messages, refusals, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_NO_LINE = bytes(DIGEST_BYTES)


class _Refusals(msgspec.Struct, omit_defaults=True):
    """By number: the lines of a row that were not accepted."""

    rules: dict[int, msgspec.Raw] = {}
    conflicts: dict[int, int] = {}
    suppressed: dict[int, str] = {}
    duplicates: dict[int, int] = {}


_NO_REFUSALS = _Refusals()
_encode = msgspec.json.Encoder().encode
_refusals = msgspec.json.Decoder(_Refusals)


def file_lines(work: Work, lines: LinesIn, full: StoreFull | None = None) -> LinesFiled | StoreFull:
    """File what is new and finds room; with `full`, the disk's refusal, nothing of it."""
    submission, keys = lines.submission, lines.keys
    again, reused = ({}, set()) if keys is None else _first_answers(work.connection, submission.account, keys, work.now)
    if keys is not None and not again and not reused and is_of_no_stream(work, submission.account, keys.key):
        reused = set(keys.digests)
    if full is not None:
        return _without_new(lines, again, reused, full) or full
    filed = _file_what_fits(work, submission, _new_places(lines, again, reused))
    filed.again, filed.reused = again, reused
    if keys is not None:
        _keep(work, lines, keys, filed)
    return filed


def committed_answers(
    connection: sqlite3.Connection, lines: LinesIn, keys: LineKeys, now: int, refusal: StoreFull | StoreBusy
) -> LinesFiled | None:
    """The lines that came before, found by a reader where the writer can't write; None: all of them are new."""
    return _without_new(lines, *_first_answers(connection, lines.submission.account, keys, now), refusal)


def _without_new(
    lines: LinesIn, again: Mapping[int, LineAgain], reused: Collection[int], refusal: StoreFull | StoreBusy
) -> LinesFiled | None:
    """The new lines find no room, and of those that a rule refuses nothing is kept; None: all are new."""
    if not again and not reused:
        return None
    return LinesFiled(Accepted(), (), refusal, _new_places(lines, again, reused), again, reused)


def _new_places(lines: LinesIn, again: Mapping[int, LineAgain], reused: Collection[int]) -> Sequence[int]:
    """Indexes of the messages that did not come before."""
    if not again and not reused:
        return range(len(lines.numbers))
    return [at for at, number in enumerate(lines.numbers) if number not in again and number not in reused]


def _file_what_fits(work: Work, submission: Submission, places: Sequence[int]) -> LinesFiled:
    messages = submission.messages
    if len(places) < len(messages):
        messages = [messages[at] for at in places]
    outcome = _accept(work, submission, messages)
    if isinstance(outcome, Accepted):
        return LinesFiled(outcome, places)
    room = _room(work, submission.account, len(messages))
    first = _accept(work, submission, messages[:room])
    refusal = _refusal_of_one(work, submission.account, outcome)
    if not isinstance(first, Accepted):
        return LinesFiled(Accepted(), (), refusal, places)
    return LinesFiled(first, places[:room], refusal, places[room:])


def _refusal_of_one(work: Work, account: str, refusal: LimitReached | StoreFull) -> LimitReached | StoreFull:
    """What a line is told for which the lines before it left no room, in place of what so many together are told."""
    if isinstance(refusal, StoreFull):
        return refusal
    # Of the lines before it some may have counted for nothing: then there is room, once it comes again.
    reached = work.usage.refusal(account, 1, work.queues.ready_of_account, work.now)
    return reached or refusal._replace(asked=1)


def _accept(work: Work, submission: Submission, messages: Sequence[NewMessage]) -> Accepted | LimitReached | StoreFull:
    if not messages:
        return Accepted()
    outcome = accepts.accept(work, replace(submission, messages=messages))
    assert isinstance(outcome, Accepted | LimitReached | StoreFull)  # noqa: S101 - others come of a key, which it has not
    return outcome


def _room(work: Work, account: str, count: int) -> int:
    """For so many of the messages, which are too many together."""
    waiting, limit = work.queues.ready_in_transaction(), work.policy.backlog_limit

    def is_too_many(some: int) -> bool:
        refusal = work.usage.refusal(account, some, work.queues.ready_of_account, work.now)
        return waiting + some > limit or refusal is not None

    return bisect_left(range(1, count), True, key=is_too_many)


def _first_answers(
    connection: sqlite3.Connection, account: str, keys: LineKeys, now: int
) -> tuple[dict[int, LineAgain], set[int]]:
    """Of the lines that came before, by number; and the numbers under which something else came."""
    again: dict[int, LineAgain] = {}
    reused: set[int] = set()
    if not keys.digests:
        return again, reused
    least, most = next(iter(keys.digests)), next(reversed(keys.digests.keys()))  # type: ignore[call-overload]
    rows = connection.execute(_FIRST, (account, keys.key, least - MOST_LINES + 1, most, least, now)).fetchall()
    for first, submission, digests, messages, refusals in rows:
        refused = _refusals.decode(refusals) if refusals else _NO_REFUSALS
        ids = array("q", bytes(messages))
        for number in range(max(first, least), min(first + len(ids), most + 1)):
            at = number - first
            digest = digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            if digest == _NO_LINE or number not in keys.digests:
                continue
            if digest != keys.digests[number]:
                reused.add(number)
            else:
                again[number] = _again(connection, number, submission, ids[at], refused)
    return again, reused


def _again(connection: sqlite3.Connection, number: int, submission: int, message: int, refused: _Refusals) -> LineAgain:
    if message:
        return LineAgain(submission, accepts.as_accepted(connection, message))
    rules = refused.rules.get(number)
    suppressed = refused.suppressed.get(number)
    return LineAgain(
        submission,
        None,
        None if rules is None else bytes(rules),
        refused.conflicts.get(number),
        None if suppressed is None else Suppression(suppressed),
        refused.duplicates.get(number),
    )


def _keep(work: Work, lines: LinesIn, keys: LineKeys, filed: LinesFiled) -> None:
    """What is answered now to lines that were new, but for those that found no room."""
    ids: dict[int, int] = {}
    accepted, numbers, messages = filed.accepted, lines.numbers, lines.submission.messages
    of_places = [numbers[at] for at in filed.filed]
    refused = accepted.conflicts.keys() | accepted.suppressed.keys() | accepted.duplicates.keys()
    for place, at in enumerate(filed.filed):
        ids[numbers[at]] = 0 if place in refused else messages[at].id
    known = filed.again.keys() | filed.reused
    rules = {number: msgspec.Raw(told) for number, told in keys.refused.items() if number not in known}
    answered = ids.keys() | rules.keys()
    if not answered:
        return
    refusals = _Refusals(
        rules,
        _by_number(accepted.conflicts, of_places),
        {of_places[place]: why.value for place, why in accepted.suppressed.items()},
        _by_number(accepted.duplicates, of_places),
    )
    first, last = min(answered), max(answered)
    digests = [keys.digests[number] if number in answered else _NO_LINE for number in range(first, last + 1)]
    held = array("q", [ids.get(number, 0) for number in range(first, last + 1)])
    told = b"" if refusals == _NO_REFUSALS else _encode(refusals)
    until = work.now + work.policy.idempotency_ms
    account, submission = lines.submission.account, lines.submission.id
    row = (account, keys.key, first, submission, bytearray(b"".join(digests)), bytearray(held), bytearray(told), until)
    work.execute(_KEEP, row)


def _by_number(found: Mapping[int, int], numbers: Sequence[int]) -> dict[int, int]:
    return {numbers[place]: holder for place, holder in found.items()}
