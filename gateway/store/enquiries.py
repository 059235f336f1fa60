"""What carriers are asked about segments that they took: rows that are asked until they are settled.

query_sm before a message is given up and for doubts that have an id; cancel_sm for cancels after the sending. Who asks
them is gateway.flows.asking; an end that a carrier tells is applied as a receipt would be.
"""

from typing import NamedTuple

from gateway.messages import AttemptState, MessageState
from gateway.store import receipts
from gateway.store.enquiry import Enquiries, Enquiry, EnquiryAnswer, EnquiryKind
from gateway.store.interface import AttemptName
from gateway.store.matching import Candidate, Match, candidate_of
from gateway.store.progress import regroup
from gateway.store.work import COLUMNS, Found, Work
from protocol.command_status import StatusClass, classify
from protocol.receipts import ReceiptState

GRACE_MS = 15 * 60_000
"""How long a message that would be given up waits for what its carrier says."""
TURN_MS = 200
"""Between two query_sm of a carrier; what finds no turn within the grace is not asked."""
MOST_TRIES = 3
"""Askings of one enquiry that no answer, or a temporary error, follows."""
AFTER_CANCEL_MS = 60_000
"""A carrier that has said ESME_ROK to cancel_sm is given so long for its receipt before query_sm asks."""
LATE_ANSWER_MS = 10 * 60_000
"""So long is waited for the receipt of what was given up before its answer came."""
_AGAIN_MS = (10_000, 60_000)
"""Before the second and the third try."""
_QUERY, _CANCEL = int(EnquiryKind.QUERY), int(EnquiryKind.CANCEL)
_RAISE = (
    "INSERT INTO enquiries (message, part, attempt, kind, carrier, raised_at, due, tries) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) ON CONFLICT DO UPDATE SET raised_at = ?6, due = ?7, tries = 0"
)
_LAST_TURN = "SELECT max(due) FROM enquiries WHERE carrier = ? AND kind = ? AND due <= ?"
_OF_MESSAGE = (
    "SELECT part, attempt, kind, carrier, raised_at, due, tries, command_status FROM enquiries WHERE message = ?"
)
_DUE = (
    f"SELECT e.due, e.kind, a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} "
    "FROM enquiries e JOIN attempts a ON a.message = e.message AND a.part = e.part AND a.attempt = e.attempt "
    "JOIN messages m ON m.id = e.message WHERE e.carrier = ? AND e.kind = ? AND e.due <= ? ORDER BY e.due LIMIT ?"
)
_NEXT = "SELECT min(due) FROM enquiries WHERE carrier = ? AND kind = ? AND due IS NOT NULL"
_ASKED = (
    "UPDATE enquiries SET due = ?, tries = tries + 1, asked_at = ?, bind = ?, latency_ms = ?, command_status = ?, "
    "message_state = ? WHERE message = ? AND part = ? AND attempt = ? AND kind = ? AND due IS NOT NULL"
)
_CLOSE = "UPDATE enquiries SET due = NULL WHERE message = ? AND part = ? AND attempt = ? AND kind = ?"
_CLOSE_QUERIES = f"UPDATE enquiries SET due = NULL WHERE message = ? AND kind = {_QUERY} AND due IS NOT NULL"
_ATTEMPTS = (
    "SELECT part, attempt, state, carrier, carrier_message_id FROM attempts WHERE message = ? ORDER BY part, attempt"
)
_CANDIDATE = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} FROM attempts a "
    "JOIN messages m ON m.id = a.message WHERE a.message = ? AND a.part = ? AND a.attempt = ?"
)
_TAKEN = (
    f"UPDATE attempts SET state = {int(AttemptState.SENT)} "
    f"WHERE message = ? AND part = ? AND attempt = ? AND state = {int(AttemptState.IN_DOUBT)}"
)
_CANCELED = (
    f"UPDATE attempts SET state = {int(AttemptState.CANCELED)} WHERE message = ?1 "
    f"AND state = {int(AttemptState.SENT)} AND EXISTS (SELECT 1 FROM enquiries e WHERE e.message = ?1 "
    f"AND e.part = attempts.part AND e.attempt = attempts.attempt AND e.kind = {_CANCEL} AND e.command_status = 0)"
)
_HAS_IT = frozenset({ReceiptState.SCHEDULED.value, ReceiptState.ENROUTE.value, ReceiptState.ACCEPTED.value})
"""States of a message that a carrier took and is not done with."""
_WAIT = "UPDATE messages SET due = ? WHERE id = ?"
_SETTLE_NOW = f"UPDATE messages SET due = ?1 WHERE id = ?2 AND due > ?1 AND state < {int(MessageState.DELIVERED)}"
_PASSING = frozenset({StatusClass.THROTTLED, StatusClass.TEMPORARY, StatusClass.UNBOUND})
"""Statuses that say nothing of the message: it may be asked again."""


