"""Rows whose time has come: one statement finds them all; what happens then depends on the state alone."""

import logging
from collections import Counter

from gateway.identifiers import MESSAGE, public
from gateway.messages import AttemptState, ErrorCode, MessageState
from gateway.settings import InDoubt
from gateway.store import enquiries, parked
from gateway.store.elsewhere import end_unsent
from gateway.store.ended_binds import doubt, try_parked
from gateway.store.inbound import parts as inbound_parts
from gateway.store.interface import AttemptName
from gateway.store.progress import attempts_of, receipt_horizon, regroup
from gateway.store.work import COLUMNS, STUCK_MS, Found, Work

log = logging.getLogger("sluice.store")
ROWS_A_TRANSACTION = 500
DOUBTS_A_TRANSACTION = 100
"""Each costs as much as several other rows, and a lost link leaves many that are due at the same moment."""
LOOK_FOR_LOST_MS = 10_000
"""How often it is asked whether a claim was lost on its way to its bind: a safety net behind the window's deadline."""
_DUE = f"SELECT {COLUMNS}, m.done_at FROM messages m WHERE m.due IS NOT NULL AND m.due <= ? ORDER BY m.due LIMIT ?"
_ERASE = "UPDATE messages SET text = NULL, text_erased_at = coalesce(text_erased_at, ?), due = NULL WHERE id = ?"
_LOOK_AGAIN = "UPDATE messages SET due = ? WHERE id = ?"
_LOST = (
    "SELECT a.message, a.part, a.attempt, a.carrier, a.claimed_at FROM attempts a CROSS JOIN messages m "
    f"ON m.id = a.message WHERE a.state = {int(AttemptState.SUBMITTING)} AND a.claimed_at <= ? "
    f"AND m.state = {int(MessageState.SUBMITTING)}"
)
_PUT_OFF = "UPDATE messages SET due = ? WHERE id = ? AND due <= ? AND state = ?"
"""What has moved on and is due again at once, such as a doubt whose validity is over, is the next sweep's."""
_SETTLE_DOUBTS = f"UPDATE attempts SET state = ?, error = ? WHERE message = ? AND state = {int(AttemptState.IN_DOUBT)}"
_GIVE_UP = (
    f"UPDATE attempts SET state = {int(AttemptState.UNKNOWN)}, error = '{ErrorCode.NO_RECEIPT}' "
    f"WHERE message = ? AND state = {int(AttemptState.SENT)}"
)


def sweep(work: Work) -> None:
    """Settle what is due, oldest first, up to a limit; the writer comes back for the rest."""
    ended: list[tuple[Found, int]] = []
    doubts: Counter[bool] = Counter()
    doubtful = 0
    for values in work.execute(_DUE, (work.now, ROWS_A_TRANSACTION)).fetchall():
        found = Found._make(values[:-1])
        if found.state >= MessageState.DELIVERED:
            ended.append((found, values[-1]))
            continue
        with work.apart(f"settling {public(MESSAGE, found.id)}") as failed:
            _settle(work, found, doubts)
        doubtful += found.state == MessageState.IN_DOUBT
        if work.execute(_PUT_OFF, (work.now + STUCK_MS, found.id, work.now, found.state)).rowcount and not failed:
            log.error("was due and could not be settled message=%s state=%d", public(MESSAGE, found.id), found.state)
        if doubtful == DOUBTS_A_TRANSACTION:
            break
    if doubts:
        log.warning("the grace of doubts is over sent_again=%d given_up=%d", doubts[True], doubts[False])
    _erase_texts(work, ended)
    if work.parked:
        parked.expire(work, ROWS_A_TRANSACTION)
    if work.joining:
        inbound_parts.sweep(work)


def plan(work: Work) -> None:
    """Wake the writer when the next row is due."""
    following = work.execute("SELECT due FROM messages WHERE due IS NOT NULL ORDER BY due LIMIT 1").fetchone()
    if following is not None:
        work.wake(following[0])
    if work.parked:
        following = work.execute("SELECT due FROM parked ORDER BY due LIMIT 1").fetchone()
        if following is not None:
            work.wake(following[0])
    if work.joining:
        following = work.execute("SELECT due FROM inbound_sets ORDER BY due LIMIT 1").fetchone()
        if following is not None:
            work.wake(following[0])
    if (at := work.campaigns.wake_at(work.now)) is not None:
        work.wake(at)


