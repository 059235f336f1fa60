"""The story of a message as callers see it: its parts, its timeline and its error, built from the store's rows. Pure.

Where the rows come from is the store's matter.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET

from gateway import identifiers
from gateway.api.schemas import CarrierCode, Failure, FullMessage, ListedMessage, Outcome, Part, Step, What
from gateway.messages import ENDED, UNSENT, AttemptState, ErrorCode, MessageState, Status, part_state, status_of
from gateway.rules import options
from gateway.rules.causes import describe, network_error_name
from gateway.rules.timestamps import rfc3339
from gateway.store import writings
from gateway.store.enquiry import EnquiryKind
from gateway.store.views import AttemptRow, EnquiryRow, MessageRow, MessageStory, ReceiptRow, WebhookTry
from protocol.command_status import StatusClass, classify, name_of
from protocol.receipts import ReceiptState

_PART_STATUS = {
    AttemptState.SENT: Status.SENT,
    AttemptState.DELIVERED: Status.DELIVERED,
    AttemptState.UNDELIVERED: Status.UNDELIVERED,
    AttemptState.EXPIRED: Status.EXPIRED,
    AttemptState.REJECTED: Status.REJECTED,
    AttemptState.REFUSED: Status.FAILED,
    AttemptState.CANCELED: Status.CANCELED,
    AttemptState.UNKNOWN: Status.UNKNOWN,
}
"""A part in any other state waits for its turn, its answer or the settling of its doubt."""

_OUTCOMES = {
    AttemptState.SUBMITTING: Outcome.SUBMITTING,
    AttemptState.IN_DOUBT: Outcome.IN_DOUBT,
    AttemptState.REFUSED: Outcome.REFUSED,
    AttemptState.RELEASED: Outcome.RELEASED,
    AttemptState.RESENT: Outcome.RESENT,
}
_ENDS = {
    MessageState.CANCELED: What.CANCELED,
    MessageState.EXPIRED: What.EXPIRED,
    MessageState.OPTED_OUT: What.OPTED_OUT,
    MessageState.FAILED: What.FAILED,
    MessageState.UNKNOWN: What.UNKNOWN,
}
_NOTHING_SAID = CarrierCode(None, None, None, None)
_RECEIPT_TEXT = re.compile(r"(?is)(\btext:).*")


def full(story: MessageStory) -> FullMessage:
    """A message with its parts and its timeline."""
    row = story.message
    return FullMessage(
        **_base(row),
        error=_failure(row.error, _carrier_code(story)),
        parts=_parts(story),
        timeline=[step for _, step in sorted(_steps(story), key=lambda pair: pair[0])],
    )


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
        "campaign_id": None,
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
    # A carrier that wanted it cut into more parts may have put them off.
    attempts = [row for row in story.attempts if row.part <= story.message.segments]
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


def time_or_none(at_ms: int | None) -> str | None:
    """RFC 3339 of milliseconds; None stays None."""
    return None if at_ms is None else rfc3339(at_ms)


def without_text(raw: str) -> str:
    """A receipt without what it quotes of the message's text."""
    return _RECEIPT_TEXT.sub(r"\1", raw)


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


def _steps(story: MessageStory) -> Iterator[tuple[int, Step]]:
    """All steps with their times; those of one millisecond stay in the order given here."""
    row = story.message
    created_at = identifiers.created_at_ms(row.id)
    request_id = identifiers.public(identifiers.REQUEST, row.request_id)
    asked = UNSET if row.options is None else options.from_json(row.options).names
    yield created_at, Step(rfc3339(created_at), What.ACCEPTED, request_id=request_id, options=asked)
    if row.scheduled_at is not None:
        yield created_at, Step(rfc3339(created_at), What.SCHEDULED, schedule=rfc3339(row.scheduled_at))
    for unfit in writings.read(row.writing).unfit:
        yield unfit.at, Step(rfc3339(unfit.at), What.UNFIT, carrier=unfit.carrier, reason=unfit.reason)
    for attempt in story.attempts:
        yield attempt.claimed_at, _submit(attempt)
    for receipt in story.receipts:
        yield receipt.at, _receipt(receipt, erased=row.text_erased_at is not None)
    for enquiry in story.enquiries:
        yield enquiry.asked_at, _enquiry(enquiry)
    if row.state != MessageState.UNKNOWN and (unknown_at := _unknown_at(story)) is not None:
        yield unknown_at, Step(rfc3339(unknown_at), What.UNKNOWN)
    if row.done_at is not None and (end := _end(story)) is not None:
        yield row.done_at, end
    for event in story.webhooks:
        yield event.at, _webhook(event)


