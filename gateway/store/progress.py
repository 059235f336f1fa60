"""Where a message stands after something happened to one of its parts: here alone its attempts are read together."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.messages import MOVES, UNSENT, AttemptState, ErrorCode, MessageState, part_state, state_of_parts
from gateway.settings.types import ReceiptsOf
from gateway.store.elsewhere import carriers_to_avoid, end_rerouted, network_error_of, reroute
from gateway.store.views import AttemptRow
from gateway.store.work import NOTHING_SAID, Cause, Found, Work

ATTEMPT_COLUMNS = (
    "message, part, attempt, state, carrier, bind, claimed_at, answered_at, latency_ms, command_status, "
    "carrier_message_id, retry_at, done_at, err, network_error, receipt_state, error, parts"
)
_ATTEMPTS = f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE message = ? ORDER BY part, attempt"
_END_LIKE = (
    "UPDATE attempts SET (state, done_at, receipt_state, err, network_error, error) = (SELECT state, done_at, "
    "receipt_state, err, network_error, error FROM attempts WHERE message = ?1 AND part = ?2 AND attempt = ?3) "
    "WHERE message = ?1 AND part <> ?2 AND carrier = ?4 AND parts IS ?5 AND "
)
_WAITS = (
    f"(state = {int(AttemptState.SENT)} OR state = {int(AttemptState.UNKNOWN)} AND error = '{ErrorCode.NO_RECEIPT}')"
)
_END_UNASKED = _END_LIKE + _WAITS
_END_ALL = f"{_END_LIKE}(state IN ({int(AttemptState.IN_DOUBT)}, {int(AttemptState.UNKNOWN)}) OR {_WAITS})"
_ERRORS = {
    MessageState.UNDELIVERED: ErrorCode.UNMAPPED,
    MessageState.REJECTED: ErrorCode.UNMAPPED,
    MessageState.FAILED: ErrorCode.UNMAPPED,
    MessageState.EXPIRED: ErrorCode.EXPIRED,
    MessageState.UNKNOWN: ErrorCode.OUTCOME_UNKNOWN,
    MessageState.CANCELED: ErrorCode.CANCELED,
}
"""Where the attempt that decides tells no cause."""


class Part(NamedTuple):
    """One part of a message with all its attempts, oldest first."""

    state: int
    attempts: list[AttemptRow]

    @property
    def deciding(self) -> AttemptRow:
        """The attempt by which the part stands where it stands."""
        return next(row for row in reversed(self.attempts) if row.state == self.state)


def attempts_of(work: Work, message: int) -> list[AttemptRow]:
    work.in_hand.lay_out(work, (message,))
    return [AttemptRow._make(row) for row in work.execute(_ATTEMPTS, (message,)).fetchall()]


def parts_of(work: Work, message: int, segments: int) -> list[Part]:
    """The parts of a message that have an attempt, in order, as it is cut now: into so many segments."""
    return _joined(row for row in attempts_of(work, message) if row.parts in (None, segments))


def _joined(rows: Iterable[AttemptRow]) -> list[Part]:
    by_part: dict[int, list[AttemptRow]] = {}
    for row in rows:
        by_part.setdefault(row.part, []).append(row)
    return [Part(part_state(row.state for row in rows), rows) for rows in by_part.values()]


def regroup(work: Work, message: int) -> None:
    """Move a message to where its parts put it.

    Nothing happens when it stands there already or has ended; but what a receipt tells replaces `unknown`.
    """
    found = work.find(message)
    if found is None:
        return
    rows = attempts_of(work, found.id)
    parts = _arrived_before(work, found, rows)
    if parts:
        after = MessageState.DELIVERED
    else:
        parts = _joined(row for row in rows if row.parts in (None, found.segments))
        if found.segments > 1 and end_siblings(work, found, parts):
            rows = attempts_of(work, found.id)
            parts = _joined(row for row in rows if row.parts in (None, found.segments))
        after = state_of_parts((part.state for part in parts), found.segments)
    before = MessageState(found.state)
    if before >= MessageState.DELIVERED:
        if before is MessageState.UNKNOWN and after in MOVES[before]:
            work.end(found, after, cause_of(parts, after))
    elif reroute(work, found, rows, [part.deciding for part in parts]):
        pass
    elif after >= MessageState.DELIVERED:
        if after is not MessageState.FAILED or not end_rerouted(work, found):
            work.end(found, after, cause_of(parts, after))
    elif after is MessageState.RETRYING:
        # From `sent`: what was in doubt before it went elsewhere was taken after all, and is reported undelivered too.
        if before is not MessageState.SENT or not end_rerouted(work, found):
            _send_rest(work, found, rows, parts)
    elif after is MessageState.SENT and before is not MessageState.SENT:
        _sent(work, found, parts)
    elif after is MessageState.IN_DOUBT and before is not MessageState.IN_DOUBT:
        _doubt(work, found)


def _arrived_before(work: Work, found: Found, rows: list[AttemptRow]) -> list[Part]:
    """The parts of a message as another carrier had cut it before, if all of it has arrived that way after all; none
    if not: then a part of one way says nothing of another's."""
    for total in {row.parts for row in rows} - {None, found.segments}:
        parts = _joined(row for row in rows if row.parts == total)
        if total is not None and _has_arrived(work, parts, total):
            return parts
    return []