class Raised(NamedTuple):
    """An enquiry of a message, open or settled."""

    part: int
    attempt: int
    kind: int
    carrier: str
    raised_at: int
    due: int | None
    tries: int
    command_status: int | None


# --- reasons to ask


def cancel(work: Work, found: Found) -> bool | None:
    """Ask the carriers of a sent message not to deliver what they still have. True: they are asked from now on;
    False: they are or were asked already; None: there is nobody to ask, or they have refused."""
    carriers = work.policy.carriers
    asked = {(row.part, row.attempt): row for row in _of(work, found.id) if row.kind == _CANCEL}
    outcomes: set[bool] = set()
    for part, attempt, carrier in _with_id(work, found.id, AttemptState.SENT):
        if (policy := carriers.get(carrier)) is None or not policy.cancel_sm:
            continue
        row = asked.get((part, attempt))
        if row is None or (row.due is None and _says_nothing(row.command_status)):
            _raise(work, AttemptName(found.id, part, attempt), EnquiryKind.CANCEL, carrier, work.now)
            outcomes.add(True)
        elif row.due is not None or row.command_status == 0:
            outcomes.add(False)
    return max(outcomes, default=None)


def before_giving_up(work: Work, found: Found, state: AttemptState, since: int) -> bool:
    """Ask the carriers of a message whose segments in this state would be given up; whether there is something to wait
    for. `since`: what was asked before does not count."""
    if not any(policy.query_sm for policy in work.policy.carriers.values()):
        return False
    raised = [row for row in _of(work, found.id) if row.kind == _QUERY and row.raised_at >= since]
    if not raised:
        for part, attempt, carrier in _with_id(work, found.id, state):
            policy = work.policy.carriers.get(carrier)
            turn = _turn(work, carrier) if policy is not None and policy.query_sm else None
            if turn is not None:
                _raise(work, AttemptName(found.id, part, attempt), EnquiryKind.QUERY, carrier, turn)
                raised.append(Raised(part, attempt, _QUERY, carrier, work.now, turn, 0, None))
    until = max((row.raised_at for row in raised if row.due is not None), default=0) + GRACE_MS
    if until > work.now:
        work.execute(_WAIT, (until, found.id))
        return True
    work.execute(_CLOSE_QUERIES, (found.id,))
    return False


def answered_late(work: Work, name: AttemptName, carrier: str) -> None:
    """A segment that was given up has its answer after all, so that it has an id: unless its receipt comes, ask."""
    policy = work.policy.carriers.get(carrier)
    if policy is not None and policy.query_sm:
        _raise(work, name, EnquiryKind.QUERY, carrier, work.now + LATE_ANSWER_MS)


def end_canceled(work: Work, message: int) -> None:
    """What was never reported, and its carrier has said ESME_ROK to cancel_sm, was canceled."""
    work.execute(_CANCELED, (message,))


# --- asking