def _settle(work: Work, found: Found, doubts: Counter[bool]) -> None:
    match MessageState(found.state):
        case MessageState.SCHEDULED | MessageState.RETRYING if found.expires_at > work.now:
            moved = work.move(found, MessageState.QUEUED, found.expires_at)
            if found.state == MessageState.SCHEDULED:
                work.tell(moved, "queued")
        case MessageState.SCHEDULED | MessageState.RETRYING | MessageState.QUEUED:
            end_unsent(work, found, MessageState.EXPIRED, ErrorCode.EXPIRED)
        case MessageState.SUBMITTING:
            # It went out within its validity; that its answer comes in time is looked after elsewhere.
            work.execute(_LOOK_AGAIN, (work.now + LOOK_FOR_LOST_MS, found.id))
        case MessageState.IN_DOUBT:
            _end_doubt(work, found, doubts)
        case MessageState.SENT:
            _end_waiting(work, found)
        case _:
            raise AssertionError(f"message {found.id} is ended and yet due")


def _end_waiting(work: Work, found: Found) -> None:
    """A receipt that has not come until the horizon will not come; where the carrier can be asked, it is."""
    until = receipt_horizon(work, found)
    if until > work.now:
        work.execute(_LOOK_AGAIN, (until, found.id))
    elif not enquiries.before_giving_up(work, found, AttemptState.SENT, until):
        enquiries.end_canceled(work, found.id)
        work.execute(_GIVE_UP, (found.id,))
        regroup(work, found.id)


def _erase_texts(work: Work, ended: list[tuple[Found, int]]) -> None:
    """Texts of ended messages whose lane keeps them no longer; the others when it does."""
    until = [(done_at + work.text_kept_ms(found.queue), found.id) for found, done_at in ended]
    with work.apart("erasing texts") as failed:
        work.executemany(_ERASE, [(work.now, message) for at, message in until if at <= work.now])
        work.executemany(_LOOK_AGAIN, [(at, message) for at, message in until if at > work.now])
    if failed:
        work.executemany(_LOOK_AGAIN, [(work.now + STUCK_MS, found.id) for found, _ in ended])


def doubt_lost(work: Work) -> None:
    """Segments that were dealt so long ago that their window must have told what became of them, and did not."""
    deadlines = {name: policy.answer_deadline_ms for name, policy in work.policy.carriers.items()}
    before = work.now - min(deadlines.values(), default=0)
    work.in_hand.lay_out(work, work.in_hand.before(before))
    rows = work.execute(_LOST, (before,)).fetchall()
    lost = [AttemptName(*name) for *name, carrier, at in rows if at + deadlines.get(carrier, 0) <= work.now]
    for name in lost:
        with work.apart(f"doubting a lost claim of {public(MESSAGE, name.message)}"):
            log.error("a claim was lost on its way and is in doubt message=%s", public(MESSAGE, name.message))
            doubt(work, [name])


def _end_doubt(work: Work, found: Found, doubts: Counter[bool]) -> None:
    """The grace is over: a receipt that fits, else the lane's policy, part by part. `doubts` counts the segments that
    are sent again, and those that are not."""
    for name in _names(work, found, AttemptState.IN_DOUBT):
        try_parked(work, name)
    if enquiries.before_giving_up(work, found, AttemptState.IN_DOUBT, 0):
        return
    lane = work.policy.lanes.get(work.queues.lane(found.queue))
    resend = lane is not None and lane.in_doubt is InDoubt.RESEND and found.expires_at > work.now
    # Each of them may have arrived: where no answer ever comes, sending on would fill a handset.
    if lane is not None and resend:
        resend = 1 + _most_resent(work, found) < lane.max_tries
    if settled := settle_doubts(work, found.id, resend=resend):
        doubts[resend] += settled


def settle_doubts(work: Work, message: int, *, resend: bool) -> int:
    """Send what is still in doubt again, marked as a possible duplicate, or give it up as unknown. How many segments
    that were."""
    after, error = (AttemptState.RESENT, None) if resend else (AttemptState.UNKNOWN, ErrorCode.OUTCOME_UNKNOWN)
    changed = work.execute(_SETTLE_DOUBTS, (int(after), error, message)).rowcount
    if changed and resend:
        work.execute("UPDATE messages SET possible_duplicate = 1 WHERE id = ?", (message,))
    regroup(work, message)
    return changed


def _most_resent(work: Work, found: Found) -> int:
    """How often the part that was sent again most often was."""
    resent = Counter(a.part for a in attempts_of(work, found.id) if a.state == AttemptState.RESENT)
    return max(resent.values(), default=0)


def _names(work: Work, found: Found, state: AttemptState) -> list[AttemptName]:
    return [AttemptName(a.message, a.part, a.attempt) for a in attempts_of(work, found.id) if a.state == state]
