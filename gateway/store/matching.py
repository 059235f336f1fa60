"""Which attempt a receipt speaks of: by (carrier, id key), then destination, then unsettled, then newest.

Never by address alone, and never by session: ids are not unique, and addresses may be swapped or rewritten.
"""

import logging
from typing import NamedTuple

from gateway.logs import quoted
from gateway.messages import AttemptState, MessageState
from gateway.rules.receipt_ids import LearnedIds
from gateway.store.interface import ReceiptIn
from gateway.store.work import COLUMNS, Found, Work
from protocol.receipt_keys import exact_key, other_keys
from protocol.receipts import Receipt

log = logging.getLogger("sluice.store")
_CANDIDATES = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} "
    "FROM attempts a JOIN messages m ON m.id = a.message WHERE a.carrier = ? AND a.id_key = ? "
    "ORDER BY a.message DESC LIMIT ?"
)
_BY_REFERENCE = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} "
    "FROM attempts a JOIN messages m ON m.id = a.message WHERE a.carrier = ? AND a.reference = ? "
    "ORDER BY a.message DESC LIMIT ?"
)
_AWAITED = (
    "SELECT 1 FROM attempts a CROSS JOIN messages m ON m.id = a.message "
    f"WHERE a.carrier = ? AND a.state = {int(AttemptState.SUBMITTING)} "
    f"AND m.recipient = ? AND m.state = {int(MessageState.SUBMITTING)} LIMIT 1"
)
SUBMIT_SLACK_MS = 5 * 60_000
"""How far a carrier's clock may be from ours, and its dates from the moment: many leave out the seconds."""
_FEW, _MOST = 2, 500
"""Nearly all ids name one attempt; some carriers give all messages the same."""
_UNSETTLED = frozenset(
    {AttemptState.SUBMITTING, AttemptState.IN_DOUBT, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.RESENT}
)
LEAST_DIGITS = 7
"""Shorter addresses (short codes, alphanumeric senders) say nothing about the destination."""


class Candidate(NamedTuple):
    """An attempt that a receipt may speak of, and its message."""

    message: int
    part: int
    attempt: int
    state: int
    carrier_message_id: str | None
    of: Found

    @property
    def is_unsettled(self) -> bool:
        """A receipt may still end it: its own outcome is open, and its message's too where it has no other part."""
        found = self.of
        is_open = found.state < MessageState.DELIVERED or found.state == MessageState.UNKNOWN
        if self.state == AttemptState.RESENT or found.segments == 1:
            return is_open and self.state in _UNSETTLED
        return self.state in _UNSETTLED


class Match(NamedTuple):
    candidate: Candidate
    how: str
    """`exact`, `converted`, `reference`, `doubt`, `parked`, `held`."""


def candidate_of(row: tuple[int | str | None, ...]) -> Candidate:
    """From a row of message, part, attempt, state, carrier_message_id and COLUMNS."""
    return Candidate._make((*row[:5], Found._make(row[5:])))


def ids_of(said: Receipt) -> tuple[str, ...]:
    """The ids of a receipt that may match, the best first; an empty one matches nothing."""
    return tuple([i for i in (said.message_id, *said.alt_ids) if i])


def match(work: Work, receipt: ReceiptIn) -> Match | None:
    """The attempt that a receipt names; None: nobody's, or not surely whose.

    The spelling that is known of its carrier comes first, then the id as it stands, then numbers of the other base. A
    converted id must be told of the right number; one as it stands may be of another that the carrier rewrote, unless
    another message could be meant. Where no number is told, a known spelling is all there is to go by.
    """
    ids, learned = ids_of(receipt.receipt), learned_of(work, receipt.carrier)
    first, addresses = learned.first, addresses_of(receipt)
    is_blind = first is not None and not any(map(end_of, addresses))
    found = _converted(work, receipt, ids, first, is_blind=is_blind) if first is not None else None
    if found is not None:
        return _learn(work, receipt, Match(found, "converted"))
    if first is not None and is_blind and any(other_keys(i, first) for i in ids):
        # As it stands the id would be another's; the answer that it is of may still be on its way.
        return None
    exact = _exact(work, receipt, ids)
    is_plain = exact is not None and not denies(exact.of.recipient, addresses)
    # Against what is known, an id as it stands is believed only if no answer can make it another's.
    if exact is not None and is_plain and (first is None or not may_be_ahead(work, receipt.carrier, addresses)):
        return _learn(work, receipt, Match(exact, "exact"))
    found = _converted(work, receipt, ids, learned.base)
    if found is not None:
        return _learn(work, receipt, Match(found, "converted"))
    if exact is None or first is not None or may_be_ahead(work, receipt.carrier, addresses):
        return None
    return Match(exact, "exact")


