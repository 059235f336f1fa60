"""Receipts: each is matched to an attempt and applied, or parked. Handling one twice changes nothing; what matched and how is recorded."""

from gateway.messages import AttemptState, MessageState
from gateway.store import parked
from gateway.store.interface import ReceiptIn
from gateway.store.matching import Candidate, Match, match
from gateway.store.progress import regroup
from gateway.store.work import COLUMNS, Found, Work
from protocol.receipts import ReceiptState

_ENDS = {
    ReceiptState.DELIVERED: AttemptState.DELIVERED,
    ReceiptState.UNDELIVERABLE: AttemptState.UNDELIVERED,
    ReceiptState.SKIPPED: AttemptState.UNDELIVERED,
    ReceiptState.DELETED: AttemptState.UNDELIVERED,
    ReceiptState.EXPIRED: AttemptState.EXPIRED,
    ReceiptState.REJECTED: AttemptState.REJECTED,
}
"""ENROUTE, ACCEPTED, SCHEDULED and UNKNOWN are recorded, not applied."""

_APPLICABLE = frozenset(
    {AttemptState.SUBMITTING, AttemptState.IN_DOUBT, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.RESENT}
)
_WHOLE_FROM = f"({int(MessageState.SUBMITTING)}, {int(MessageState.IN_DOUBT)}, {int(MessageState.SENT)}, {int(MessageState.UNKNOWN)})"


def record(work: Work, receipt: ReceiptIn) -> None:
    """Apply a receipt to the attempt it names, or park it until an answer makes its id known."""
    said = receipt.receipt
    ids = tuple(i for i in (said.message_id, *said.alt_ids) if i)
    found = match(work, receipt.carrier, ids, (said.source, said.destination)) if ids else None
    if found is None:
        found = parked.doubt_that(work, receipt)
    if found is None:
        parked.park(work, receipt, ids)
    else:
        apply(work, receipt, found)


def apply(work: Work, receipt: ReceiptIn, found: Match) -> None:
    """Record a receipt with its attempt and move attempt and message, if it ends what has not ended."""
    candidate, said = found.candidate, receipt.receipt
    end = _ENDS.get(said.state)
    applied = end is not None and said.is_final and candidate.state in _APPLICABLE
    if not applied and _is_repeat(work, receipt, candidate):
        return
    work.execute(
        "INSERT INTO receipts (message, id, part, attempt, carrier, bind, at, state, err, matched, applied, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (candidate.message, work.ids.next(), candidate.part, candidate.attempt, receipt.carrier, receipt.bind, receipt.at, said.stat or said.state.name,
         said.error, found.how, applied, said.raw),
    )  # fmt: skip
    if end is not None and applied:
        _end_attempt(work, receipt, candidate, end)


def _end_attempt(work: Work, receipt: ReceiptIn, candidate: Candidate, end: AttemptState) -> None:
    said = receipt.receipt
    network_error = f"{said.network_error[0]}:{said.network_error[1]}" if said.network_error else None
    learned = said.message_id if candidate.carrier_message_id is None else candidate.carrier_message_id
    work.execute(
        "UPDATE attempts SET state = ?, done_at = ?, receipt_state = ?, err = ?, network_error = ?, carrier_message_id = ? "
        "WHERE message = ? AND part = ? AND attempt = ?",
        (int(end), receipt.done_at or receipt.at, said.stat or said.state.name, said.error, network_error, learned,
         candidate.message, candidate.part, candidate.attempt),
    )  # fmt: skip
    facts = {
        "carrier": receipt.carrier,
        "carrier_message_id": learned,
        "receipt_state": said.stat or said.state.name,
        "err": said.error,
        "network_error": said.network_error,
    }
    error = None if end is AttemptState.DELIVERED else receipt.error
    found = _whole(work, candidate.message)
    if found is None:
        regroup(work, candidate.message, error=error, **facts)
    else:
        work.end(found, MessageState(int(end)), error=error, **facts)


def _whole(work: Work, message: int) -> Found | None:
    """The way of nearly all receipts: a message of one segment that one attempt sent. None: look at its parts together."""
    values = work.execute(
        f"SELECT {COLUMNS} FROM messages WHERE id = ? AND segments = 1 AND claims = 1 AND state IN {_WHOLE_FROM}",
        (message,),
    ).fetchone()
    return Found(work, values) if values else None


def _is_repeat(work: Work, receipt: ReceiptIn, candidate: Candidate) -> bool:
    """The same words about the same attempt again: carriers repeat themselves when our acknowledgement was lost."""
    said = receipt.receipt
    return (
        work.execute(
            "SELECT 1 FROM receipts WHERE message = ? AND part = ? AND attempt = ? AND state = ? AND raw = ?",
            (candidate.message, candidate.part, candidate.attempt, said.stat or said.state.name, said.raw),
        ).fetchone()
        is not None
    )
