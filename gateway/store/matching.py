"""Which attempt a receipt speaks of: by (carrier, id key), then destination, then unsettled, then newest.

Never by address alone, and never by session: ids are not unique, and addresses may be swapped or rewritten.
"""

from typing import NamedTuple

from gateway.messages import AttemptState, MessageState
from gateway.store.work import COLUMNS, Found, Work
from protocol.receipt_keys import exact_key, other_keys

_CANDIDATES = (
    f"SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, {COLUMNS} "
    "FROM attempts a JOIN messages m ON m.id = a.message WHERE a.carrier = ? AND a.id_key = ? "
    "ORDER BY a.message DESC LIMIT ?"
)
_FEW, _MOST = 2, 500
"""Nearly all ids name one attempt; some carriers give all messages the same."""
_UNSETTLED = frozenset(
    {AttemptState.SUBMITTING, AttemptState.IN_DOUBT, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.RESENT}
)
_LEAST_DIGITS = 7
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


def candidate_of(row: tuple[int | str | None, ...]) -> Candidate:
    """From a row of message, part, attempt, state, carrier_message_id and COLUMNS."""
    return Candidate._make((*row[:5], Found._make(row[5:])))


def match(work: Work, carrier: str, ids: tuple[str, ...], addresses: tuple[str, str]) -> Match | None:
    """The attempt that these ids (the best first) and addresses name; None: nobody's, or not surely whose."""
    for message_id in ids:
        candidates = _candidates(work, carrier, exact_key(message_id))
        if not candidates:
            continue
        same = [c for c in candidates if c.carrier_message_id == message_id] or candidates
        found = _choose(same, addresses)
        if found is not None:
            return Match(found, "exact")
    for message_id in ids:
        converted = [c for key in spellings(work, carrier, message_id) for c in _candidates(work, carrier, key)]
        told = [c for c in converted if is_destination(c.of.recipient, addresses)]
        if len({c.message for c in told}) == 1:
            return Match(told[0], "converted")
    return None


def spellings(work: Work, carrier: str, message_id: str) -> tuple[str, ...]:
    """Keys of a receipt's id as the carrier's answers may have spelled it."""
    policy = work.policy.carriers.get(carrier)
    return other_keys(message_id, policy.id_base if policy else "auto")


def is_destination(recipient: str, addresses: tuple[str, str]) -> bool:
    """Whether one of a receipt's addresses is this recipient: SMSCs swap them or not, write them nationally or not."""
    digits = recipient.lstrip("+")
    return any(_same_number(digits, address) for address in addresses)


def denies(recipient: str, addresses: tuple[str, str]) -> bool:
    """Whether the addresses surely name another destination."""
    return any(len(digits_of(a)) >= _LEAST_DIGITS for a in addresses) and not is_destination(recipient, addresses)


def digits_of(address: str) -> str:
    """The digits of a number without international prefix and zeros; empty for an alphanumeric address."""
    bare = address.strip().lstrip("+")
    return bare.lstrip("0") if bare.isascii() and bare.isdigit() else ""


def _same_number(digits: str, address: str) -> bool:
    told = digits_of(address)
    return len(told) >= _LEAST_DIGITS and (digits.endswith(told) or told.endswith(digits))


def _candidates(work: Work, carrier: str, key: str) -> list[Candidate]:
    if not key:
        return []
    rows = work.execute(_CANDIDATES, (carrier, key, _FEW)).fetchall()
    if len(rows) == _FEW:
        rows = work.execute(_CANDIDATES, (carrier, key, _MOST)).fetchall()
    return [candidate_of(row) for row in rows]


def _choose(candidates: list[Candidate], addresses: tuple[str, str]) -> Candidate | None:
    """Ids are given again by carriers: an attempt for another number is not what a receipt speaks of, unless it is the
    only one that still waits for one."""
    unsettled = [c for c in candidates if c.is_unsettled]
    if len(candidates) == 1 and unsettled:
        return candidates[0]
    chosen = [c for c in candidates if is_destination(c.of.recipient, addresses)]
    chosen = chosen or [c for c in candidates if not denies(c.of.recipient, addresses)]
    chosen = [c for c in chosen if c.is_unsettled] or chosen or (unsettled if len(unsettled) == 1 else [])
    return chosen[0] if chosen else None
