"""A receipt that names nobody, where messages are held: it may tell that the lost store had sent one of them.

It settles the one held message that it can only be about: to its number, of its sender, by a carrier that its route
leads to, when that was sent. It is believed only where no other is meant as well.
"""

import logging

from gateway.identifiers import MESSAGE, created_at_ms, public
from gateway.messages import AttemptState, MessageState
from gateway.store.interface import ReceiptIn
from gateway.store.matching import Candidate, Match, addresses_of, digits_of, is_awaited, names_both
from gateway.store.parked import OTHER_ZONE_MS
from gateway.store.work import COLUMNS, Found, Work
from protocol.receipt_keys import exact_key

log = logging.getLogger("sluice.store")
_MOST = 50
"""Open messages to a number that are looked through; with more of them nobody can say which is meant."""
_TO_NUMBER = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.recipient = ? AND m.state IN ({int(MessageState.SCHEDULED)}, "
    f"{int(MessageState.QUEUED)}, {int(MessageState.RETRYING)}) LIMIT ?"
)
_HOLD = "SELECT since, backup_at FROM holds WHERE id = ?"
_PARTS = "SELECT count(DISTINCT part) FROM attempts WHERE message = ? AND carrier = ?"
_CLAIM = "UPDATE messages SET claims = claims + 1, attempts = attempts + 1 WHERE id = ?"
_SENT = (
    "INSERT INTO attempts (message, part, attempt, state, carrier, bind, claimed_at, answered_at, carrier_message_id, "
    f"id_key) VALUES (?, ?, ?, {int(AttemptState.SENT)}, ?, ?, ?, ?, ?, ?)"
)


def was_sent(work: Work, receipt: ReceiptIn) -> Match | None:
    """The held message that this receipt says was sent, with an attempt that says so too."""
    said = receipt.receipt
    if not said.message_id or said.is_guess or not work.queues.held():
        return None
    fitting = _fitting(work, receipt)
    if len(fitting) != 1 or is_awaited(work, receipt.carrier, fitting[0].recipient):
        return None
    (found,) = fitting
    since, backup_at = work.execute(_HOLD, (work.queues.kind(found.queue).held,)).fetchone()
    if _dates_deny(receipt, created_at_ms(found.id), since):
        return None
    (parts,) = work.execute(_PARTS, (found.id, receipt.carrier)).fetchone()
    if parts >= found.segments:
        return None
    at = receipt.submitted_at or backup_at
    name = (found.id, parts + 1, found.claims + 1)
    work.execute(_CLAIM, (found.id,))
    key = exact_key(said.message_id) or None
    work.execute(_SENT, (*name, receipt.carrier, receipt.bind, at, at, said.message_id, key))
    log.info("a receipt tells that a held message was sent message=%s", public(MESSAGE, found.id))
    now = found._replace(claims=found.claims + 1, attempts=found.attempts + 1)
    return Match(Candidate(*name, AttemptState.SENT, said.message_id, now), "held")


def _fitting(work: Work, receipt: ReceiptIn) -> list[Found]:
    """Held ones for one of its addresses whose other is theirs too; none where there are too many to look through."""
    addresses, fitting = addresses_of(receipt), {}
    for digits in {digits_of(address) for address in addresses} - {""}:
        rows = work.execute(_TO_NUMBER, (f"+{digits}", _MOST)).fetchall()
        if len(rows) == _MOST:
            return []
        for found in (Found._make(row) for row in rows):
            if names_both(Candidate(found.id, 1, 1, 0, None, found), addresses) and _may_carry(work, found, receipt):
                fitting[found.id] = found
    held = set(work.queues.held())
    # What is new here has not been sent, or its carrier's answer names it.
    return [found for found in fitting.values() if found.queue in held]


def _may_carry(work: Work, found: Found, receipt: ReceiptIn) -> bool:
    kind = work.queues.kind(found.queue)
    return receipt.carrier == kind.stay or receipt.carrier in work.policy.tierings.carriers_of(kind.route)


def _dates_deny(receipt: ReceiptIn, accepted_at: int, restored_at: int) -> bool:
    """Whether the carrier took what it speaks of before this was accepted, or after the store was restored."""
    at = receipt.submitted_at
    return at is not None and not accepted_at - OTHER_ZONE_MS <= at <= restored_at + OTHER_ZONE_MS