def _has_arrived(work: Work, parts: list[Part], total: int) -> bool:
    arrived = [part.deciding for part in parts if part.state == AttemptState.DELIVERED]
    return len(arrived) == total or (len(parts) == total and any(_stands_for_all(work, row, total) for row in arrived))


def _stands_for_all(work: Work, row: AttemptRow, total: int) -> bool:
    """Whether what is told of this part is all that is told of a message that was cut into so many."""
    policy = work.policy.carriers.get(row.carrier)
    if policy is None or policy.receipts_of is ReceiptsOf.EVERY:
        return False
    return row.part == {ReceiptsOf.FIRST: 1, ReceiptsOf.LAST: total, ReceiptsOf.ONE: row.part}[policy.receipts_of]


def end_siblings(work: Work, found: Found, parts: list[Part]) -> bool:
    """End the parts that have no receipt to come as the one that had it; whether there were any.

    By the carrier's `receipts_of`: the receipt of the first or the last part is one for those that did not ask, and
    where a message has but one, that of any part is.
    """
    changed = 0
    for told in parts:
        row = told.deciding
        policy = work.policy.carriers.get(row.carrier)
        if row.receipt_state is not None and policy is not None and _stands_for_all(work, row, found.segments):
            end = _END_ALL if policy.receipts_of is ReceiptsOf.ONE else _END_UNASKED
            changed += work.execute(end, (*row[:3], row.carrier, row.parts)).rowcount
    return changed > 0


def cause_of(parts: list[Part], state: MessageState) -> Cause:
    """What is told of a message by the first part that put it into this state."""
    decisive = AttemptState.REFUSED if state is MessageState.FAILED else AttemptState(int(state))
    row = next((part.deciding for part in parts if part.state == decisive), None)
    if row is None:
        return NOTHING_SAID._replace(error=_ERRORS.get(state))
    return Cause(
        None if state in (MessageState.SENT, MessageState.DELIVERED) else row.error or _ERRORS.get(state),
        row.carrier,
        row.carrier_message_id,
        row.command_status,
        row.receipt_state,
        row.err,
        network_error_of(row.network_error),
    )


def receipt_horizon(work: Work, found: Found) -> int:
    """Until when a sent message waits for its receipts: its validity and then as long as its carriers may take."""
    policies = [work.policy.carriers.get(part.deciding.carrier) for part in parts_of(work, found.id, found.segments)]
    longest = max((policy.receipt_horizon_ms for policy in policies if policy is not None), default=0)
    return max(found.expires_at, found.sent_at or 0) + longest


def _sent(work: Work, found: Found, parts: list[Part]) -> None:
    # After a doubt it is looked at when it expires, as any other, and not when the doubt's grace would have been over.
    due = found.expires_at if found.state == MessageState.IN_DOUBT else None
    moved = work.move(found, MessageState.SENT, due, sent_at=found.sent_at or work.now)
    if found.sent_at is None:
        work.tell(moved, "sent", cause_of(parts, MessageState.SENT))


def _doubt(work: Work, found: Found) -> None:
    policy = work.policy.lanes.get(work.queues.lane(found.queue))
    moved = work.move(found, MessageState.IN_DOUBT, work.now + (policy.grace_ms if policy else 0))
    work.tell(moved, "in_doubt")


def _send_rest(work: Work, found: Found, rows: list[AttemptRow], parts: list[Part]) -> None:
    """Some part still has to go out: at its retry time, and with the same carrier once another part is there."""
    if found.state == MessageState.QUEUED:
        return
    accepted = next((part.deciding.carrier for part in parts if part.state not in UNSENT), "")
    retry_at = max((p.deciding.retry_at or 0 for p in parts if p.state == AttemptState.POSTPONED), default=0)
    avoid = "" if accepted else carriers_to_avoid(work, found, rows)
    queue = work.queues.elsewhere(work.connection, found.queue, stay=accepted, avoid=avoid)
    if retry_at > work.now:
        work.move(found, MessageState.RETRYING, min(retry_at, found.expires_at), queue=queue)
    else:
        work.move(found, MessageState.QUEUED, found.expires_at, queue=queue)
