"""Submissions of one message that a transaction accepts together: those of an account and lane by the statements of a
bulk.

To each caller it is as if its message had been filed alone. Where it would not be so (a limit lets some of them through
and others not, one repeats another), they are filed one by one.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from gateway.store.accepts import Accepting, accept_new, first_answer, keep_accepted
from gateway.store.interface import Accepted, Submission
from gateway.store.work import Work

Change = Callable[[Work], Any]


def carry_out(work: Work, changes: Sequence[Change]) -> list[Any]:
    """What each gives. They are carried out in their order, but that singles go with the first of their account and
    lane, so that what is more urgent has room before what is less."""
    groups = _groups(work, changes)
    results: dict[int, Any] = {}
    for place, change in enumerate(changes):
        if place not in results and len(groups.get(place, ())) > 1:
            results |= _accept_together(work, groups[place])
        if place not in results:
            results[place] = change(work)
    return [results[place] for place in range(len(changes))]


def _groups(work: Work, changes: Sequence[Change]) -> dict[int, dict[int, Submission]]:
    """The singles by their places, of each account and lane, by the first's place; but for those that have the name of
    one before them, or not room enough for all."""
    groups: dict[tuple[str, str], dict[int, Submission]] = {}
    named: set[tuple[str, str, str]] = set()
    roomy = _with_room(work, changes)
    for place, change in enumerate(changes):
        if isinstance(change, Accepting) and change.full is None and change.submission.account in roomy:
            submission = change.submission
            if (
                not submission.is_bulk
                and len(submission.messages) == 1
                and named.isdisjoint(names := _names(submission))
            ):
                named |= names
                groups.setdefault((submission.account, submission.messages[0].lane), {})[place] = submission
    return {min(group): group for group in groups.values()}


def _with_room(work: Work, changes: Sequence[Change]) -> set[str]:
    """The accounts that have room for all that is asked for: else what goes with the first of its kind would take that
    of what came before it."""
    counts: Counter[str] = Counter()
    for change in changes:
        if isinstance(change, Accepting):
            counts[change.submission.account] += len(change.submission.messages)
    if work.queues.ready_in_transaction() + counts.total() > work.policy.backlog_limit:
        return set()
    now, usage, ready = work.now, work.usage, work.queues.ready_of_account
    return {
        account
        for account, count in counts.items()
        if usage.lends_none(account, count, now) and usage.refusal(account, count, ready, now) is None
    }


def _names(submission: Submission) -> set[tuple[str, str, str]]:
    """By which a repeat is known."""
    account, key, name = submission.account, submission.idempotency, submission.messages[0].client_id
    names = set() if name is None else {(account, "client_id", name)}
    return names if key is None else names | {(account, "key", key.key)}


def _accept_together(work: Work, singles: dict[int, Submission]) -> dict[int, Any]:
    """What those of an account give that could be accepted as one; the others are as they were."""
    account = next(iter(singles.values())).account
    results: dict[int, Any] = {}
    new: dict[int, Submission] = {}
    for place, single in singles.items():
        key = single.idempotency
        again = None if key is None else first_answer(work, account, key)
        if again is None:
            new[place] = single
        else:
            results[place] = again
    if not new:
        return results
    messages = [single.messages[0] for single in new.values()]
    sources = [(single.id, single.request_id) for single in new.values()]
    whole = accept_new(work, account, messages, sources)
    if not isinstance(whole, Accepted):
        return results
    for index, (place, single) in enumerate(new.items()):
        accepted = results[place] = _part(whole, index)
        if single.idempotency is not None and accepted.is_whole:
            keep_accepted(work, single, single.idempotency, accepted)
    return results


def _part(whole: Accepted, index: int) -> Accepted:
    """What of it is told of one message."""
    conflicts, suppressed, duplicates = whole.conflicts, whole.suppressed, whole.duplicates
    return Accepted(
        {0: conflicts[index]} if index in conflicts else {},
        {0: suppressed[index]} if index in suppressed else {},
        {0: duplicates[index]} if index in duplicates else {},
    )
