"""Ready messages that meet their recipients' quiet hours when they are about to be claimed: they wait for the end.

Shown as `queued` meanwhile, since a public status never goes back. One whose validity ends before that expires in time.
"""

from typing import Any

from gateway.messages import MessageState
from gateway.rules.options import from_json
from gateway.store.many_rows import as_json
from gateway.store.work import OutOfStep, Work

_COUNTRIES = "SELECT id, country FROM messages WHERE id IN (SELECT value FROM json_each(?))"
_PUT_BACK = (
    f"UPDATE messages SET state = {int(MessageState.RETRYING)}, due = ? "
    f"WHERE id IN (SELECT value FROM json_each(?)) AND state = {int(MessageState.QUEUED)}"
)


def may_wait(work: Work, lane: str) -> bool:
    """Whether any message of a lane waits for the end of quiet hours: nothing is asked of the disk where none does."""
    return lane in work.policy.quiet_hours.lanes


def put_back(work: Work, queue: int, rows: dict[int, tuple[str, int, str | None]]) -> set[int]:
    """Of ready messages (recipient, end of validity and options by id): those that wait, which left their queue."""
    quiet, now = work.policy.quiet_hours, work.now
    until: dict[int, list[int]] = {}
    for message, country in work.execute(_COUNTRIES, (as_json(list(rows)),)).fetchall():
        recipient, expires_at, options = rows[message]
        opens = quiet.opens_at(now, recipient, country)
        if opens is not None and not _goes_anyway(options, now):
            until.setdefault(min(opens, expires_at), []).append(message)
    for due, messages in until.items():
        if work.execute(_PUT_BACK, (due, as_json(messages))).rowcount != len(messages):
            raise OutOfStep("a message that was ready just now is not")
        work.queues.add(queue, -len(messages))
    return {message for messages in until.values() for message in messages}


def _goes_anyway(options: Any, now: int) -> bool:
    """What answers a keyword, and what its carrier holds until a time that is not quiet."""
    if options is None:
        return False
    asked = from_json(options)
    return asked.despite_opt_out or (asked.deliver_at is not None and asked.deliver_at > now)
