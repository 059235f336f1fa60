"""Which attempt a receipt speaks of: by (carrier, id key), then destination, then unsettled, then newest; never by address alone."""

from typing import NamedTuple

from gateway.messages import AttemptState
from gateway.store.work import Work
from protocol.receipt_keys import exact_key, other_keys

_CANDIDATES = (
    "SELECT a.message, a.part, a.attempt, a.state, a.carrier_message_id, m.recipient FROM attempts a JOIN messages m ON m.id = a.message "
    "WHERE a.carrier = ? AND a.id_key = ? ORDER BY a.message DESC LIMIT 1000"
)
_UNSETTLED = frozenset(
    {AttemptState.SUBMITTING, AttemptState.IN_DOUBT, AttemptState.SENT, AttemptState.UNKNOWN, AttemptState.RESENT}
)
_LEAST_DIGITS = 7
"""Shorter addresses (short codes, alphanumeric senders) say nothing about the destination."""


class Candidate(NamedTuple):
    message: int
    part: int
    attempt: int
    state: int
    carrier_message_id: str | None
    recipient: str


class Match(NamedTuple):
    candidate: Candidate
    how: str


def match(work: Work, carrier: str, ids: tuple[str, ...], addresses: tuple[str, str]) -> Match | None:
    """The attempt that these ids (the best first) and addresses name, and how it was found; None: nobody's, or not surely whose."""
    for message_id in ids:
        candidates = _candidates(work, carrier, exact_key(message_id))
        same = [c for c in candidates if c.carrier_message_id == message_id] or candidates
        found = _choose(same, addresses)
        if found is not None:
            return Match(found, "exact")
    for message_id in ids:
        converted = [c for key in other_keys(message_id) for c in _candidates(work, carrier, key)]
        told = [c for c in converted if is_destination(c.recipient, addresses)]
        if len({c.message for c in told}) == 1:
            return Match(told[0], "converted")
    return None


def is_destination(recipient: str, addresses: tuple[str, str]) -> bool:
    """Whether one of a receipt's addresses is this recipient; SMSCs swap them or not, and write them nationally or not."""
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
    return [Candidate(*row) for row in work.execute(_CANDIDATES, (carrier, key)).fetchall()]


def _choose(candidates: list[Candidate], addresses: tuple[str, str]) -> Candidate | None:
    """Ids are given again by carriers: an old, settled attempt for another number is not what a new receipt speaks of."""
    if not candidates:
        return None
    chosen = candidates
    if len(candidates) > 1:
        chosen = [c for c in candidates if is_destination(c.recipient, addresses)] or candidates
        chosen = [c for c in chosen if c.state in _UNSETTLED] or chosen
    best = chosen[0]
    if best.state not in _UNSETTLED and denies(best.recipient, addresses):
        return None
    return best
