"""What a message and an attempt are, and the moves each may make: tables, and the pure functions that read them.

The store guards every move in a WHERE clause; docs/architecture.md draws the tables; tests hold both against this file.
"""

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class MessageState(IntEnum):
    """Inner states, as stored. Those from DELIVERED on are ended: nothing is due for them any more."""

    SCHEDULED = 0
    QUEUED = 1
    """Ready: a free slot may take it."""
    RETRYING = 2
    """Waits for its retry time, then is QUEUED again."""
    SUBMITTING = 3
    """Claimed: every segment's intent is on disk, not every answer is."""
    IN_DOUBT = 4
    """Some segment may or may not have reached the carrier."""
    SENT = 5
    DELIVERED = 10
    UNDELIVERED = 11
    EXPIRED = 12
    REJECTED = 13
    FAILED = 14
    CANCELED = 15
    OPTED_OUT = 16
    UNKNOWN = 17


class AttemptState(IntEnum):
    """One segment put to one carrier. A later attempt never overwrites it; a part stands where `part_state` says."""

    SUBMITTING = 3
    IN_DOUBT = 4
    SENT = 5
    DELIVERED = 10
    UNDELIVERED = 11
    EXPIRED = 12
    REJECTED = 13
    REFUSED = 14
    """The carrier answered a permanent command_status."""
    CANCELED = 15
    UNKNOWN = 17
    POSTPONED = 20
    """The carrier answered a temporary command_status: the part is unsent and waits its turn again."""
    RELEASED = 21
    """Claimed, but never on the wire: known unsent, without doubt."""
    RESENT = 22
    """Was in doubt; the lane's policy sent the part again."""
    REROUTED = 23
    """Its carrier said that it was not delivered; the lane lets another carrier try once. Nobody was told so far."""


class Status(StrEnum):
    """Public statuses (each has its event `message.STATUS`)."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELED = "canceled"
    OPTED_OUT = "opted_out"
    UNKNOWN = "unknown"


class ErrorCode(StrEnum):
    """The closed list of causes that callers see. What is not mapped is `unmapped`, never guessed."""

    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    ABSENT_SUBSCRIBER = "absent_subscriber"
    HANDSET_ERROR = "handset_error"
    INBOX_FULL = "inbox_full"
    BLOCKED_BY_CARRIER = "blocked_by_carrier"
    BLOCKED_BY_RECIPIENT = "blocked_by_recipient"
    SPAM_FILTERED = "spam_filtered"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    DESTINATION_NOT_SERVED = "destination_not_served"
    TEMPLATE_NOT_APPROVED = "template_not_approved"
    TEXT_REJECTED = "text_rejected"
    THROTTLED = "throttled"
    CARRIER_UNAVAILABLE = "carrier_unavailable"
    NO_ROUTE = "no_route"
    NO_CREDIT = "no_credit"
    EXPIRED = "expired"
    NO_RECEIPT = "no_receipt"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OPTED_OUT = "opted_out"
    CANCELED = "canceled"
    UNMAPPED = "unmapped"


_M = MessageState
_RECEIPT_ENDS = frozenset({_M.DELIVERED, _M.UNDELIVERED, _M.EXPIRED, _M.REJECTED})
_AFTER_RESEND = _RECEIPT_ENDS | {_M.SENT, _M.UNKNOWN}

MOVES: dict[MessageState, frozenset[MessageState]] = {
    _M.SCHEDULED: frozenset({_M.QUEUED, _M.CANCELED, _M.EXPIRED, _M.OPTED_OUT}) | _AFTER_RESEND,
    _M.QUEUED: frozenset({_M.SUBMITTING, _M.RETRYING, _M.CANCELED, _M.EXPIRED, _M.OPTED_OUT, _M.FAILED})
    | _AFTER_RESEND,
    _M.RETRYING: frozenset({_M.QUEUED, _M.CANCELED, _M.EXPIRED, _M.OPTED_OUT, _M.FAILED}) | _AFTER_RESEND,
    _M.SUBMITTING: frozenset({_M.SENT, _M.QUEUED, _M.RETRYING, _M.FAILED, _M.IN_DOUBT, _M.UNKNOWN}) | _RECEIPT_ENDS,
    _M.IN_DOUBT: frozenset({_M.SENT, _M.QUEUED, _M.RETRYING, _M.FAILED, _M.UNKNOWN}) | _RECEIPT_ENDS,
    _M.SENT: frozenset({_M.CANCELED, _M.UNKNOWN, _M.QUEUED}) | _RECEIPT_ENDS,
    _M.UNKNOWN: _RECEIPT_ENDS | {_M.CANCELED},
    _M.DELIVERED: frozenset(),
    _M.UNDELIVERED: frozenset(),
    _M.EXPIRED: frozenset(),
    _M.REJECTED: frozenset(),
    _M.FAILED: frozenset(),
    _M.CANCELED: frozenset(),
    _M.OPTED_OUT: frozenset(),
}
"""SUBMITTING and IN_DOUBT may go straight to a receipt's end: a carrier's receipt may overtake its own answer.

