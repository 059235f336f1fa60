"""By which other carriers a message goes that one did not take or did not deliver, and how it ends if none does.

Which failures are a reason is gateway.rules.failures'; that no part is ever with two carriers at once is seen to here
and by `state_of_parts`: nothing goes elsewhere whose outcome is open.
"""

from collections.abc import Iterable, Sequence

from gateway.messages import UNSENT, AttemptState, ErrorCode, MessageState
from gateway.rules.failures import GOES_ELSEWHERE
from gateway.store.enquiry import EnquiryKind
from gateway.store.views import AttemptRow
from gateway.store.work import Cause, Found, Work
from protocol.receipt_states import ReceiptState, state_of

LEAST_LEFT_MS = 1_000
"""Of its validity; with less a message is not worth giving to another carrier."""
REPORTED = frozenset({AttemptState.UNDELIVERED, AttemptState.REJECTED, AttemptState.EXPIRED})
"""Ends by a receipt after which another carrier may be tried."""
_REROUTED = int(AttemptState.REROUTED)
_OPEN = frozenset({AttemptState.SUBMITTING, AttemptState.IN_DOUBT, AttemptState.SENT})
_REROUTE = f"UPDATE attempts SET state = {_REROUTED} WHERE message = ? AND part = ? AND attempt = ?"
_CANCEL_ASKED = f"SELECT 1 FROM enquiries WHERE message = ? AND kind = {int(EnquiryKind.CANCEL)} LIMIT 1"
_FIRST_FAILURES = (
    "SELECT part, attempt, state, carrier, carrier_message_id, receipt_state, err, error, network_error FROM attempts "
    f"WHERE message = ? AND state IN ({_REROUTED}, {int(AttemptState.RESENT)}) ORDER BY part, attempt"
)
_END_AS_TOLD = f"UPDATE attempts SET state = ? WHERE message = ? AND part = ? AND attempt = ? AND state = {_REROUTED}"
_ENDS = {ReceiptState.REJECTED: MessageState.REJECTED, ReceiptState.EXPIRED: MessageState.EXPIRED}
_WORST_FIRST = (MessageState.REJECTED, MessageState.UNDELIVERED, MessageState.EXPIRED)


def network_error_of(stored: str | None) -> tuple[int, int] | None:
    """The type and the code of network_error_code, as an attempt keeps them."""
    kind, _, code = (stored or "").partition(":")
    return (int(kind), int(code)) if code else None


# --- after an answer


def carriers_to_avoid(work: Work, found: Found, rows: Iterable[AttemptRow]) -> str:
    """The carriers that others are tried before: whose latest answer was a reason to go elsewhere, or whose receipt
    was. Sorted, joined by a blank.

    Where that is all that can carry it, the latest alone: the one before has had its pause.
    """
    failed: dict[str, bool] = {}
    for row, is_reported, is_reason in sorted(_failures(work, rows), key=lambda told: (told[0].attempt, told[2])):
        before = failed.pop(row.carrier, False)
        if is_reason or before:
            failed[row.carrier] = is_reported or before
    carriers = _able_to_carry(work, found)
    avoid = [carrier for carrier in failed if carrier in carriers]
    if carriers <= set(avoid):
        kept = [carrier for carrier in avoid if failed[carrier]] + avoid[-1:]
        avoid = kept if carriers - set(kept) else avoid[-1:]
    return " ".join(sorted(avoid))


def _failures(work: Work, rows: Iterable[AttemptRow]) -> Iterable[tuple[AttemptRow, bool, bool]]:
    """Attempts that were not taken, or not delivered: whether a receipt said so, and whether it is a reason to go
    elsewhere. Throttling is none: it waits its turn."""
    for row in rows:
        if row.state == AttemptState.REROUTED:
            yield row, True, True
        elif row.state == AttemptState.POSTPONED and row.command_status:
            action = work.policy.failures_of(row.carrier).of_status(row.command_status)
            yield row, False, action in GOES_ELSEWHERE


def _able_to_carry(work: Work, found: Found) -> set[str]:
    """The carriers of its route that can carry its text."""
    carriers = work.policy.tierings.carriers_of(work.queues.branch(found.queue))
    return set(carriers) - work.queues.unfit(found.queue)


# --- after a receipt


def may_reroute(work: Work, found: Found, end: int) -> bool:
    """Whether a part's end is worth a close look: its lane lets other carriers try."""
    if end not in REPORTED:
        return False
    lane = work.policy.lanes.get(work.queues.lane(found.queue))
    return lane is not None and lane.retry_undelivered


