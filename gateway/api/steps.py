"""The timeline of a message: each thing that happened to it, as a step, built from the store's rows. Pure."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import UNSET

from gateway import identifiers
from gateway.api.description.schemas import Outcome, Step, What
from gateway.desk.masks import without_text
from gateway.messages import AttemptState, ErrorCode, MessageState, Status
from gateway.rules import options
from gateway.rules.causes import describe
from gateway.rules.timestamps import rfc3339
from gateway.store import writings
from gateway.store.enquiry import EnquiryKind
from gateway.store.views import AttemptRow, EnquiryRow, MessageRow, MessageStory, ReceiptRow, WebhookTry
from protocol.command_status import StatusClass, classify, name_of
from protocol.receipts import ReceiptState

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


def steps_of(story: MessageStory) -> Iterator[tuple[int, Step]]:
    """All steps with their times; those of one millisecond stay in the order given here."""
    row = story.message
    created_at = identifiers.created_at_ms(row.id)
    request_id = identifiers.public(identifiers.REQUEST, row.request_id)
    asked = UNSET if row.options is None else options.from_json(row.options).names or UNSET
    yield created_at, Step(rfc3339(created_at), What.ACCEPTED, request_id=request_id, options=asked)
    if row.scheduled_at is not None:
        yield created_at, Step(rfc3339(created_at), What.SCHEDULED, schedule=rfc3339(row.scheduled_at))
        if _has_fired(row, row.scheduled_at):
            yield row.scheduled_at, Step(rfc3339(row.scheduled_at), What.QUEUED)
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


def _has_fired(row: MessageRow, scheduled_at: int) -> bool:
    """Whether it waited here for its time, and the time came before its end."""
    if row.state == MessageState.SCHEDULED or not options.waits_here(scheduled_at, row.options):
        return False
    return row.done_at is None or row.done_at >= scheduled_at


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
    if row.error is None:
        return Step(rfc3339(row.done_at), _ENDS[state])
    code = ErrorCode(row.error)
    return Step(rfc3339(row.done_at), _ENDS[state], code=code, reason=describe(code)[1])
