"""Answers of carriers: each settles one attempt; a message whose parts are all accepted is `sent`, one that is refused fails."""

from gateway.messages import AttemptState, ErrorCode, MessageState
from gateway.store.interface import Answer, Verdict
from gateway.store.progress import regroup, sent_due
from gateway.store.work import COLUMNS, Found, Work
from protocol.receipt_keys import exact_key

_STATES = {
    Verdict.SENT: int(AttemptState.SENT),
    Verdict.POSTPONED: int(AttemptState.POSTPONED),
    Verdict.RETRY: int(AttemptState.POSTPONED),
    Verdict.REFUSED: int(AttemptState.REFUSED),
}
_OPEN = f"({int(AttemptState.SUBMITTING)}, {int(AttemptState.IN_DOUBT)})"
_RECORD = (
    "UPDATE attempts SET state = ?, answered_at = ?, latency_ms = ?, command_status = ?, carrier_message_id = ?, id_key = ?, retry_at = ?, err = ? "
    f"WHERE message = ? AND part = ? AND attempt = ? AND state IN {_OPEN} RETURNING carrier"
)
_RECORD_LATE = (
    "UPDATE attempts SET answered_at = ?, latency_ms = ?, command_status = ?, carrier_message_id = ?, id_key = ? "
    f"WHERE message = ? AND part = ? AND attempt = ? AND state NOT IN {_OPEN} AND answered_at IS NULL RETURNING carrier"
)
_SENT_WHOLE = (
    f"UPDATE messages SET state = {int(MessageState.SENT)}, due = ?, sent_at = coalesce(sent_at, ?) "
    f"WHERE id = ? AND segments = 1 AND sent_at IS NULL AND state IN ({int(MessageState.SUBMITTING)}, {int(MessageState.IN_DOUBT)}) "
    f"RETURNING {COLUMNS}"
)


def record(work: Work, answers: list[Answer]) -> list[tuple[str, str]]:
    """Record each answer; repeat-safe, since an attempt that was settled is left as it is. Returns the (carrier, id) pairs now known."""
    known: list[tuple[str, str]] = []
    for answer in answers:
        key = exact_key(answer.carrier_message_id) or None if answer.verdict is Verdict.SENT else None
        name = (answer.message, answer.part, answer.attempt)
        facts = (answer.at, answer.latency_ms, answer.command_status, answer.carrier_message_id or None, key)
        error = answer.error if answer.verdict is Verdict.REFUSED else None
        retry_at = answer.retry_at if answer.verdict in (Verdict.POSTPONED, Verdict.RETRY) else None
        settled = work.execute(_RECORD, (_STATES[answer.verdict], *facts, retry_at, error, *name)).fetchall()
        if settled:
            _settle(work, answer, settled[0][0], key)
        else:
            settled = work.execute(_RECORD_LATE, (*facts, *name)).fetchall()
        if settled and key is not None:
            known.append((settled[0][0], answer.carrier_message_id))
    return known


def _settle(work: Work, answer: Answer, carrier: str, key: str | None) -> None:
    if answer.verdict is Verdict.SENT:
        if not _sent_whole(work, answer, carrier):
            regroup(work, answer.message, carrier=carrier)
        return
    counter = "throttles" if answer.verdict is Verdict.POSTPONED else "tries"
    work.execute(f"UPDATE messages SET {counter} = {counter} + 1 WHERE id = ?", (answer.message,))
    error = answer.error or ErrorCode.UNMAPPED if answer.verdict is Verdict.REFUSED else None
    regroup(work, answer.message, error=error, carrier=carrier, command_status=answer.command_status)


def _sent_whole(work: Work, answer: Answer, carrier: str) -> bool:
    """The way of nearly all messages: one segment, accepted at once. False: look at the parts together."""
    values = work.execute("SELECT expires_at FROM messages WHERE id = ? AND segments = 1", (answer.message,)).fetchone()
    if values is None:
        return False
    moved = work.execute(_SENT_WHOLE, (sent_due(work, carrier, values[0]), answer.at, answer.message)).fetchall()
    if not moved:
        return False
    work.tell(Found(work, moved[0]), "sent", carrier=carrier, carrier_message_id=answer.carrier_message_id)
    return True