def due(work: Work, carrier: str, most: int) -> Enquiries:
    """What is to be asked now, cancels first; what needs no asking any more is settled here."""
    now: list[Enquiry] = []
    for kind in (EnquiryKind.CANCEL, EnquiryKind.QUERY):
        for row in work.execute(_DUE, (carrier, int(kind), work.now, most)).fetchall():
            candidate = candidate_of(row[2:])
            name = AttemptName(*candidate[:3])
            if candidate.carrier_message_id and _is_worth_asking(candidate, kind):
                found = candidate.of
                now.append(Enquiry(name, kind, candidate.carrier_message_id, found.sender, found.recipient))
            else:
                work.execute(_CLOSE, (*name, int(kind)))
    later = [work.execute(_NEXT, (carrier, kind)).fetchone()[0] for kind in (_QUERY, _CANCEL)]
    return Enquiries(now[:most], min((at for at in later if at is not None), default=None))


def answered(work: Work, answer: EnquiryAnswer) -> None:
    """Record how asking went, and what it settles. A second time it changes nothing."""
    name = (*answer.name[1:], int(answer.kind))
    row = next((row for row in _of(work, answer.name.message) if row[:3] == name), None)
    if row is None or row.due is None:
        return
    again = _asked_again(answer, row, work.now)
    said = (answer.asked_at, answer.bind, answer.latency_ms, answer.command_status, answer.message_state)
    work.execute(_ASKED, (again, *said, *answer.name, int(answer.kind)))
    if again is not None:
        work.to_ask.add(row.carrier)
        return
    if answer.kind is EnquiryKind.CANCEL:
        policy = work.policy.carriers.get(row.carrier)
        if answer.command_status == 0 and policy is not None and policy.query_sm:
            _raise(work, answer.name, EnquiryKind.QUERY, row.carrier, work.now + AFTER_CANCEL_MS)
        return
    _apply(work, answer)
    open_ones = [r for r in _of(work, answer.name.message) if r.kind == _QUERY and r.due is not None]
    # The sweep goes on with what is left: who still is to be given up is so at once.
    if not open_ones and work.execute(_SETTLE_NOW, (work.now, answer.name.message)).rowcount:
        work.wake(work.now)


def _apply(work: Work, answer: EnquiryAnswer) -> None:
    if answer.told is None:
        return
    candidate = candidate_of(work.execute(_CANDIDATE, answer.name).fetchone())
    if answer.told.receipt.is_final:
        receipts.apply(work, answer.told, Match(candidate, "query_sm"))
    elif answer.message_state in _HAS_IT and work.execute(_TAKEN, answer.name).rowcount:
        regroup(work, answer.name.message)


def _asked_again(answer: EnquiryAnswer, row: Raised, now: int) -> int | None:
    """When to ask again; None: this is settled, or was tried often enough."""
    if _says_nothing(answer.command_status) and row.tries + 1 < MOST_TRIES:
        return now + _AGAIN_MS[row.tries]
    return None


def _says_nothing(status: int | None) -> bool:
    return status is None or classify(status) in _PASSING


def _is_worth_asking(candidate: Candidate, kind: EnquiryKind) -> bool:
    if kind is EnquiryKind.CANCEL:
        return candidate.of.state < MessageState.DELIVERED and candidate.state == AttemptState.SENT
    return candidate.is_unsettled


def _turn(work: Work, carrier: str) -> int | None:
    """When a query_sm of this carrier is asked if it is raised now; None: not within the grace."""
    end = work.now + GRACE_MS
    (last,) = work.execute(_LAST_TURN, (carrier, _QUERY, end)).fetchone()
    turn: int = max(work.now, (last or 0) + TURN_MS)
    return turn if turn < end else None


def _raise(work: Work, name: AttemptName, kind: EnquiryKind, carrier: str, at: int) -> None:
    work.execute(_RAISE, (*name, int(kind), carrier, work.now, at))
    work.to_ask.add(carrier)


def _of(work: Work, message: int) -> list[Raised]:
    return [Raised._make(row) for row in work.execute(_OF_MESSAGE, (message,)).fetchall()]


def _with_id(work: Work, message: int, state: AttemptState) -> list[tuple[int, int, str]]:
    """Part, attempt and carrier of the segments in this state that their carrier gave an id."""
    rows = work.execute(_ATTEMPTS, (message,)).fetchall()
    return [(part, number, carrier) for part, number, now, carrier, known_as in rows if now == state and known_as]
