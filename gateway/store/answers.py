"""Answers of carriers: each settles one attempt.

A message whose parts are all accepted is `sent`, one that is refused fails, one that is put off waits its turn.
"""

from gateway.messages import AttemptState, ErrorCode, MessageState
from gateway.store import enquiries, ordinary
from gateway.store.campaigns import counts as campaign_counts
from gateway.store.interface import Answer, AttemptName, Verdict
from gateway.store.progress import regroup
from gateway.store.work import Cause, OutOfStep, Work
from protocol.receipt_keys import exact_key

_STATES = {
    Verdict.SENT: int(AttemptState.SENT),
    Verdict.POSTPONED: int(AttemptState.POSTPONED),
    Verdict.RETRY: int(AttemptState.POSTPONED),
    Verdict.REFUSED: int(AttemptState.REFUSED),
}
_SUBMITTING, _IN_DOUBT, _RESENT = int(AttemptState.SUBMITTING), int(AttemptState.IN_DOUBT), int(AttemptState.RESENT)
_WAITING = (MessageState.QUEUED, MessageState.RETRYING)
_FIND = (
    "SELECT a.state, a.carrier, a.answered_at, m.state, m.segments, m.sent_at, m.endpoint "
    "FROM attempts a JOIN messages m ON m.id = a.message WHERE a.message = ? AND a.part = ? AND a.attempt = ?"
)
_RECORD = (
    "UPDATE attempts SET state = ?, answered_at = ?, latency_ms = ?, command_status = ?, carrier_message_id = ?, "
    "id_key = ?, retry_at = ?, error = ? WHERE message = ? AND part = ? AND attempt = ? AND state = ?"
)
_SENT = (
    f"UPDATE messages SET state = {int(MessageState.SENT)}, sent_at = coalesce(sent_at, ?) "
    f"WHERE id = ? AND state = {int(MessageState.SUBMITTING)}"
)
_COUNT = (
    "UPDATE messages SET {0} = {0} + 1 WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM attempts WHERE message = ?1 "
    f"AND attempt = ?2 AND part <> ?3 AND state = {int(AttemptState.POSTPONED)})"
)
"""Once for all parts of a claim: a long message has no fewer tries than a short one."""


def record(work: Work, answers: list[Answer], carrier: str | None = None) -> list[tuple[str, str]]:
    """Record each answer; one that was recorded before changes nothing. Returns the (carrier, id) pairs now known.

    `carrier`: whose all these answers are, where that is known.
    """
    known: list[tuple[str, str]] = []
    if carrier is not None:
        plain, answers = ordinary.sent(work, carrier, answers)
        known = [(carrier, answer.carrier_message_id) for answer in plain if answer.carrier_message_id]
    work.in_hand.lay_out(work, [answer.message for answer in answers])
    for answer in answers:
        row = work.execute(_FIND, (answer.message, answer.part, answer.attempt)).fetchone()
        if row is None:
            continue
        state, carrier, answered_at, message_state, segments, sent_at, endpoint = row
        is_sent = answer.verdict is Verdict.SENT
        is_open = state in (_SUBMITTING, _IN_DOUBT) or (state == _RESENT and is_sent and message_state in _WAITING)
        if not is_open and answered_at is not None:
            continue
        key = exact_key(answer.carrier_message_id) or None if is_sent else None
        _record(work, answer, state, _STATES[answer.verdict] if is_open else state, key)
        if key is not None:
            known.append((carrier, answer.carrier_message_id))
            if state == AttemptState.UNKNOWN:
                enquiries.answered_late(work, AttemptName(answer.message, answer.part, answer.attempt), carrier)
        if not is_open:
            continue
        if is_sent and segments == 1 and message_state == MessageState.SUBMITTING:
            _sent_whole(work, answer, carrier, is_told=endpoint is not None and sent_at is None)
            if sent_at is None and work.campaigns:
                campaign_counts.sent(work, [answer.message])
        else:
            _settle(work, answer)
    return known


def _record(work: Work, answer: Answer, before: int, after: int, key: str | None) -> None:
    verdict = answer.verdict
    error = answer.error or ErrorCode.UNMAPPED if verdict is Verdict.REFUSED else None
    retry_at = answer.retry_at if verdict in (Verdict.POSTPONED, Verdict.RETRY) else None
    changed = work.execute(
        _RECORD,
        (
            after,
            answer.at,
            answer.latency_ms,
            answer.command_status,
            answer.carrier_message_id or None,
            key,
            retry_at,
            error,
            answer.message,
            answer.part,
            answer.attempt,
            before,
        ),
    ).rowcount
    if changed != 1:
        raise OutOfStep(f"an attempt of message {answer.message} is not in state {before}")


def _sent_whole(work: Work, answer: Answer, carrier: str, *, is_told: bool) -> None:
    """The way of nearly all messages: one segment, accepted at once."""
    work.execute(_SENT, (answer.at, answer.message))
    if is_told:
        found = work.find(answer.message)
        if found is not None:
            work.tell(found, "sent", Cause(None, carrier, answer.carrier_message_id or None))


def _settle(work: Work, answer: Answer) -> None:
    if answer.verdict in (Verdict.POSTPONED, Verdict.RETRY):
        counter = "throttles" if answer.verdict is Verdict.POSTPONED else "tries"
        work.execute(_COUNT.format(counter), (answer.message, answer.attempt, answer.part))
    regroup(work, answer.message)