def match_reference(work: Work, receipt: ReceiptIn) -> Match | None:
    """The one attempt for the receipt's number that was told to its carrier under its user_message_reference."""
    policy, reference = work.policy.carriers.get(receipt.carrier), receipt.receipt.reference
    if reference is None or policy is None or not policy.user_message_reference:
        return None
    rows = work.execute(_BY_REFERENCE, (receipt.carrier, reference, _MOST)).fetchall()
    addresses = addresses_of(receipt)
    told = [c for c in map(candidate_of, rows) if c.is_unsettled and is_destination(c.of.recipient, addresses)]
    return Match(told[0], "reference") if len(told) == 1 else None


def learned_of(work: Work, carrier: str) -> LearnedIds:
    """What is known of how a carrier spells ids in its receipts."""
    learned = work.receipt_ids.get(carrier)
    if learned is None:
        policy = work.policy.carriers.get(carrier)
        learned = work.receipt_ids[carrier] = LearnedIds(policy.id_base if policy else "auto")
    return learned


def learn(work: Work, carrier: str, told: str, answered: str) -> None:
    """Count a match by its ids, and say what is known by it."""
    learned = learned_of(work, carrier)
    before = learned.settled
    if learned.saw(told, answered):
        if learned.settled is not None:
            log.info("learned the ids of receipts carrier=%s ids=%s", carrier, quoted(learned.settled.value))
        elif before is not None:
            log.warning("ids of receipts are not as learned carrier=%s ids=%s", carrier, quoted(before.value))


def spellings(work: Work, carrier: str, message_id: str) -> tuple[str, ...]:
    """Keys of a receipt's id as the carrier's answers may have spelled it."""
    return other_keys(message_id, learned_of(work, carrier).base)


def addresses_of(receipt: ReceiptIn) -> tuple[str, str]:
    return receipt.receipt.source, receipt.receipt.destination


def names_both(candidate: Candidate, addresses: tuple[str, str]) -> bool:
    """Whether the addresses are a message's own two, swapped or not, or its recipient's twice."""
    found = candidate.of
    for recipient, sender in (addresses, addresses[::-1]):
        if is_destination(found.recipient, (recipient, "")) and (
            _is_sender(found.sender, sender) or is_destination(found.recipient, (sender, ""))
        ):
            return True
    return False


def claimed_at(work: Work, candidate: Candidate) -> int:
    sql = "SELECT claimed_at FROM attempts WHERE message = ? AND part = ? AND attempt = ?"
    at: int = work.execute(sql, candidate[:3]).fetchone()[0]
    return at


def is_awaited(work: Work, carrier: str, recipient: str) -> bool:
    """Whether a segment for this number is unanswered on this carrier: a receipt may be ahead of that answer."""
    if work.in_hand.has(carrier, recipient):
        return True
    return work.execute(_AWAITED, (carrier, recipient)).fetchone() is not None


def may_be_ahead(work: Work, carrier: str, addresses: tuple[str, str]) -> bool:
    """Whether a segment for one of these numbers is unanswered: its id, as its answer spells it, may be this one."""
    return any(is_awaited(work, carrier, f"+{digits}") for digits in map(digits_of, addresses) if digits)


def end_of(address: str) -> str | None:
    """What two ways of writing a number have in common, for an index; None: the address says nothing."""
    digits = digits_of(address)
    return digits[-LEAST_DIGITS:] if len(digits) >= LEAST_DIGITS else None


def is_destination(recipient: str, addresses: tuple[str, str]) -> bool:
    """Whether one of a receipt's addresses is this recipient: SMSCs swap them or not, write them nationally or not."""
    digits = recipient.lstrip("+")
    return any(_same_number(digits, address) for address in addresses)