def reroute(work: Work, found: Found, rows: Sequence[AttemptRow], deciding: Sequence[AttemptRow]) -> bool:
    """Give an undelivered message to another carrier of its route, once. False: its end is to be told.

    `rows`: all its attempts; `deciding`: that by which each of its parts stands where it stands.
    """
    reported = [row for row in deciding if row.state in REPORTED]
    if (
        not reported
        or not may_reroute(work, found, reported[0].state)
        or not _may_go_again(work, found, rows, deciding)
    ):
        return False
    if not all(_is_reason(work, row) for row in reported):
        return False
    # One that had it before a doubt may have told so too by now.
    barred = {row.carrier for row in rows if row.state in REPORTED}
    if not _able_to_carry(work, found) - barred:
        return False
    work.executemany(_REROUTE, [(found.id, row.part, row.attempt) for row in reported])
    first = reported[0]
    work.tally.rerouted.append((found, MessageState(first.state), cause_of(first), work.now))
    told = [row._replace(state=_REROUTED) if row in reported else row for row in rows]
    avoid = carriers_to_avoid(work, found, told)
    queue = work.queues.elsewhere(work.connection, found.queue, stay="", avoid=avoid)
    # What was told of it there is not told again: it waits for the others rather than go there a second time.
    queue = work.queues.unfit_for(work.connection, queue, work.queues.unfit(found.queue) | barred)
    work.move(found, MessageState.QUEUED, found.expires_at, queue=queue)
    return True


def _may_go_again(work: Work, found: Found, rows: Sequence[AttemptRow], deciding: Sequence[AttemptRow]) -> bool:
    """Whether nothing of it may still arrive, nobody wants it stopped, and there is time for another carrier."""
    if found.state >= MessageState.DELIVERED or found.expires_at <= work.now + LEAST_LEFT_MS:
        return False
    if any(row.state in _OPEN or row.state == _REROUTED for row in rows):
        return False
    if any(row.state not in REPORTED and row.state not in UNSENT for row in deciding):
        return False
    return work.execute(_CANCEL_ASKED, (found.id,)).fetchone() is None


def _is_reason(work: Work, row: AttemptRow) -> bool:
    return work.policy.failures_of(row.carrier).of_receipt(row.err, row.error) in GOES_ELSEWHERE


def cause_of(row: AttemptRow) -> Cause:
    """What a carrier said of an attempt."""
    return Cause(
        row.error,
        row.carrier,
        row.carrier_message_id,
        row.command_status,
        row.receipt_state,
        row.err,
        network_error_of(row.network_error),
    )


# --- where the other carrier does not take it


def end_rerouted(work: Work, found: Found) -> bool:
    """End a message that was given to another carrier, and was refused by it, as its first carrier said; whether it is
    such a message: its public status was `sent`."""
    first = _first_end(work, found)
    if first is not None:
        work.end(found, *first)
    return first is not None


def end_unsent(work: Work, found: Found, state: MessageState, error: ErrorCode) -> None:
    """End a message instead of sending it."""
    work.end(found, *unsent_end(work, found, state, error))


def unsent_end(work: Work, found: Found, state: MessageState, error: ErrorCode) -> tuple[MessageState, Cause]:
    """How a message ends that is not sent: so, unless a carrier had it before. What was not delivered has its end, and
    what a doubt would have sent again may have arrived."""
    first = _first_end(work, found)
    if first is not None:
        return first
    if found.possible_duplicate:
        return MessageState.UNKNOWN, Cause(ErrorCode.OUTCOME_UNKNOWN)
    return state, Cause(error)


def _first_end(work: Work, found: Found) -> tuple[MessageState, Cause] | None:
    """How a message that was given to another carrier ends if that one does not take it; its attempts end so. None: it
    was not, or may have arrived by the other."""
    if not found.claims:
        return None
    rows = work.execute(_FIRST_FAILURES, (found.id,)).fetchall()
    rerouted = [row for row in rows if row[2] == _REROUTED]
    last = max((attempt for _, attempt, *_ in rerouted), default=0)
    if not rerouted or any(attempt > last for _, attempt, *_ in rows):
        return None
    ends = [_end_told(word) for *_, word, _, _, _ in rerouted]
    work.executemany(_END_AS_TOLD, [(int(end), found.id, *row[:2]) for end, row in zip(ends, rerouted, strict=True)])
    end = next(end for end in _WORST_FIRST if end in ends)
    *_, carrier, known_as, word, err, error, network_error = rerouted[ends.index(end)]
    cause = Cause(error or ErrorCode.UNMAPPED, carrier, known_as, None, word, err, network_error_of(network_error))
    return end, cause


def _end_told(word: str | None) -> MessageState:
    """How an attempt ended by the word that is kept of its receipt, which means the state that was decided."""
    state = state_of(word or "")
    return MessageState.UNDELIVERED if state is None else _ENDS.get(state, MessageState.UNDELIVERED)
