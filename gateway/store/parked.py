"""Receipts that name nobody yet: kept on disk, and listed until their time is over.

They are tried when an answer makes their id known, or when a doubt can only be about them.
"""

from collections.abc import Iterator

import msgspec

from gateway.messages import AttemptState, MessageState
from gateway.metrics import count_inbound
from gateway.rules.receipt_words import word_of
from gateway.store.inbound import messages as inbounds
from gateway.store.inbound import parts as inbound_parts
from gateway.store.interface import InboundIn, ReceiptIn
from gateway.store.matching import (
    LEAST_DIGITS,
    SUBMIT_SLACK_MS,
    Candidate,
    Match,
    addresses_of,
    candidate_of,
    claimed_at,
    denies,
    digits_of,
    end_of,
    ids_of,
    is_awaited,
    is_destination,
    match,
    names_both,
    spellings,
)
from gateway.store.work import COLUMNS, STUCK_MS, Work
from protocol.receipt_keys import exact_key

CLOCK_SLACK_MS = 5_000
"""How far our clock may have been set back between a claim and its receipt."""
MOST_RIVALS = 50
"""Parked receipts for a doubt's number that are looked through; where there are more, the number is anybody's."""
MOST_ALIKE = 50
"""Doubts whose numbers end alike that are looked through; where there are more, they are of one number, and nobody can
say which of them is meant."""
OTHER_ZONE_MS = 26 * 3_600_000
"""Between the zones of UTC-12 and UTC+14: how far dates are from the truth at most where the settings name no zone."""
_WITHOUT_ANSWER = (AttemptState.IN_DOUBT, AttemptState.SENT)
_decoder = msgspec.json.Decoder(ReceiptIn)
_PARK = (
    "INSERT INTO parked (id, carrier, bind, carrier_message_id, source, destination, at, due, state, receipt, raw) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OVER = "SELECT id, receipt FROM parked WHERE due <= ? ORDER BY due LIMIT ?"
_PUT_OFF = "UPDATE parked SET due = ? WHERE id = ?"
_KNOWN_BY = (
    "SELECT p.id, p.receipt FROM parked_keys k JOIN parked p ON p.id = k.parked "
    "WHERE k.carrier = ? AND k.key = ? ORDER BY k.parked"
)
_SAME_WORDS = (
    "SELECT p.receipt FROM parked_keys k JOIN parked p ON p.id = k.parked WHERE k.carrier = ? AND k.key = ? "
    "AND p.raw = ? AND p.state = ? AND p.source = ? AND p.destination = ?"
)
_CANDIDATES = f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} FROM "
_IN_DOUBT = (
    f"{_CANDIDATES} attempts a JOIN messages m ON m.id = a.message "
    f"WHERE a.carrier = ?1 AND a.number_end IN (?2, ?3) AND a.state = {int(AttemptState.IN_DOUBT)} UNION ALL "
    f"{_CANDIDATES} attempts a JOIN messages m ON m.id = a.message "
    f"WHERE a.carrier = ?1 AND a.number_end IN (?2, ?3) AND a.state = {int(AttemptState.SENT)} "
    "AND a.answered_at IS NULL LIMIT ?4"
)
"""Also what is sent by the word of an operator, who can't give its id."""
_GIVEN_UP = (
    f"{_CANDIDATES} messages m JOIN attempts a ON a.message = m.id WHERE m.recipient = ? "
    f"AND (m.state = {int(MessageState.UNKNOWN)} OR m.possible_duplicate = 1) AND a.carrier = ? "
    f"AND a.state IN ({int(AttemptState.UNKNOWN)}, {int(AttemptState.RESENT)}) AND a.id_key IS NULL "
    "AND m.expires_at >= ? LIMIT 2"
)
"""A second one says all that more of them would."""
_GIVEN_UP_PARTS = (
    "SELECT 1 FROM attempts WHERE message = ? AND carrier = ? AND id_key IS NULL "
    f"AND state IN ({int(AttemptState.UNKNOWN)}, {int(AttemptState.RESENT)}) LIMIT 1"
)
_CAME_FOR = (
    f"SELECT id, receipt FROM parked WHERE carrier = ?1 AND substr(source, -{LEAST_DIGITS}) = ?2 AND at >= ?3 UNION "
    f"SELECT id, receipt FROM parked WHERE carrier = ?1 AND substr(destination, -{LEAST_DIGITS}) = ?2 AND at >= ?3 "
    "LIMIT ?4"
)


