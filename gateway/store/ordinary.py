"""The way of nearly all answers and receipts, many in a statement: one segment, claimed once, sent, delivered.

Whatever is not so is left to `answers` and `receipts`, which look at each by itself. Both ways end in the same rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.messages import AttemptState, MessageState
from gateway.rules.receipt_ids import first_key
from gateway.rules.receipt_words import word_of
from gateway.store.campaigns import counts as campaign_counts
from gateway.store.elsewhere import may_reroute
from gateway.store.interface import Answer, ReceiptIn, Verdict
from gateway.store.many_rows import Insert, Select, Update, as_json
from gateway.store.matching import addresses_of, denies, is_destination, learn, learned_of
from gateway.store.receipts import (
    CAUSE,
    MESSAGE_ENDS,
    attempt_row,
    cause_row,
    done_at_of,
    ends_by_itself,
    error_of,
)
from gateway.store.work import COLUMNS, Cause, Found, OutOfStep, Work
from protocol.receipt_keys import exact_key

_ACCEPTED, _DELIVERED = Verdict.SENT, AttemptState.DELIVERED
"""A member looked up by its name costs as much as a call."""
_SUBMITTING, _SENT = int(MessageState.SUBMITTING), int(MessageState.SENT)
_ANSWERED = Insert(
    "attempts",
    "message, carrier, bind, claimed_at, answered_at, latency_ms, carrier_message_id, id_key, "
    "part, attempt, state, command_status",
    fixed=f"1, 1, {int(AttemptState.SENT)}, 0",
)
_IS_SENT = (
    f"UPDATE messages SET state = {_SENT}, sent_at = k.value FROM json_each(?) k "
    f"WHERE messages.id = CAST(k.key AS INTEGER) AND state = {_SUBMITTING} AND segments = 1 AND sent_at IS NULL"
)
_THESE = Select(COLUMNS, "FROM json_each(?) k CROSS JOIN messages m ON m.id = k.value")
_NAMED = Select(
    f"key, is_sent AND m.state = {_SENT} AND m.segments = 1 AND m.claims = 1, carrier_message_id, {COLUMNS}",
    f"FROM (SELECT k.value AS key, a.message, a.state = {int(AttemptState.SENT)} AS is_sent, a.carrier_message_id "
    "FROM json_each(?) k CROSS JOIN attempts a ON a.carrier = ? AND a.id_key = k.value LIMIT ?) "
    "CROSS JOIN messages m ON m.id = message",
)
_END_ATTEMPTS = Update(
    "attempts",
    "message, part, attempt",
    "state, done_at, receipt_state, err, receipt_id, receipt_at, receipt_bind, receipt_matched, receipt_raw",
    {"part": "1", "attempt": "1", "carrier": "''", "bind": "''", "claimed_at": "0"},
)
_KEY, _IS_WHOLE_AND_SENT, _CARRIER_MESSAGE_ID, _FOUND = range(4)
"""Places in a row of it."""
_FEWEST = 2
"""Below that there is nothing to gain."""


def sent(work: Work, carrier: str, answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Record the answers that say ESME_ROK to messages in hand; those, and the others, each in their order."""
    claims = work.in_hand.claims
    plain: list[Answer] = []
    rest: list[Answer] = []
    others: set[int] = set()
    attempts: list[tuple[Any, ...]] = []
    sent_at: dict[int, int] = {}
    for answer in answers:
        message, at, told = answer.message, answer.at, answer.carrier_message_id
        claim = None if message in sent_at or message in others else claims.get(message)
        if claim is None or answer.verdict is not _ACCEPTED or answer.attempt != 1 or claim.carrier != carrier:
            rest.append(answer)
            others.add(message)
            continue
        plain.append(answer)
        attempts.append(
            (message, carrier, claim.bind, claim.at, at, answer.latency_ms, told or None, exact_key(told) or None)
        )
        sent_at[message] = at
    if not plain:
        return plain, rest
    _ANSWERED.rows(work, attempts)
    if work.execute(_IS_SENT, (as_json(sent_at),)).rowcount != len(sent_at):
        raise OutOfStep("a message in hand is not in the state that it was claimed to")
    work.in_hand.let_go(work, sent_at)
    if work.campaigns:
        campaign_counts.sent(work, list(sent_at))
    if work.anyone_wants("message.sent"):
        _tell_sent(work, carrier, plain)
    return plain, rest


