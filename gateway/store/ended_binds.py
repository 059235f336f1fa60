"""What a bind could not finish.

Segments never written are released, unsent again without doubt; segments written and not answered are in doubt.
"""

from collections.abc import Iterable

from gateway.messages import AttemptState, MessageState
from gateway.store import parked, receipts
from gateway.store.interface import AttemptName
from gateway.store.matching import LEAST_DIGITS, candidate_of
from gateway.store.progress import regroup
from gateway.store.work import COLUMNS, Work

_THIS = f"WHERE message = ?1 AND part = ?2 AND attempt = ?3 AND state = {int(AttemptState.SUBMITTING)}"
_RELEASE = f"UPDATE attempts SET state = {int(AttemptState.RELEASED)} {_THIS}"
_DOUBT = (
    f"UPDATE attempts SET state = {int(AttemptState.IN_DOUBT)}, "
    f"number_end = (SELECT substr(recipient, -{LEAST_DIGITS}) FROM messages WHERE id = ?1) {_THIS}"
)
"""Doubts are found by their number: what none becomes never pays for it."""
_NOT_PUT = (
    "UPDATE messages SET attempts = attempts - 1 WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM attempts "
    f"WHERE message = ?1 AND attempt = ?2 AND state <> {int(AttemptState.RELEASED)})"
)
"""A claim of which nothing went out was no attempt."""
_CANDIDATE = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS}, a.carrier FROM attempts a "
    "JOIN messages m ON m.id = a.message WHERE a.message = ? AND a.part = ? AND a.attempt = ?"
)
_CLAIMED = (
    "SELECT a.message, a.part, a.attempt FROM attempts a CROSS JOIN messages m ON m.id = a.message "
    f"WHERE a.state = {int(AttemptState.SUBMITTING)} AND m.state = {int(MessageState.SUBMITTING)}"
)


def release(work: Work, attempts: Iterable[AttemptName]) -> None:
    """The segments never reached the wire: their messages wait in their own place again."""
    changed = _change(work, attempts, _RELEASE)
    work.executemany(_NOT_PUT, dict.fromkeys((name.message, name.attempt) for name in changed))
    _regroup(work, changed)


def doubt(work: Work, attempts: Iterable[AttemptName]) -> None:
    """The segments may have reached the carrier; a receipt that came before its answer may settle the doubt at once."""
    changed = _change(work, attempts, _DOUBT)
    _regroup(work, changed)
    if work.parked:
        for name in changed:
            try_parked(work, name)


def try_parked(work: Work, name: AttemptName) -> None:
    """Settle a doubt by the parked receipt that can only be about it, if there is one."""
    row = work.execute(_CANDIDATE, name).fetchone()
    if row is None or row[3] != AttemptState.IN_DOUBT:
        return
    known = parked.for_doubt(work, row[-1], candidate_of(row[:-1]))
    if known is not None:
        receipts.apply(work, *known)


def after_unclean_end(work: Work) -> int:
    """At start: what was claimed when the last process ended has no answer on disk. Returns how many segments it is."""
    work.in_hand.lay_out_all(work)
    rows = work.execute(_CLAIMED).fetchall()
    doubt(work, [AttemptName(*row) for row in rows])
    return len(rows)


def _change(work: Work, attempts: Iterable[AttemptName], statement: str) -> list[AttemptName]:
    attempts = list(attempts)
    work.in_hand.lay_out(work, [name.message for name in attempts])
    return [name for name in attempts if work.execute(statement, name).rowcount]


def _regroup(work: Work, changed: Iterable[AttemptName]) -> None:
    for message in dict.fromkeys(name.message for name in changed):
        regroup(work, message)
