"""A message as callers see it: its members, its parts and its error, built from the store's rows. Pure.

Its timeline is steps.py's; where the rows come from is the store's matter.
"""

from typing import Any

from msgspec import to_builtins

from gateway import identifiers
from gateway.api.description.schemas import CarrierCode, Failure, FullMessage, ListedMessage, Part
from gateway.api.steps import steps_of
from gateway.messages import ENDED, UNSENT, AttemptState, ErrorCode, Status, part_state, status_of
from gateway.rules.causes import describe, network_error_name
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.store.views import AttemptRow, MessageRow, MessageStory
from protocol.command_status import name_of

_PART_STATUS = {
    AttemptState.SENT: Status.SENT,
    AttemptState.REROUTED: Status.SENT,
    AttemptState.DELIVERED: Status.DELIVERED,
    AttemptState.UNDELIVERED: Status.UNDELIVERED,
    AttemptState.EXPIRED: Status.EXPIRED,
    AttemptState.REJECTED: Status.REJECTED,
    AttemptState.REFUSED: Status.FAILED,
    AttemptState.CANCELED: Status.CANCELED,
    AttemptState.UNKNOWN: Status.UNKNOWN,
}
"""A part in any other state waits for its turn, its answer or the settling of its doubt."""

_NOTHING_SAID = CarrierCode(None, None, None, None)


def full(story: MessageStory) -> FullMessage:
    """A message with its parts and its timeline."""
    row = story.message
    return FullMessage(
        **_base(row),
        error=_failure(row.error, _carrier_code(story)),
        parts=_parts(story),
        timeline=[step for _, step in sorted(steps_of(story), key=lambda pair: pair[0])],
    )


def plain(story: MessageStory) -> dict[str, Any]:
    """The same as plain values, for those who have more to tell of it."""
    found: dict[str, Any] = to_builtins(full(story))
    return found


def listed(row: MessageRow) -> ListedMessage:
    """A message in a list; its carrier's own words stand on its page only."""
    return ListedMessage(**_base(row), error=_failure(row.error, None))


def _base(row: MessageRow) -> dict[str, Any]:
    return {
        "id": identifiers.public(identifiers.MESSAGE, row.id),
        "client_id": row.client_id,
        "status": status_of(row.state, sent=row.sent_at is not None),
        "sender": row.sender,
        "to": row.recipient,
        "text": row.text,
        "lane": row.lane,
        "encoding": row.encoding,
        "segments": row.segments,
        "allow_unicode": bool(row.allow_unicode),
        "campaign_id": identifiers.public(identifiers.CAMPAIGN, row.campaign) if row.campaign else None,
        "variant": row.variant,
        "tag": row.tag,
        "schedule": time_or_none(row.scheduled_at),
        "expires_at": rfc3339(row.expires_at),
        "created_at": rfc3339(identifiers.created_at_ms(row.id)),
        "route": row.route,
        "country": row.country,
        "attempts": row.attempts,
        "possible_duplicate": bool(row.possible_duplicate),
        "sent_at": time_or_none(row.sent_at),
        "done_at": time_or_none(row.done_at),
        "text_erased_at": time_or_none(row.text_erased_at),
    }


def _parts(story: MessageStory) -> list[Part]:
    by_part: dict[int, list[AttemptRow]] = {}
    # Another carrier may have had it cut otherwise, and put it off or lost it.
    attempts = [row for row in story.attempts if row.parts in (None, story.message.segments)]
    for row in sorted(attempts, key=lambda row: (row.part, row.attempt)):
        by_part.setdefault(row.part, []).append(row)
    return [_part(story.message, rows) for rows in by_part.values()]


def _part(message: MessageRow, attempts: list[AttemptRow]) -> Part:
    """By the attempt that decides: an earlier one may have done better than the latest."""
    state = AttemptState(part_state(row.state for row in attempts))
    deciding = next(row for row in reversed(attempts) if row.state == state)
    status = _PART_STATUS.get(state)
    if status is None:
        status = _status_of_open_part(message, state)
    return Part(
        deciding.part, status, deciding.carrier, deciding.carrier_message_id or None, attempts=attempts[-1].attempt
    )


def _status_of_open_part(message: MessageRow, state: AttemptState) -> Status:
    """One that waits is `queued`, and ends with its message; of one that went out nobody knows by then."""
    if message.state not in ENDED:
        return Status.QUEUED
    return status_of(message.state, sent=False) if state in UNSENT else Status.UNKNOWN


def _failure(code: str | None, carrier_code: CarrierCode | None) -> Failure | None:
    if code is None:
        return None
    cause_class, description = describe(ErrorCode(code))
    return Failure(cause_class, ErrorCode(code), description, carrier_code)


def _carrier_code(story: MessageStory) -> CarrierCode | None:
    """What the carrier said, by the attempt behind the error. None: it said nothing."""
    row = _deciding(story)
    if row is None:
        return None
    states = [
        receipt.state
        for receipt in story.receipts
        if (receipt.part, receipt.attempt) == (row.part, row.attempt) and receipt.applied
    ]
    said = CarrierCode(
        command_status=name_of(row.command_status) if row.command_status else None,
        receipt_state=states[-1] if states else None,
        err=row.err,
        network_error_code=None if row.network_error is None else _network_error(row.network_error),
    )
    return None if said == _NOTHING_SAID else said


def _deciding(story: MessageStory) -> AttemptRow | None:
    """The attempt by which the message stands where it stands: of the first part in its state, as its event told it.

    Where none is, the one that ended or was answered an error last.
    """
    # Attempts and messages share the numbers of their ends; REFUSED has that of FAILED.
    deciding = [row for row in story.attempts if row.state == story.message.state]
    if deciding:
        return min(deciding, key=lambda attempt: (attempt.part, -attempt.attempt))
    ended = [row for row in story.attempts if row.done_at is not None or row.state == AttemptState.REFUSED]
    ended = ended or [row for row in story.attempts if row.command_status]
    return max(
        ended,
        key=lambda attempt: (attempt.done_at or attempt.answered_at or 0, attempt.part, attempt.attempt),
        default=None,
    )


def _network_error(stored: str) -> str:
    kind, _, code = stored.partition(":")
    return network_error_name((int(kind), int(code)))
