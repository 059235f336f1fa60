"""Where a message stands after something happened to one of its parts: the one place that reads a message's attempts together."""

from typing import Any, NamedTuple

from gateway.messages import UNSENT, AttemptState, ErrorCode, MessageState, part_state, state_of_parts
from gateway.store.interface import AttemptRow
from gateway.store.work import Found, Work
from protocol.command_status import StatusClass, classify

ATTEMPT_COLUMNS = (
    "message, part, attempt, state, carrier, bind, claimed_at, answered_at, latency_ms, command_status, carrier_message_id, retry_at, done_at, "
    "err, network_error"
)


class Parts(NamedTuple):
    attempts: list[AttemptRow]
    states: list[int]
    latest: list[AttemptRow]


def attempts_of(work: Work, message: int) -> list[AttemptRow]:
    rows = work.execute(
        f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE message = ? ORDER BY part, attempt", (message,)
    ).fetchall()
    return [AttemptRow(*row) for row in rows]


def parts_of(work: Work, message: int) -> Parts:
    """A message's attempts, and the state and latest attempt of each part that has one."""
    by_part: dict[int, list[AttemptRow]] = {}
    attempts = attempts_of(work, message)
    for row in attempts:
        by_part.setdefault(row.part, []).append(row)
    return Parts(
        attempts,
        [part_state(row.state for row in rows) for rows in by_part.values()],
        [rows[-1] for rows in by_part.values()],
    )


def regroup(work: Work, message: int, *, error: str | None = None, **facts: Any) -> None:
    """Move a message to where its parts put it; nothing when it stands there already or has ended (but for `unknown`, which a receipt replaces)."""
    found = work.find(message)
    if found is None:
        return
    parts = parts_of(work, message)
    before = MessageState(found.row.state)
    after = state_of_parts(parts.states, found.row.segments)
    if before >= MessageState.DELIVERED:
        if before is MessageState.UNKNOWN and MessageState.DELIVERED <= after < MessageState.FAILED:
            work.end(found, after, error=error, **facts)
        return
    if after >= MessageState.DELIVERED:
        work.end(found, after, error=error or _error_of(after), **facts)
    elif after is MessageState.RETRYING:
        _send_rest(work, found, parts)
    elif after is MessageState.SENT:
        _sent(work, found, parts, facts)
    elif after is MessageState.IN_DOUBT and before is not MessageState.IN_DOUBT:
        _doubt(work, found)


def sent_due(work: Work, carrier: str, expires_at: int) -> int:
    """The receipt horizon: validity and then as long as the carrier may take."""
    policy = work.policy.carriers.get(carrier)
    return max(expires_at, work.now) + (policy.receipt_horizon_ms if policy else 0)


def _sent(work: Work, found: Found, parts: Parts, facts: dict[str, Any]) -> None:
    row = found.row
    if row.state == MessageState.SENT:
        return
    last = parts.latest[-1]
    moved = work.move(
        row.id, MessageState.SENT, sent_due(work, last.carrier, row.expires_at), sent_at=row.sent_at or work.now
    )
    if moved is not None and row.sent_at is None:
        work.tell(
            moved,
            "sent",
            carrier=last.carrier,
            carrier_message_id=facts.get("carrier_message_id") or last.carrier_message_id,
        )


def _doubt(work: Work, found: Found) -> None:
    grace = work.policy.lanes[found.row.lane].grace_ms if found.row.lane in work.policy.lanes else 0
    moved = work.move(found.row.id, MessageState.IN_DOUBT, work.now + grace)
    if moved is not None:
        work.tell(moved, "in_doubt")


def _send_rest(work: Work, found: Found, parts: Parts) -> None:
    """Some part still has to go out: at its retry time, and with the same carrier once another part is there."""
    row = found.row
    if row.state == MessageState.QUEUED:
        return
    accepted = next((a.carrier for a in parts.attempts if a.state not in UNSENT), "")
    postponed = [a for a in parts.latest if a.state == AttemptState.POSTPONED]
    retry_at = max((a.retry_at or 0 for a in postponed), default=0)
    avoid = "" if accepted else _carrier_to_avoid(postponed)
    queue = work.queues.elsewhere(work.connection, found.queue, stay=accepted, avoid=avoid)
    if retry_at > work.now:
        work.move(row.id, MessageState.RETRYING, min(retry_at, row.expires_at), queue=queue)
    elif work.move(row.id, MessageState.QUEUED, max(row.expires_at, work.now), queue=queue) is not None:
        work.queues.add(queue, 1)


def _carrier_to_avoid(postponed: list[AttemptRow]) -> str:
    """The carrier that answered an error last; throttling is no reason to go elsewhere, it waits its turn."""
    failed = [
        a for a in postponed if a.command_status is not None and classify(a.command_status) is not StatusClass.THROTTLED
    ]
    return failed[-1].carrier if failed else ""


def _error_of(state: MessageState) -> str | None:
    return {
        MessageState.FAILED: ErrorCode.UNMAPPED,
        MessageState.EXPIRED: ErrorCode.EXPIRED,
        MessageState.UNKNOWN: ErrorCode.OUTCOME_UNKNOWN,
        MessageState.UNDELIVERED: ErrorCode.UNMAPPED,
        MessageState.REJECTED: ErrorCode.UNMAPPED,
    }.get(state)
