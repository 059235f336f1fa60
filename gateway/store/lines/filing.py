"""Filing the lines of a stream: as many of them as there is room for, and under a key none of them twice.

A row keeps the answers of all lines of one ask, since a repeat may gather the same lines otherwise: what was asked
together is found by the numbers from its first line to its last.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from gateway.store import accepts
from gateway.store.consents.interface import Suppression
from gateway.store.interface import Accepted, LimitReached, NewMessage, StoreFull, Submission
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


def file_lines(work: Work, lines: LinesIn) -> LinesFiled:
    """File what is new and finds room."""
    submission, keys = lines.submission, lines.keys
    again, reused = ({}, set()) if keys is None else _first_answers(work, submission.account, keys)
    places: Sequence[int] = range(len(lines.numbers))
    if again or reused:
        places = [at for at, number in enumerate(lines.numbers) if number not in again and number not in reused]
    filed = _file_what_fits(work, submission, places)
    filed.again, filed.reused = again, reused
    if keys is not None:
        _keep(work, lines, keys, filed)
    return filed


def _file_what_fits(work: Work, submission: Submission, places: Sequence[int]) -> LinesFiled:
    messages = submission.messages
    if len(places) < len(messages):
        messages = [messages[at] for at in places]
    outcome = _accept(work, submission, messages)
    if isinstance(outcome, Accepted):
        return LinesFiled(outcome, places)
    room = _room(work, submission.account, len(messages))
    first = _accept(work, submission, messages[:room])
    if not isinstance(first, Accepted):
        return LinesFiled(Accepted(), (), outcome, places)
    return LinesFiled(first, places[:room], outcome, places[room:])


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


def _first_answers(work: Work, account: str, keys: LineKeys) -> tuple[dict[int, LineAgain], set[int]]:
    """Of the lines that came before, by number; and the numbers under which something else came."""
    again: dict[int, LineAgain] = {}
    reused: set[int] = set()
    if not keys.digests:
        return again, reused
    least, most = next(iter(keys.digests)), next(reversed(keys.digests.keys()))  # type: ignore[call-overload]
    rows = work.execute(_FIRST, (account, keys.key, least - MOST_LINES + 1, most, least, work.now)).fetchall()
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
                again[number] = _again(work, number, submission, ids[at], refused)
    return again, reused


def _again(work: Work, number: int, submission: int, message: int, refused: _Refusals) -> LineAgain:
    if message:
        return LineAgain(submission, accepts.as_accepted(work, message))
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