def receipts(work: Work, told: Sequence[ReceiptIn]) -> list[ReceiptIn]:
    """Apply the receipts that end a whole message by its one attempt; the others are given back, in their order."""
    if len(told) < _FEWEST:
        return list(told)
    bases = {carrier: learned_of(work, carrier).first for carrier in {receipt.carrier for receipt in told}}
    keys = _keys(told, bases)
    named = _named(work, told, keys)
    rest: list[ReceiptIn] = []
    attempts: list[tuple[Any, ...]] = []
    causes: list[tuple[Any, ...]] = []
    ended: list[tuple[Found, MessageState, Cause, int]] = []
    ids, new_tuple = iter(work.ids.next_many(len(told), work.now)), tuple.__new__
    for receipt, key in zip(told, keys, strict=True):
        said, carrier = receipt.receipt, receipt.carrier
        row = named.get((carrier, key))
        end = None if row is None else ends_by_itself(said)
        if row is None or end is None or said.is_guess or said.may_quote:
            rest.append(receipt)
            continue
        # Not Found._make(...), which costs twice as much.
        found, carrier_message_id = new_tuple(Found, row[_FOUND:]), row[_CARRIER_MESSAGE_ID]
        number, base = found.recipient[1:], bases[carrier]
        is_meant = number in (said.source, said.destination) or _is_meant(receipt, found, base)
        if not is_meant or (end is not _DELIVERED and may_reroute(work, found, end)):
            rest.append(receipt)
            continue
        done_at, error = done_at_of(receipt, found), error_of(receipt, end)
        name = (found.id, 1, 1)
        how = "exact" if base is None or key == exact_key(said.message_id or "") else "converted"
        attempts.append((found.id, *attempt_row(next(ids), receipt, end, how, done_at)))
        if error is not None or said.network_error is not None:
            causes.append(cause_row(said, name, error))
        words = (word_of(said), said.error, said.network_error)
        cause = new_tuple(Cause, (error, carrier, carrier_message_id, None, *words))
        ended.append((found, MESSAGE_ENDS[end], cause, done_at))
    _learn(work, told, keys, named, rest)
    _END_ATTEMPTS.rows(work, attempts)
    work.each(CAUSE, causes)
    work.end_many(ended)
    return rest


def _keys(told: Sequence[ReceiptIn], bases: Mapping[str, str | None]) -> list[str]:
    """The key by which each receipt is looked for: of its id as its carrier is known to spell it."""
    if not any(bases.values()):
        return [exact_key(receipt.receipt.message_id or "") for receipt in told]
    return [first_key(receipt.receipt.message_id or "", bases[receipt.carrier]) for receipt in told]


def _learn(
    work: Work,
    told: Sequence[ReceiptIn],
    keys: Sequence[str],
    named: Mapping[tuple[str, str], tuple[Any, ...]],
    rest: Sequence[ReceiptIn],
) -> None:
    """Count the matches by their ids until a carrier's spelling is known; by then they fit, or were not found by it."""
    if len(rest) == len(told):
        return
    carriers = {carrier: learned_of(work, carrier) for carrier, _ in named}
    unknown = {carrier for carrier, learned in carriers.items() if learned.settled is None}
    for learned in carriers.values():
        learned.misfits = 0
    if unknown:
        left = set(map(id, rest))
        for receipt, key in zip(told, keys, strict=True):
            if receipt.carrier in unknown and id(receipt) not in left:
                answered = named[receipt.carrier, key][_CARRIER_MESSAGE_ID]
                learn(work, receipt.carrier, receipt.receipt.message_id or "", answered)


def _is_meant(receipt: ReceiptIn, found: Found, base: str | None) -> bool:
    """Whether addresses that are written otherwise than ours may be this message's; of a number in the other base they
    must be."""
    addresses = addresses_of(receipt)
    return is_destination(found.recipient, addresses) if base else not denies(found.recipient, addresses)


def _named(work: Work, told: Sequence[ReceiptIn], keys: Sequence[str]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By carrier and key: the row of the sent attempt that a receipt names; not where the key is told twice, or names
    two attempts."""
    keys_of: dict[str, list[str]] = {}
    for receipt, key in zip(told, keys, strict=True):
        if key:
            keys_of.setdefault(receipt.carrier, []).append(key)
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    for carrier, all_told in keys_of.items():
        once = _but_repeated(all_told)
        # Some carriers give all messages the same id: no more rows than a second one for each key.
        rows = _NAMED.rows(work, (as_json(once), carrier, 2 * len(once)))
        if len(rows) == 2 * len(once):
            continue
        named_once = set(_but_repeated([row[_KEY] for row in rows]))
        for row in rows:
            if row[_IS_WHOLE_AND_SENT] and row[_KEY] in named_once:
                found[carrier, row[_KEY]] = row
    return found


def _but_repeated(keys: list[str]) -> list[str]:
    """Those that are there once."""
    if len(set(keys)) == len(keys):
        return keys
    return [key for key, count in Counter(keys).items() if count == 1]


def _tell_sent(work: Work, carrier: str, answers: Sequence[Answer]) -> None:
    ids = {a.message: a.carrier_message_id or None for a in answers}
    rows = _THESE.rows(work, (as_json(list(ids)),))
    work.tell_many("sent", [(found, Cause(None, carrier, ids[found.id])) for found in map(Found._make, rows)])