def park(work: Work, receipt: ReceiptIn) -> None:
    """Keep a receipt that matches nothing, under every key by which its attempt may become known."""
    said, ids = receipt.receipt, ids_of(receipt.receipt)
    word = word_of(said)
    source, destination = digits_of(said.source), digits_of(said.destination)
    if ids and _is_parked(work, receipt, exact_key(ids[0]), (said.raw, word, source, destination)):
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
            work.now + _kept_ms(work, receipt),
            word,
            msgspec.json.encode(receipt),
            said.raw,
        ),
    )
    if receipt.otherwise is None:
        work.tally.unmatched.append(receipt.carrier)
    keys = {key: True for i in ids for key in spellings(work, receipt.carrier, i)} | {exact_key(i): False for i in ids}
    work.executemany(
        "INSERT INTO parked_keys (carrier, key, parked, converted) VALUES (?, ?, ?, ?)",
        [(receipt.carrier, key, parked_id, converted) for key, converted in keys.items() if key],
    )
    work.parked += 1


def _kept_ms(work: Work, receipt: ReceiptIn) -> int:
    """What may be a message from a handset waits no longer than the answer that would make it a receipt; what may quote
    a text, as long as that or as texts are kept."""
    policy = work.policy.carriers.get(receipt.carrier)
    kept, may_quote = work.policy.parked_ms, receipt.receipt.may_quote
    if policy is None or not (may_quote or receipt.otherwise is not None):
        return kept
    answer = policy.answer_deadline_ms
    return min(kept, answer if receipt.otherwise is not None else max(answer, work.policy.inbound_text_ms))


def expire(work: Work, most: int) -> None:
    """Forget those whose time is over; what only looked like a receipt was a message from a handset."""
    for parked_id, body in work.execute(_OVER, (work.now, most)).fetchall():
        with work.apart(f"forgetting parked receipt {parked_id}") as failed:
            remove(work, parked_id)
            otherwise = _decoder.decode(body).otherwise
            if otherwise is not None:
                # Acknowledged long ago: where it would have been refused, it is kept, and listed as untold.
                inbounds.settle(work, otherwise)
                record_inbound(work, otherwise)
                count_inbound(otherwise.carrier, is_untold=otherwise.is_untold)
        if failed:
            work.execute(_PUT_OFF, (work.now + STUCK_MS, parked_id))


def record_inbound(work: Work, inbound: InboundIn) -> None:
    """A whole message, or a part of one."""
    if inbound.part is None:
        inbounds.record(work, inbound)
    else:
        inbound_parts.record(work, inbound, inbound.part)


def made_known(work: Work, carrier: str, carrier_message_id: str) -> Iterator[tuple[ReceiptIn, Match]]:
    """Take the parked receipts that this answer's id makes known, oldest first.

    Each is matched when it is asked for, so after the one before was applied. Carriers give ids again: one that came
    before the claim, or for another number, stays parked.
    """
    for parked_id, body in work.execute(_KNOWN_BY, (carrier, exact_key(carrier_message_id))).fetchall():
        receipt = _decoder.decode(body)
        found = match(work, receipt)
        if found is None or denies(found.candidate.of.recipient, addresses_of(receipt)):
            continue
        if receipt.receipt.is_guess and not names_both(found.candidate, addresses_of(receipt)):
            continue
        if receipt.at >= claimed_at(work, found.candidate) - CLOCK_SLACK_MS:
            remove(work, parked_id)
            yield receipt, Match(found.candidate, "parked")


def doubt_that(work: Work, receipt: ReceiptIn) -> Match | None:
    """The one doubt, open or given up, that an unmatched receipt can only be about.

    Its carrier has a single segment for that number whose answer never came, and none whose answer is still to come;
    and the receipt's own dates do not say otherwise. A doubt that was given up counts until no receipt is expected for
    it any more, and not where another's receipt would fit as well: others may use the account too.
    """
    said = receipt.receipt
    if not said.message_id or said.is_guess:
        return None
    rows = _alike(work, receipt)
    if len(rows) == MOST_ALIKE:
        return None
    fitting = [c for c in rows if is_destination(c.of.recipient, (said.source, said.destination))]
    if len(fitting) > 1:
        return None
    fitting += _given_up(work, receipt, fitting)
    if len(fitting) != 1 or not fitting[0].is_unsettled:
        return None
    (only,) = fitting
    if is_awaited(work, receipt.carrier, only.of.recipient):
        return None
    held = (only.message, receipt.carrier)
    if only.state in _WITHOUT_ANSWER and work.execute(_GIVEN_UP_PARTS, held).fetchone() is not None:
        return None
    if _dates_deny(work, receipt, only) or (only.state != AttemptState.IN_DOUBT and _has_rivals(work, receipt, only)):
        return None
    return Match(only, "doubt")