def _unknown_at(story: MessageStory) -> int | None:
    """When a message was `unknown` before a late receipt told more: by the id of its event, where one was told."""
    unknown = f"message.{Status.UNKNOWN}"
    return next((identifiers.created_at_ms(told.event) for told in story.webhooks if told.type == unknown), None)


def _submit(row: AttemptRow) -> Step:
    return Step(
        rfc3339(row.claimed_at),
        What.SUBMIT,
        part=row.part,
        attempt=row.attempt,
        carrier=row.carrier,
        bind=row.bind,
        outcome=_outcome(row),
        command_status=UNSET if row.command_status is None else name_of(row.command_status),
        carrier_message_id=row.carrier_message_id or UNSET,
        latency_ms=UNSET if row.latency_ms is None else row.latency_ms,
        next_try_at=UNSET if row.retry_at is None else rfc3339(row.retry_at),
    )


def _outcome(row: AttemptRow) -> Outcome:
    state = AttemptState(row.state)
    if state is AttemptState.POSTPONED:
        throttled = row.command_status is not None and classify(row.command_status) is StatusClass.THROTTLED
        return Outcome.THROTTLED if throttled else Outcome.TEMPORARY_ERROR
    if state is AttemptState.UNKNOWN and row.answered_at is None:
        return Outcome.UNKNOWN
    # Every other end was told by a receipt, so the segment was taken, with or without an answer.
    return _OUTCOMES.get(state, Outcome.SENT)


def _receipt(row: ReceiptRow, *, erased: bool) -> Step:
    return Step(
        rfc3339(row.at),
        What.RECEIPT,
        part=row.part,
        carrier=row.carrier,
        state=row.state,
        err=UNSET if row.err is None else row.err,
        # A receipt quotes the beginning of the text, which is erased together with it.
        raw=without_text(row.raw) if erased else row.raw,
        applied=bool(row.applied),
        matched=UNSET if row.matched == "exact" else row.matched,
    )


def _enquiry(row: EnquiryRow) -> Step:
    status = row.command_status
    outcome = Outcome.NO_ANSWER if status is None else Outcome.REFUSED if status else Outcome.ACCEPTED
    return Step(
        rfc3339(row.asked_at),
        What.CANCEL_SM if row.kind == EnquiryKind.CANCEL else What.QUERY_SM,
        part=row.part,
        attempt=row.attempt,
        carrier=row.carrier,
        bind=row.bind,
        outcome=outcome,
        command_status=UNSET if status is None else name_of(status),
        latency_ms=row.latency_ms,
        state=UNSET if row.message_state is None else _state_name(row.message_state),
    )


def _state_name(message_state: int) -> str:
    """As SMPP 3.4 §5.2.28 names it; the number itself where it names none."""
    return next((state.name for state in ReceiptState if state.value == message_state), str(message_state))


def _webhook(row: WebhookTry) -> Step:
    return Step(
        rfc3339(row.at),
        What.WEBHOOK,
        event_id=identifiers.public(identifiers.EVENT, row.event),
        type=row.type,
        host=urlsplit(row.url).hostname or UNSET,
        attempt=row.attempt,
        http_status=UNSET if row.http_status is None else row.http_status,
        latency_ms=row.latency_ms,
        error=UNSET if row.error is None else row.error,
    )


def _end(story: MessageStory) -> Step | None:
    """The end of a message where no answer and no receipt tells it."""
    row = story.message
    state = MessageState(row.state)
    receipts = {receipt.state for receipt in story.receipts if receipt.applied}
    told = (
        (state is MessageState.CANCELED and "DELETED" in receipts)
        or (state is MessageState.EXPIRED and "EXPIRED" in receipts)
        or (state is MessageState.FAILED and any(attempt.state == AttemptState.REFUSED for attempt in story.attempts))
    )
    if told or state not in _ENDS or row.done_at is None:
        return None
    return Step(rfc3339(row.done_at), _ENDS[state], code=UNSET if row.error is None else ErrorCode(row.error))
