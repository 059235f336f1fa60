"""Receipts: each is matched to an attempt and applied, or parked.

Handling one twice changes nothing; what matched and how is recorded.
"""

from typing import Any

from gateway.messages import AttemptState, ErrorCode, MessageState
from gateway.metrics import CONTRADICTIONS
from gateway.rules.receipt_words import word_of
from gateway.store import parked, quotes
from gateway.store.elsewhere import may_reroute
from gateway.store.enquiry import EnquiryKind
from gateway.store.held_queue import by_receipt
from gateway.store.inbound import messages as inbounds
from gateway.store.interface import ReceiptIn
from gateway.store.matching import (
    Candidate,
    Match,
    addresses_of,
    denies,
    ids_of,
    is_awaited,
    match,
    match_reference,
    may_be_ahead,
    names_both,
)
from gateway.store.progress import regroup
from gateway.store.work import Cause, Found, Work
from protocol.receipt_keys import exact_key
from protocol.receipts import Receipt, ReceiptState

_ENDS = {
    ReceiptState.DELIVERED: AttemptState.DELIVERED,
    ReceiptState.UNDELIVERABLE: AttemptState.UNDELIVERED,
    ReceiptState.SKIPPED: AttemptState.UNDELIVERED,
    ReceiptState.DELETED: AttemptState.UNDELIVERED,
    ReceiptState.EXPIRED: AttemptState.EXPIRED,
    ReceiptState.REJECTED: AttemptState.REJECTED,
}
"""ENROUTE, ACCEPTED, SCHEDULED and UNKNOWN are recorded, not applied."""
_ENDS_BY_ITSELF: dict[ReceiptState, AttemptState] = {
    state: end for state, end in _ENDS.items() if state is not ReceiptState.DELETED
}
MESSAGE_ENDS = {end: MessageState(int(end)) for end in (*_ENDS.values(), AttemptState.CANCELED)}
"""How a message of one part ends by its attempt's end."""

