"""Cancelling what is unsent; what is sent is asked of its carrier, where that can be asked."""

from gateway.messages import CANCELABLE, UNSENT, AttemptState, ErrorCode, MessageState
from gateway.store import audit, enquiries
from gateway.store.by import By
from gateway.store.interface import CancelOutcome
from gateway.store.progress import attempts_of
from gateway.store.work import NOTHING_SAID, Work


def cancel(work: Work, account: str | None, message: int, by: By) -> CancelOutcome:
    """End a message that no carrier has taken yet, or ask the carriers that have it not to deliver it.

    `account` None: whoever's it is.
    """
    found = work.find(message)
    if found is None or (account is not None and found.account != account):
        return CancelOutcome.NOT_FOUND
    if found.state == MessageState.CANCELED:
        return CancelOutcome.ALREADY_CANCELED
    if found.state == MessageState.SENT and (is_new := enquiries.cancel(work, found)) is not None:
        if is_new:
            audit.add(work, by, audit.What.CANCEL, outcome="asked", message=message)
        return CancelOutcome.ASKED
    if found.state not in CANCELABLE or _was_taken(work, message):
        return CancelOutcome.TOO_LATE
    audit.add(work, by, audit.What.CANCEL, message=message)
    work.end(found, MessageState.CANCELED, NOTHING_SAID._replace(error=ErrorCode.CANCELED))
    return CancelOutcome.CANCELED


def _was_taken(work: Work, message: int) -> bool:
    """A part of a long message went out, or what went out is being sent again: the message can't be called back."""
    unsent = UNSENT - {AttemptState.RESENT, AttemptState.REROUTED}
    return any(row.state not in unsent for row in attempts_of(work, message))
