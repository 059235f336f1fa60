"""The way of nearly all answers and receipts, many in a statement: one segment, claimed once, sent, delivered.

Whatever is not so is left to `answers` and `receipts`, which look at each by itself. Both ways end in the same rows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import Answer, ReceiptIn, Verdict
from gateway.store.matching import Candidate, candidate_of
from gateway.store.receipts import END_ATTEMPT, INSERT, done_at_of, ends, error_of, network_error_of, word_of
from gateway.store.work import COLUMNS, Cause, Found, Work
from protocol.receipt_keys import exact_key

_SUBMITTING, _SENT = int(MessageState.SUBMITTING), int(MessageState.SENT)
_ANSWERED = (
    f"UPDATE attempts SET state = {int(AttemptState.SENT)}, answered_at = ?, latency_ms = ?, command_status = 0, "
    "carrier_message_id = ?, id_key = ? "
    f"WHERE message = ? AND part = 1 AND attempt = ? AND state = {int(AttemptState.SUBMITTING)} AND carrier = ?"
)
_IS_SENT = (
    f"UPDATE messages SET state = {_SENT}, due = max(expires_at, ?) + ?, sent_at = ? "
    f"WHERE id = ? AND state = {_SUBMITTING} AND segments = 1 AND sent_at IS NULL"
)
_THESE = f"SELECT {COLUMNS} FROM json_each(?) k CROSS JOIN messages m ON m.id = k.value"
_NAMED = (
    f"SELECT k.value, a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} FROM json_each(?) k "
    "CROSS JOIN attempts a ON a.carrier = ? AND a.id_key = k.value CROSS JOIN messages m ON m.id = a.message LIMIT ?"
)
_FEWEST = 2
"""Below that there is nothing to gain."""


def sent(work: Work, carrier: str, answers: Sequence[Answer]) -> bool:
    """Record answers that all say ESME_ROK to whole messages as they were claimed.

    False: something is otherwise, and nothing was done.
    """
    horizon = work.policy.carriers.get(carrier)
    if (
        len(answers) < _FEWEST
        or horizon is None
        or not all(a.verdict is Verdict.SENT and a.total == 1 for a in answers)
    ):
        return False
    work.execute("SAVEPOINT ordinary")
    attempts = [
        (
            a.at,
            a.latency_ms,
            a.carrier_message_id or None,
            exact_key(a.carrier_message_id) or None,
            a.message,
            a.attempt,
            carrier,
        )
        for a in answers
    ]
    messages = [(work.now, horizon.receipt_horizon_ms, a.at, a.message) for a in answers]
    done = work.executemany(_ANSWERED, attempts).rowcount == len(answers)
    done = done and work.executemany(_IS_SENT, messages).rowcount == len(answers)
    if not done:
        work.execute("ROLLBACK TO ordinary")
    work.execute("RELEASE ordinary")
    if done and work.anyone_wants("message.sent"):
        _tell_sent(work, carrier, answers)
    return done


def receipts(work: Work, told: Sequence[ReceiptIn]) -> list[ReceiptIn]:
    """Apply the receipts that end a whole message by its one attempt; the others are given back, in their order."""
    if len(told) < _FEWEST:
        return list(told)
    candidates = _candidates(work, told)
    rest: list[ReceiptIn] = []
    rows: list[tuple[Any, ...]] = []
    attempts: list[tuple[Any, ...]] = []
    ended: list[tuple[Found, MessageState, Cause, int]] = []
    seen: set[int] = set()
    for receipt in told:
        said = receipt.receipt
        candidate = candidates.get((receipt.carrier, exact_key(said.message_id or "")))
        end = ends(said)
        if candidate is None or end is None or candidate.message in seen:
            rest.append(receipt)
            continue
        seen.add(candidate.message)
        word, done_at, error = word_of(said), done_at_of(receipt, candidate.of), error_of(receipt, end)
        name = candidate[:3]
        rows.append(
            (*_place(receipt, candidate, work.ids.next()), word, said.error, "exact", 1, said.raw),
        )
        attempts.append(
            (int(end), done_at, word, said.error, network_error_of(said), candidate.carrier_message_id, error, *name)
        )
        cause = Cause(error, receipt.carrier, candidate.carrier_message_id, None, word, said.error, said.network_error)
        ended.append((candidate.of, MessageState(int(end)), cause, done_at))
    work.executemany(INSERT, rows)
    work.executemany(END_ATTEMPT, attempts)
    work.end_many(ended)
    return rest


def _place(receipt: ReceiptIn, candidate: Candidate, row_id: int) -> tuple[Any, ...]:
    """The first columns of a receipt's row."""
    return (candidate.message, row_id, 1, candidate.attempt, receipt.carrier, receipt.bind, receipt.at)


def _candidates(work: Work, told: Sequence[ReceiptIn]) -> dict[tuple[str, str], Candidate]:
    """By carrier and key: the sent attempt that a receipt names; not where it is named twice, or its id names two."""
    keys: dict[str, Counter[str]] = {}
    for receipt in told:
        key = exact_key(receipt.receipt.message_id or "")
        if key:
            keys.setdefault(receipt.carrier, Counter())[key] += 1
    found: dict[tuple[str, str], Candidate] = {}
    for carrier, counted in keys.items():
        once = [key for key, count in counted.items() if count == 1]
        # Some carriers give all messages the same id: no more rows than a second one for each key.
        named = work.execute(_NAMED, (msgspec.json.encode(once).decode(), carrier, 2 * len(once))).fetchall()
        if len(named) == 2 * len(once):
            continue
        times = Counter(row[0] for row in named)
        for row in named:
            candidate = candidate_of(row[1:])
            of = candidate.of
            if (
                times[row[0]] == 1
                and candidate.state == AttemptState.SENT
                and of.state == _SENT
                and of.segments == of.claims == 1
            ):
                found[(carrier, row[0])] = candidate
    return found


def _tell_sent(work: Work, carrier: str, answers: Sequence[Answer]) -> None:
    ids = {a.message: a.carrier_message_id or None for a in answers}
    rows = work.execute(_THESE, (msgspec.json.encode(list(ids)).decode(),)).fetchall()
    for found in map(Found._make, rows):
        work.tell(found, "sent", Cause(None, carrier, ids[found.id]))