_DELIVERED = AttemptState.DELIVERED
"""A member looked up by its name costs as much as a call."""
_WHOLE_FROM = frozenset(
    {MessageState.SUBMITTING, MessageState.IN_DOUBT, MessageState.SENT, MessageState.UNKNOWN},
)
_INSERT = (
    "INSERT INTO receipts (message, id, part, attempt, carrier, bind, at, state, err, matched, raw) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
END_ATTEMPT = (
    "UPDATE attempts SET state = ?, done_at = ?, receipt_state = ?, err = ?, receipt_id = ?, receipt_at = ?, "
    "receipt_bind = ?, receipt_matched = ?, receipt_raw = ? WHERE message = ? AND part = ? AND attempt = ?"
)
CAUSE = "UPDATE attempts SET network_error = ?, error = ? WHERE message = ? AND part = ? AND attempt = ?"
_CANCEL_ASKED = (
    f"SELECT 1 FROM enquiries WHERE message = ? AND part = ? AND attempt = ? AND kind = {int(EnquiryKind.CANCEL)}"
)
_LEARN = "UPDATE attempts SET carrier_message_id = ?, id_key = ? WHERE message = ? AND part = ? AND attempt = ?"
_REPEAT = (
    "SELECT 1 FROM receipts WHERE message = ?1 AND part = ?2 AND attempt = ?3 AND state = ?4 AND raw = ?5 UNION ALL "
    "SELECT 1 FROM attempts WHERE message = ?1 AND part = ?2 AND attempt = ?3 "
    "AND receipt_state = ?4 AND receipt_raw = ?5"
)


def record(work: Work, receipt: ReceiptIn) -> None:
    """Apply a receipt to the attempt it names, or park it until an answer makes its id known."""
    found = match(work, receipt) if ids_of(receipt.receipt) else None
    if receipt.receipt.is_guess:
        _record_guess(work, receipt, found)
        return
    found = found or match_reference(work, receipt)
    if found is None or denies(found.candidate.of.recipient, addresses_of(receipt)):
        # Carriers give ids again from their restart on: a doubt for the number that it names is meant rather.
        found = parked.doubt_that(work, receipt) or found
    if found is None and work.queues.holds:
        found = by_receipt.was_sent(work, receipt)
    if found is None or _is_ahead_of_its_answer(work, receipt, found.candidate):
        parked.park(work, receipt)
    else:
        apply(work, receipt, found)
        if found.how == "held":
            regroup(work, found.candidate.message)


def _record_guess(work: Work, receipt: ReceiptIn, found: Match | None) -> None:
    """Anyone with a phone can write the text of a receipt: one that nothing else marks is believed if it names a
    message of ours by its id and both its addresses. Where that may come to be so, it waits for the answer."""
    receipt.was_inbound, addresses = False, addresses_of(receipt)
    if found is not None and not names_both(found.candidate, addresses):
        found = None
    if found is not None and not _is_ahead_of_its_answer(work, receipt, found.candidate):
        apply(work, receipt, found)
    elif receipt.otherwise is None or (ids_of(receipt.receipt) and may_be_ahead(work, receipt.carrier, addresses)):
        parked.park(work, receipt)
    else:
        receipt.was_inbound = True
        inbounds.settle(work, receipt.otherwise)
        if not receipt.otherwise.is_refused:
            parked.record_inbound(work, receipt.otherwise)


def ends(said: Receipt) -> AttemptState | None:
    """How the attempt that a receipt speaks of ends by it; None: it has not ended."""
    return _ENDS.get(said.state) if said.is_final else None


def ends_by_itself(said: Receipt) -> AttemptState | None:
    """The same where no more than the receipt has to be known: DELETED is another end where we asked for it."""
    return None if said.is_intermediate else _ENDS_BY_ITSELF.get(said.state)


def error_of(receipt: ReceiptIn, end: AttemptState) -> str | None:
    """ErrorCode of an end that is not `delivered`."""
    if end is _DELIVERED:
        return None
    return ErrorCode.CANCELED if end is AttemptState.CANCELED else receipt.error or ErrorCode.UNMAPPED


def done_at_of(receipt: ReceiptIn, message: Found) -> int:
    """When the carrier says it ended, if that can be: not before it was sent, not after we heard of it. Many dates are
    of the minute, or of another zone than the settings say; then the arrival is nearer to the truth."""
    told = receipt.done_at
    return told if told is not None and (message.sent_at or receipt.at) <= told <= receipt.at else receipt.at


def apply(work: Work, receipt: ReceiptIn, found: Match) -> None:
    """Record a receipt with its attempt, and move attempt and message if it ends what has not ended."""
    candidate, said = found.candidate, receipt.receipt
    told = _end_told(work, said, candidate)
    end = told if candidate.is_unsettled else None
    if end is not None:
        _end(work, receipt, found, end)
    elif not _is_repeat(work, receipt, candidate):
        if found.how == "doubt" and candidate.state == AttemptState.IN_DOUBT:
            # It ends nothing, yet by its id the carrier can be asked, and what it says next is surely meant.
            work.execute(_LEARN, (said.message_id, exact_key(said.message_id or "") or None, *candidate[:3]))
        is_rerouted = candidate.state == AttemptState.REROUTED and told is AttemptState.DELIVERED
        if is_rerouted or (candidate.state in MESSAGE_ENDS and told not in (None, candidate.state)):
            CONTRADICTIONS.labels(receipt.carrier).inc()
        receipt_id = work.ids.next()
        work.execute(
            _INSERT,
            (
                candidate.message,
                receipt_id,
                candidate.part,
                candidate.attempt,
                receipt.carrier,
                receipt.bind,
                receipt.at,
                word_of(said),
                said.error,
                found.how,
                said.raw,
            ),
        )
        if said.may_quote:
            quotes.note(work, candidate.message, receipt_id)


def _end_told(work: Work, said: Receipt, candidate: Candidate) -> AttemptState | None:
    """What was deleted because we asked for it is canceled."""
    end = ends(said)
    is_deleted = end is not None and said.state is ReceiptState.DELETED
    if is_deleted and candidate.of.sent_at and work.execute(_CANCEL_ASKED, candidate[:3]).fetchone() is not None:
        return AttemptState.CANCELED
    return end


def attempt_row(receipt_id: int, receipt: ReceiptIn, end: AttemptState, how: str, done_at: int) -> tuple[Any, ...]:
    """The values of END_ATTEMPT, but for the attempt's name."""
    said = receipt.receipt
    told = (receipt_id, receipt.at, receipt.bind, how, said.raw)
    return (int(end), done_at, word_of(said), said.error, *told)


def cause_row(said: Receipt, name: tuple[int, int, int], error: str | None) -> tuple[Any, ...]:
    """The values of CAUSE. Of a delivered message there is mostly none to tell."""
    network_error = f"{said.network_error[0]}:{said.network_error[1]}" if said.network_error else None
    return (network_error, error, *name)


def _end(work: Work, receipt: ReceiptIn, found: Match, end: AttemptState) -> None:
    candidate, said = found.candidate, receipt.receipt
    name, message = candidate[:3], candidate.of
    done_at, error = done_at_of(receipt, message), error_of(receipt, end)
    receipt_id = work.ids.next()
    work.execute(END_ATTEMPT, (*attempt_row(receipt_id, receipt, end, found.how, done_at), *name))
    if said.may_quote:
        quotes.note(work, candidate.message, receipt_id)
    work.execute(CAUSE, cause_row(said, name, error))
    learned = candidate.carrier_message_id
    if learned is None:
        learned = said.message_id
        work.execute(_LEARN, (learned, exact_key(learned or "") or None, *name))
    is_whole = message.segments == 1 and message.claims == 1 and message.state in _WHOLE_FROM
    if is_whole and not may_reroute(work, message, end):
        cause = Cause(error, receipt.carrier, learned, None, word_of(said), said.error, said.network_error)
        work.end(message, MESSAGE_ENDS[end], cause, done_at)
    else:
        regroup(work, candidate.message)


def _is_repeat(work: Work, receipt: ReceiptIn, candidate: Candidate) -> bool:
    """The same words about the same attempt again: carriers repeat themselves when our acknowledgement was lost."""
    said = receipt.receipt
    row = work.execute(_REPEAT, (*candidate[:3], word_of(said), said.raw)).fetchone()
    return row is not None


def _is_ahead_of_its_answer(work: Work, receipt: ReceiptIn, candidate: Candidate) -> bool:
    """Whether the id names an attempt that has ended only because the carrier gives it a second time, as some do from
    their restart on: the new attempt's answer, with that id, is still on its way."""
    if candidate.is_unsettled or not receipt.receipt.is_final or _is_repeat(work, receipt, candidate):
        return False
    return is_awaited(work, receipt.carrier, candidate.of.recipient)
