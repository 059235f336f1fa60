"""Cancelling what is unsent."""

from gateway.messages import ErrorCode, MessageState
from gateway.store.interface import CancelOutcome
from gateway.store.work import Work, cancelable


def cancel(work: Work, account: str, message: int, request_id: int) -> CancelOutcome:
    """End a message that no carrier has taken yet."""
    found = work.find(message)
    if found is None or found.row.account != account:
        return CancelOutcome.NOT_FOUND
    if found.row.state == MessageState.CANCELED:
        return CancelOutcome.ALREADY_CANCELED
    if not cancelable(found.row.state) or _was_taken(work, message):
        return CancelOutcome.TOO_LATE
    work.execute(
        "INSERT INTO changes_by_hand (id, at, who, what, message) VALUES (?, ?, ?, ?, ?)",
        (work.ids.next(), work.now, f"{account} request {request_id}", "cancel", message),
    )
    work.end(found, MessageState.CANCELED, error=ErrorCode.CANCELED)
    return CancelOutcome.CANCELED


def _was_taken(work: Work, message: int) -> bool:
    """A part of a long message went out, or a doubt is being sent again: the message can't be called back."""
    taken = "(3, 4, 5, 10, 11, 12, 13, 17, 22)"
    return (
        work.execute(f"SELECT 1 FROM attempts WHERE message = ? AND state IN {taken}", (message,)).fetchone()
        is not None
    )
