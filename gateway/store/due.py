"""Rows whose time has come: one statement finds them all; what happens then depends on the state alone."""

import logging

from gateway.messages import AttemptState, ErrorCode, InDoubt, MessageState
from gateway.store.ended_binds import doubt, try_parked
from gateway.store.interface import AttemptName
from gateway.store.parked import remove
from gateway.store.progress import attempts_of, regroup
from gateway.store.work import COLUMNS, Found, Work

log = logging.getLogger("sluice.store")
ROWS_A_TRANSACTION = 500
STUCK_MS = 60_000


def sweep(work: Work) -> None:
    """Settle what is due, oldest first, up to a limit; the writer comes back for the rest."""
    rows = work.execute(
        f"SELECT {COLUMNS} FROM messages WHERE due IS NOT NULL AND due <= ? ORDER BY due LIMIT {ROWS_A_TRANSACTION}",
        (work.now,),
    ).fetchall()
    for values in rows:
        _settle(work, Found(work, values))
        stuck = work.execute(
            "UPDATE messages SET due = ? WHERE id = ? AND due <= ?", (work.now + STUCK_MS, values[0], work.now)
        ).rowcount
        if stuck:
            log.error(
                "message %d in state %d was due and could not be settled; tried again in a minute", values[0], values[5]
            )
    for (parked_id,) in work.execute(
        "SELECT id FROM parked WHERE due <= ? ORDER BY due LIMIT 100", (work.now,)
    ).fetchall():
        remove(work, parked_id)


def plan(work: Work) -> None:
    """Wake the writer when the next row is due."""
    following = work.execute("SELECT due FROM messages WHERE due IS NOT NULL ORDER BY due LIMIT 1").fetchone()
    if following is not None:
        work.wake(following[0])


def _settle(work: Work, found: Found) -> None:
    row = found.row
    match MessageState(row.state):
        case MessageState.SCHEDULED | MessageState.RETRYING if row.expires_at > work.now:
            moved = work.move(row.id, MessageState.QUEUED, row.expires_at)
            work.queues.add(found.queue, 1)
            if moved is not None and row.state == MessageState.SCHEDULED:
                work.tell(moved, "queued")
        case MessageState.SCHEDULED | MessageState.RETRYING | MessageState.QUEUED:
            work.end(found, MessageState.EXPIRED, error=ErrorCode.EXPIRED)
        case MessageState.SUBMITTING:
            names = [
                AttemptName(a.message, a.part, a.attempt)
                for a in attempts_of(work, row.id)
                if a.state == AttemptState.SUBMITTING
            ]
            doubt(work, names)
        case MessageState.IN_DOUBT:
            _end_doubt(work, found)
        case MessageState.SENT:
            _give_up_waiting(work, found)
        case _:
            raise AssertionError(f"message {row.id} is ended and yet due")


def _end_doubt(work: Work, found: Found) -> None:
    """The grace is over: a receipt that fits, else the lane's policy, part by part."""
    row = found.row
    doubts = [
        AttemptName(a.message, a.part, a.attempt) for a in attempts_of(work, row.id) if a.state == AttemptState.IN_DOUBT
    ]
    for name in doubts:
        try_parked(work, name)
    lane = work.policy.lanes.get(row.lane)
    resend = lane is not None and lane.in_doubt is InDoubt.RESEND and row.expires_at > work.now
    settle_doubts(work, row.id, resend=resend)


def settle_doubts(work: Work, message: int, *, resend: bool) -> None:
    """Send what is still in doubt again, marked as a possible duplicate, or give it up as unknown."""
    after = AttemptState.RESENT if resend else AttemptState.UNKNOWN
    changed = work.execute(
        f"UPDATE attempts SET state = ? WHERE message = ? AND state = {int(AttemptState.IN_DOUBT)}",
        (int(after), message),
    ).rowcount
    if changed and resend:
        work.execute("UPDATE messages SET possible_duplicate = 1 WHERE id = ?", (message,))
    regroup(work, message, error=None if resend else ErrorCode.OUTCOME_UNKNOWN)


def _give_up_waiting(work: Work, found: Found) -> None:
    work.execute(
        f"UPDATE attempts SET state = {int(AttemptState.UNKNOWN)} WHERE message = ? AND state = {int(AttemptState.SENT)}",
        (found.row.id,),
    )
    regroup(work, found.row.id, error=ErrorCode.NO_RECEIPT)
