"""Receipts that name nobody yet: kept on disk, and listed until their time is over.

They are tried when an answer makes their id known, or when a doubt can only be about them.
"""

from collections.abc import Iterator

import msgspec

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import ReceiptIn
from gateway.store.matching import Candidate, Match, candidate_of, denies, digits_of, is_destination, match, spellings
from gateway.store.work import COLUMNS, Work
from protocol.receipt_keys import exact_key

CLOCK_SLACK_MS = 5_000
"""How far our clock may have been set back between a claim and its receipt."""
MOST_DOUBTS = 500
"""Doubts of a carrier that are looked through for a receipt's number as it is written otherwise than ours."""
_decoder = msgspec.json.Decoder(ReceiptIn)
_PARK = (
    "INSERT INTO parked (id, carrier, bind, carrier_message_id, source, destination, at, due, state, receipt, raw) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_KNOWN_BY = (
    "SELECT p.id, p.receipt FROM parked_keys k JOIN parked p ON p.id = k.parked "
    "WHERE k.carrier = ? AND k.key = ? ORDER BY k.parked"
)
_SAME_WORDS = (
    "SELECT 1 FROM parked_keys k JOIN parked p ON p.id = k.parked WHERE k.carrier = ? AND k.key = ? "
    "AND p.raw = ? AND p.state = ? AND p.source = ? AND p.destination = ?"
)
_IN_DOUBT = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} FROM attempts a "
    f"JOIN messages m ON m.id = a.message WHERE a.carrier = ? AND a.state = {int(AttemptState.IN_DOUBT)} LIMIT ?"
)
_NEVER_SETTLED = (
    "SELECT 1 FROM attempts a JOIN messages m ON m.id = a.message WHERE a.carrier = ? AND m.recipient = ? "
    f"AND a.state IN ({int(AttemptState.UNKNOWN)}, {int(AttemptState.RESENT)}) AND a.id_key IS NULL LIMIT 1"
)
_AWAITED = (
    "SELECT 1 FROM messages m JOIN attempts a ON a.message = m.id "
    f"WHERE m.recipient = ? AND m.state = {int(MessageState.SUBMITTING)} AND a.carrier = ? "
    f"AND a.state = {int(AttemptState.SUBMITTING)} LIMIT 1"
)
_CAME_FOR = (
    "SELECT id, receipt FROM parked WHERE carrier = ?1 AND source = ?2 AND at >= ?3 UNION "
    "SELECT id, receipt FROM parked WHERE carrier = ?1 AND destination = ?2 AND at >= ?3"
)


def park(work: Work, receipt: ReceiptIn, ids: tuple[str, ...]) -> None:
    """Keep a receipt that matches nothing, under every key by which its attempt may become known."""
    said = receipt.receipt
    word = said.stat or said.state.name
    source, destination = digits_of(said.source), digits_of(said.destination)
    if ids and _is_parked(work, receipt.carrier, exact_key(ids[0]), (said.raw, word, source, destination)):
        return
    parked_id = work.ids.next()
    work.execute(
        _PARK,
        (
            parked_id,
            receipt.carrier,
            receipt.bind,
            said.message_id or "",
            source,
            destination,
            receipt.at,
            work.now + work.policy.parked_ms,
            word,
            msgspec.json.encode(receipt),
            said.raw,
        ),
    )
    keys = {key: True for i in ids for key in spellings(work, receipt.carrier, i)} | {exact_key(i): False for i in ids}
    work.executemany(
        "INSERT INTO parked_keys (carrier, key, parked, converted) VALUES (?, ?, ?, ?)",
        [(receipt.carrier, key, parked_id, converted) for key, converted in keys.items() if key],
    )
    work.parked += 1


def made_known(work: Work, carrier: str, carrier_message_id: str) -> Iterator[tuple[ReceiptIn, Match]]:
    """Take the parked receipts that this answer's id makes known, oldest first.

    Each is matched when it is asked for, so after the one before was applied. Carriers give ids again: one that came
    before the claim, or for another number, stays parked.
    """
    for parked_id, body in work.execute(_KNOWN_BY, (carrier, exact_key(carrier_message_id))).fetchall():
        receipt = _decoder.decode(body)
        said = receipt.receipt
        addresses = (said.source, said.destination)
        found = match(work, carrier, tuple(i for i in (said.message_id, *said.alt_ids) if i), addresses)
        if found is None or denies(found.candidate.of.recipient, addresses):
            continue
        if receipt.at >= _claimed_at(work, found.candidate) - CLOCK_SLACK_MS:
            remove(work, parked_id)
            yield receipt, Match(found.candidate, "parked")


def doubt_that(work: Work, receipt: ReceiptIn) -> Match | None:
    """The one doubt that an unmatched receipt can only be about.

    Its carrier has a single segment in doubt for that number, and no other for it whose answer is still to come, or
    never came.
    """
    said = receipt.receipt
    if not said.message_id:
        return None
    rows = [candidate_of(row) for row in work.execute(_IN_DOUBT, (receipt.carrier, MOST_DOUBTS + 1)).fetchall()]
    if len(rows) > MOST_DOUBTS:
        return None  # looked at again when the doubt's grace is over, by then for the doubts that are left
    fitting = [c for c in rows if is_destination(c.of.recipient, (said.source, said.destination))]
    if len(fitting) != 1:
        return None
    recipient = fitting[0].of.recipient
    if is_awaited(work, receipt.carrier, recipient):
        return None
    if work.execute(_NEVER_SETTLED, (receipt.carrier, recipient)).fetchone() is not None:
        return None
    return Match(fitting[0], "doubt")


def for_doubt(work: Work, carrier: str, candidate: Candidate) -> tuple[ReceiptIn, Match] | None:
    """Take the one parked receipt that came for a doubt's number after its claim; None: there is none, or several."""
    digits = digits_of(candidate.of.recipient)
    rows = work.execute(_CAME_FOR, (carrier, digits, _claimed_at(work, candidate))).fetchall()
    if len(rows) != 1:
        return None
    receipt = _decoder.decode(rows[0][1])
    found = doubt_that(work, receipt)
    if found is None or found.candidate[:3] != candidate[:3]:
        return None
    remove(work, rows[0][0])
    return receipt, found


def _claimed_at(work: Work, candidate: Candidate) -> int:
    sql = "SELECT claimed_at FROM attempts WHERE message = ? AND part = ? AND attempt = ?"
    claimed_at: int = work.execute(sql, candidate[:3]).fetchone()[0]
    return claimed_at


def is_awaited(work: Work, carrier: str, recipient: str) -> bool:
    """Whether a segment for this number is unanswered on this carrier: a receipt may be ahead of that answer."""
    return work.execute(_AWAITED, (recipient, carrier)).fetchone() is not None


def remove(work: Work, parked_id: int) -> None:
    work.execute("DELETE FROM parked_keys WHERE parked = ?", (parked_id,))
    work.execute("DELETE FROM parked WHERE id = ?", (parked_id,))
    work.parked -= 1


def _is_parked(work: Work, carrier: str, key: str, words: tuple[str, str, str, str]) -> bool:
    """Carriers send a receipt again when our acknowledgement was lost: the same words once are enough."""
    return bool(key) and work.execute(_SAME_WORDS, (carrier, key, *words)).fetchone() is not None