def denies(recipient: str, addresses: tuple[str, str]) -> bool:
    """Whether the addresses surely name another destination."""
    return any(len(digits_of(a)) >= LEAST_DIGITS for a in addresses) and not is_destination(recipient, addresses)


def digits_of(address: str) -> str:
    """The digits of a number without international prefix and zeros; empty for an alphanumeric address."""
    bare = address.strip().lstrip("+")
    return bare.lstrip("0") if bare.isascii() and bare.isdigit() else ""


def _same_number(digits: str, address: str) -> bool:
    told = digits_of(address)
    return len(told) >= LEAST_DIGITS and (digits.endswith(told) or told.endswith(digits))


def _is_sender(sender: str, address: str) -> bool:
    return sender.casefold() == address.strip().casefold() or (digits_of(sender) or "-") == digits_of(address)


def _learn(work: Work, receipt: ReceiptIn, found: Match) -> Match:
    told, answered = receipt.receipt.message_id, found.candidate.carrier_message_id
    if told and answered:
        learn(work, receipt.carrier, told, answered)
    return found


def _exact(work: Work, receipt: ReceiptIn, ids: tuple[str, ...]) -> Candidate | None:
    for message_id in ids:
        candidates = _candidates(work, receipt.carrier, exact_key(message_id))
        if candidates:
            same = [c for c in candidates if c.carrier_message_id == message_id] or candidates
            found = _choose(work, receipt, same)
            if found is not None:
                return found
    return None


def _converted(
    work: Work, receipt: ReceiptIn, ids: tuple[str, ...], base: str, *, is_blind: bool = False
) -> Candidate | None:
    """The one message for the receipt's number that was answered with one of the ids in the other base; `is_blind`:
    the receipt tells no number, so the one attempt that was."""
    addresses = addresses_of(receipt)
    for message_id in ids:
        keys = other_keys(message_id, base)
        candidates = [c for key in keys for c in _candidates(work, receipt.carrier, key)]
        told = [c for c in candidates if is_blind or is_destination(c.of.recipient, addresses)]
        told = [c for c in told if c.is_unsettled] or told
        if len(told) == 1 or (told and not is_blind and len({c.message for c in told}) == 1):
            return told[0]
    return None


def _candidates(work: Work, carrier: str, key: str) -> list[Candidate]:
    """Ended ones count while receipts may still come for them; longer ago, the id was another's."""
    if not key:
        return []
    rows = work.execute(_CANDIDATES, (carrier, key, _FEW)).fetchall()
    if len(rows) == _FEW:
        rows = work.execute(_CANDIDATES, (carrier, key, _MOST)).fetchall()
    policy = work.policy.carriers.get(carrier)
    since = work.now - (policy.receipt_horizon_ms if policy else 0)
    return [c for c in map(candidate_of, rows) if c.of.expires_at >= since or c.is_unsettled]


def _choose(work: Work, receipt: ReceiptIn, candidates: list[Candidate]) -> Candidate | None:
    """Ids are given again by carriers: an attempt for another number is not what a receipt speaks of, unless it is the
    only one that still waits for one. Of several for its number the one sent at its submit date, or the newest."""
    addresses = addresses_of(receipt)
    unsettled = [c for c in candidates if c.is_unsettled]
    if len(candidates) == 1 and unsettled:
        return candidates[0]
    chosen = [c for c in candidates if is_destination(c.of.recipient, addresses)]
    chosen = chosen or [c for c in candidates if not denies(c.of.recipient, addresses)]
    chosen = [c for c in chosen if c.is_unsettled] or chosen or (unsettled if len(unsettled) == 1 else [])
    if len(chosen) > 1 and receipt.submitted_at is not None:
        chosen = [c for c in chosen if _is_of_its_date(work, c, receipt.submitted_at)] or chosen
    return chosen[0] if chosen else None


def _is_of_its_date(work: Work, candidate: Candidate, submitted_at: int) -> bool:
    return abs(claimed_at(work, candidate) - submitted_at) <= SUBMIT_SLACK_MS