While a message waits to be sent again after a doubt, the late answer or the receipt of what went out first may still
come, and spares the second sending; if its validity ends first, nobody knows whether it arrived. So too what a restore
has held: the store that was lost may have sent it.
"""

ENDED = frozenset(state for state in MessageState if state >= _M.DELIVERED)
OPEN = frozenset(state for state in MessageState if state < _M.DELIVERED)
CANCELABLE = (_M.SCHEDULED, _M.QUEUED, _M.RETRYING)

_PUBLIC = {
    _M.SCHEDULED: Status.SCHEDULED,
    _M.QUEUED: Status.QUEUED,
    _M.RETRYING: Status.QUEUED,
    _M.SUBMITTING: Status.QUEUED,
    _M.IN_DOUBT: Status.QUEUED,
    _M.SENT: Status.SENT,
    _M.DELIVERED: Status.DELIVERED,
    _M.UNDELIVERED: Status.UNDELIVERED,
    _M.EXPIRED: Status.EXPIRED,
    _M.REJECTED: Status.REJECTED,
    _M.FAILED: Status.FAILED,
    _M.CANCELED: Status.CANCELED,
    _M.OPTED_OUT: Status.OPTED_OUT,
    _M.UNKNOWN: Status.UNKNOWN,
}

UNSENT = frozenset({AttemptState.POSTPONED, AttemptState.RELEASED, AttemptState.RESENT, AttemptState.REROUTED})
"""Attempts after which their part waits to be put to a carrier again."""

_WORST_FIRST = (
    AttemptState.REFUSED,
    AttemptState.REJECTED,
    AttemptState.UNDELIVERED,
    AttemptState.EXPIRED,
    AttemptState.CANCELED,
    AttemptState.UNKNOWN,
    AttemptState.DELIVERED,
)

_END_OF_PART = {
    AttemptState.REFUSED: _M.FAILED,
    AttemptState.REJECTED: _M.REJECTED,
    AttemptState.UNDELIVERED: _M.UNDELIVERED,
    AttemptState.EXPIRED: _M.EXPIRED,
    AttemptState.CANCELED: _M.CANCELED,
    AttemptState.UNKNOWN: _M.UNKNOWN,
    AttemptState.DELIVERED: _M.DELIVERED,
}


def status_of(state: int, *, sent: bool) -> Status:
    """The public status of an inner state.

    It never goes back: what was told as sent stays `sent` while a retry or doubt is settled inside.
    """
    status = _PUBLIC[MessageState(state)]
    return Status.SENT if sent and status is Status.QUEUED else status


def state_of_parts(parts: Iterable[int], total: int) -> MessageState:
    """Where a message stands by the state of each of its parts (see `part_state`).

    RETRYING: some part still has to go out. A part that the carrier refused fails the message at once (the rest is not
    sent). Nothing is sent again while another part's outcome is open. Otherwise the worst end, once all have ended.
    """
    states = [AttemptState(state) for state in parts]
    if AttemptState.REFUSED in states:
        return _M.FAILED
    if AttemptState.SUBMITTING in states:
        return _M.SUBMITTING
    if AttemptState.IN_DOUBT in states:
        return _M.IN_DOUBT
    if len(states) < total or any(state in UNSENT for state in states):
        return _M.RETRYING
    if AttemptState.SENT in states:
        return _M.SENT
    return next(_END_OF_PART[state] for state in _WORST_FIRST if state in states)


def part_state(attempts: Iterable[int]) -> int:
    """Where a part stands by its attempts, oldest first: by the latest, unless an earlier one did better after all.

    An attempt that was sent again in doubt may turn out delivered, or accepted while the part waits unsent.
    """
    states = list(attempts)
    latest = states[-1]
    if AttemptState.DELIVERED in states:
        return AttemptState.DELIVERED
    return AttemptState.SENT if latest in UNSENT and AttemptState.SENT in states else latest