def _alike(work: Work, receipt: ReceiptIn) -> list[Candidate]:
    """Doubts of a receipt's carrier whose numbers end as one of its addresses does."""
    ends = [end_of(address) for address in addresses_of(receipt)]
    if not any(ends):
        return []
    rows = work.execute(_IN_DOUBT, (receipt.carrier, *ends, MOST_ALIKE)).fetchall()
    return [candidate_of(row) for row in rows]


def _dates_deny(work: Work, receipt: ReceiptIn, candidate: Candidate) -> bool:
    """Whether the carrier took what it speaks of at another time than this attempt was written, or ended it before.

    Of an open doubt, a wrong zone would cost a second sending: where it is not the operator's word, only what is too
    old in every zone is another's. Of one that is closed it costs no more than a receipt that is parked.
    """
    written_at = claimed_at(work, candidate)
    policy = work.policy.carriers.get(receipt.carrier)
    if candidate.state == AttemptState.IN_DOUBT and not (policy and policy.knows_zone):
        dates = (receipt.submitted_at, receipt.done_at)
        return any(at is not None and at < written_at - OTHER_ZONE_MS for at in dates)
    written_by = written_at + (policy.answer_deadline_ms if policy else 0)
    submitted_at, done_at = receipt.submitted_at, receipt.done_at
    if done_at is not None and done_at < written_at - SUBMIT_SLACK_MS:
        return True
    return submitted_at is not None and not (
        written_at - SUBMIT_SLACK_MS <= submitted_at <= written_by + SUBMIT_SLACK_MS
    )


def _has_rivals(work: Work, receipt: ReceiptIn, candidate: Candidate) -> bool:
    """Whether a receipt with another id is parked that could be about this attempt just as well."""
    key = exact_key(receipt.receipt.message_id or "")
    came = _came_for(work, receipt.carrier, candidate)
    return came is None or any(exact_key(other.receipt.message_id or "") not in ("", key) for _, other in came)


def _came_for(work: Work, carrier: str, candidate: Candidate) -> list[tuple[int, ReceiptIn]] | None:
    """Parked receipts, with their ids, for the number of a doubt that came after its claim and are not surely another's
    by their dates; None: there are so many that the number is anybody's."""
    recipient = candidate.of.recipient
    values = (carrier, end_of(recipient), claimed_at(work, candidate), MOST_RIVALS)
    rows = work.execute(_CAME_FOR, values).fetchall()
    if len(rows) == MOST_RIVALS:
        return None
    came = [(parked_id, _decoder.decode(body)) for parked_id, body in rows]
    return [
        (parked_id, receipt)
        for parked_id, receipt in came
        if is_destination(recipient, addresses_of(receipt)) and not _dates_deny(work, receipt, candidate)
    ]


def _given_up(work: Work, receipt: ReceiptIn, doubts: list[Candidate]) -> list[Candidate]:
    """Segments for the number of this doubt, or of this receipt as we write it, that ended or went out again without
    an answer, and may still have a receipt."""
    said = receipt.receipt
    told = [f"+{digits_of(address)}" for address in (said.source, said.destination)]
    recipients = dict.fromkeys([doubt.of.recipient for doubt in doubts] or told)
    policy = work.policy.carriers.get(receipt.carrier)
    horizon = policy.receipt_horizon_ms if policy else 0
    found: list[Candidate] = []
    for recipient in recipients:
        rows = work.execute(_GIVEN_UP, (recipient, receipt.carrier, receipt.at - horizon)).fetchall()
        found += [candidate_of(row) for row in rows]
    return found


def for_doubt(work: Work, carrier: str, candidate: Candidate) -> tuple[ReceiptIn, Match] | None:
    """Take the one parked receipt that came for a doubt's number after its claim; None: there is none, or several."""
    came = _came_for(work, carrier, candidate)
    if came is None or len(came) != 1:
        return None
    parked_id, receipt = came[0]
    found = doubt_that(work, receipt)
    if found is None or found.candidate[:3] != candidate[:3]:
        return None
    remove(work, parked_id)
    return receipt, found


def remove(work: Work, parked_id: int) -> None:
    work.execute("DELETE FROM parked_keys WHERE parked = ?", (parked_id,))
    work.execute("DELETE FROM parked WHERE id = ?", (parked_id,))
    work.parked -= 1


def _is_parked(work: Work, receipt: ReceiptIn, key: str, words: tuple[str, str, str, str]) -> bool:
    """Carriers send a receipt again when our acknowledgement was lost: the same one once is enough.

    The same words are not: an intermediate notification may have those of the end that follows it.
    """
    if not key:
        return False
    rows = work.execute(_SAME_WORDS, (receipt.carrier, key, *words)).fetchall()
    return any(_decoder.decode(body).receipt == receipt.receipt for (body,) in rows)
