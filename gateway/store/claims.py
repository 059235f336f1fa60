"""Claiming: the deal's grants become claimed messages, whose attempts are on disk before a byte of them is written to the wire."""

import logging
from collections.abc import Mapping, Sequence

from gateway.identifiers import created_at_ms
from gateway.messages import UNSENT, MessageState
from gateway.rules.deal import Ask, Grant, deal
from gateway.store.interface import Claim, ClaimedSegment
from gateway.store.progress import parts_of
from gateway.store.work import Work
from protocol.segments import split
from protocol.text import Encoding

log = logging.getLogger("sluice.store")
_READY = (
    "SELECT id, account, sender, recipient, text, encoding, expires_at, tries, throttles, claims FROM messages "
    f"WHERE queue = ? AND state = {int(MessageState.QUEUED)} ORDER BY id LIMIT ?"
)
_CLAIM = f"UPDATE messages SET state = {int(MessageState.SUBMITTING)}, due = ?, claims = ?, attempts = attempts + 1 WHERE id = ?"
_ATTEMPT = (
    "INSERT INTO attempts (message, part, attempt, state, carrier, bind, claimed_at) VALUES (?, ?, ?, 3, ?, ?, ?)"
)


def claim(work: Work, asks: Sequence[Ask], unable_since: Mapping[str, int]) -> dict[str, list[Claim]]:
    """Deal ready messages to the asks; what each bind may now write to the wire."""
    grants, work.queues.next_turns = deal(
        asks, work.queues.for_deal(), unable_since, work.queues.turns, now=work.now, share=work.policy.guaranteed_share
    )
    dealt: dict[str, list[Claim]] = {}
    for grant in grants:
        claims = _claim_from(work, grant)
        if claims:
            dealt.setdefault(grant.bind, []).extend(claims)
    return dealt


def _claim_from(work: Work, grant: Grant) -> list[Claim]:
    """Messages of one queue, oldest first, until the granted PDUs are used; the last may overdraw."""
    lane = work.queues.lane(grant.queue)
    policy = work.policy.carriers.get(grant.carrier)
    due = work.now + (policy.answer_deadline_ms if policy else 0)
    claims: list[Claim] = []
    updates: list[tuple[int, int, int]] = []
    attempts: list[tuple[int, int, int, str, str, int]] = []
    budget = grant.slots
    rows = work.execute(_READY, (grant.queue, grant.slots)).fetchall()
    if not rows:
        log.error("a queue promised %d messages that are not there; its count is set right", grant.slots)
        work.queues.recount(work.connection, grant.queue)
    for message, account, sender, recipient, text, encoding, expires_at, tries, throttles, claimed in rows:
        number = claimed + 1
        pieces = split(text, Encoding(encoding), reference_of(message))
        if claimed and len(pieces) > 1:
            done = _parts_gone(work, message)
            pieces = [piece for piece in pieces if piece.part not in done]
        segments = [ClaimedSegment(number, piece) for piece in pieces]
        claims.append(Claim(message, account, lane, sender, recipient, expires_at, tries, throttles, segments))
        updates.append((due, number, message))
        attempts += [(message, piece.part, number, grant.carrier, grant.bind, work.now) for piece in pieces]
        budget -= len(pieces)
        if budget <= 0:
            break
    work.connection.executemany(_CLAIM, updates)
    work.connection.executemany(_ATTEMPT, attempts)
    if claims:
        work.queues.add(grant.queue, -len(claims))
    return claims


def reference_of(message: int) -> int:
    """The 8-bit reference of a long message's parts: apart for messages of one request (by sequence) and of the next minutes (by second)."""
    return (created_at_ms(message) // 1000 + message) & 0xFF


def _parts_gone(work: Work, message: int) -> set[int]:
    """Parts that a carrier has, or may have: not to be sent again."""
    parts = parts_of(work, message)
    return {row.part for row, state in zip(parts.latest, parts.states, strict=True) if state not in UNSENT}
