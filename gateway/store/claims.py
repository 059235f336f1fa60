"""Claiming: the deal's grants become claimed messages, whose attempts are on disk before a byte of them is written."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.identifiers import MESSAGE, created_at_ms, public
from gateway.messages import UNSENT, AttemptState, ErrorCode, MessageState
from gateway.rules.deal import Ask, Grant, deal
from gateway.store.interface import Claim, ClaimedSegment
from gateway.store.many_rows import Insert, as_json
from gateway.store.progress import parts_of
from gateway.store.work import NOTHING_SAID, STUCK_MS, Work
from protocol.errors import LocalProtocolError
from protocol.segments import Segment, split
from protocol.text import Encoding

log = logging.getLogger("sluice.store")
_READY = (
    "SELECT id, account, sender, recipient, text, encoding, expires_at, tries, throttles, claims FROM messages "
    f"WHERE queue = ? AND state = {int(MessageState.QUEUED)} ORDER BY id LIMIT ?"
)
_EXPIRES_AT = 6
_CLAIM = (
    f"UPDATE messages SET state = {int(MessageState.SUBMITTING)}, claims = ?, attempts = attempts + 1 "
    f"WHERE id IN (SELECT value FROM json_each(?)) AND state = {int(MessageState.QUEUED)}"
)
_ATTEMPTS = Insert("attempts", "message, part, attempt, state, carrier, bind, claimed_at")
_SUBMITTING = int(AttemptState.SUBMITTING)
_ENCODINGS = {encoding.value: encoding for encoding in Encoding}


def claim(work: Work, asks: Sequence[Ask], unable_since: Mapping[str, int]) -> dict[str, list[Claim]]:
    """Deal ready messages to the asks; what each bind may now write to the wire."""
    grants, work.queues.next_turns = deal(
        asks,
        work.queues.for_deal(work.now),
        unable_since,
        work.queues.turns,
        now=work.now,
        share=work.policy.guaranteed_share,
    )
    dealt: dict[str, list[Claim]] = {}
    for grant in grants:
        claims: list[Claim] = []
        with work.apart(f"claiming from queue {grant.queue}") as failed:
            claims = _claim_from(work, grant, _ready(work, grant))
        if failed:
            claims = _claim_one_by_one(work, grant)
        if claims:
            dealt.setdefault(grant.bind, []).extend(claims)
    return dealt


def _claim_one_by_one(work: Work, grant: Grant) -> list[Claim]:
    """Of a queue in which something can't be claimed: the others; what can't be found out puts the queue off."""
    dealt: list[Claim] = []
    with work.apart(f"reading queue {grant.queue}") as unread:
        for row in _ready(work, grant):
            free = grant.slots - sum(len(claim.segments) for claim in dealt)
            if free <= 0:
                break
            claims: list[Claim] = []
            with work.apart(f"claiming {public(MESSAGE, row[0])}") as failed:
                claims = _claim_from(work, grant._replace(slots=free), [row])
            if failed:
                _put_off(work, row[0])
            dealt += claims
    if unread:
        dealt = []
        work.queues.put_off(grant.queue, work.now + STUCK_MS)
        work.wake(work.now + STUCK_MS)
    return dealt


def _put_off(work: Work, message: int) -> None:
    """Out of its queue for a while, so that it stands in nobody's way; the sweep puts it back."""
    found = work.find(message)
    if found is not None:
        work.move(found, MessageState.RETRYING, work.now + STUCK_MS)


def _claim_from(work: Work, grant: Grant, rows: Sequence[tuple[Any, ...]]) -> list[Claim]:
    """Messages of one queue, oldest first, until the granted PDUs are used; the last may overdraw."""
    lane = work.queues.lane(grant.queue)
    claims: list[Claim] = []
    by_number: dict[int, list[int]] = {}
    attempts: list[tuple[int, int, int, int, str, str, int]] = []
    budget = grant.slots
    for message, account, sender, recipient, text, encoding, expires_at, tries, throttles, claimed in rows:
        pieces = _pieces(work, message, text, encoding, claimed)
        if not pieces:
            continue
        number = claimed + 1
        segments = [ClaimedSegment(number, piece) for piece in pieces]
        claims.append(Claim(message, account, lane, sender, recipient, expires_at, tries, throttles, segments))
        by_number.setdefault(number, []).append(message)
        attempts += [
            (message, piece.part, number, _SUBMITTING, grant.carrier, grant.bind, work.now) for piece in pieces
        ]
        budget -= len(pieces)
        if budget <= 0:
            break
    for number, messages in by_number.items():
        work.execute(_CLAIM, (number, as_json(messages)))
    _ATTEMPTS.rows(work, attempts)
    if claims:
        work.queues.add(grant.queue, -len(claims))
    work.queues.charge(grant.queue, -budget)
    return claims


def _ready(work: Work, grant: Grant) -> list[tuple[Any, ...]]:
    """The oldest ready messages of a queue. What outlived its validity, after an outage, ends here and is not sent."""
    rows = work.execute(_READY, (grant.queue, grant.slots)).fetchall()
    if not rows:
        log.error("a queue promised messages that are not there; its count is set right")
        work.queues.recount(work.connection, grant.queue)
    alive = []
    for row in rows:
        if row[_EXPIRES_AT] > work.now:
            alive.append(row)
        elif (found := work.find(row[0])) is not None:
            with work.apart(f"ending {public(MESSAGE, found.id)}") as failed:
                work.end(found, MessageState.EXPIRED, NOTHING_SAID._replace(error=ErrorCode.EXPIRED))
            if failed:
                _put_off(work, found.id)
    return alive


def _pieces(work: Work, message: int, text: Any, encoding: str, claimed: int) -> list[Segment]:
    """The segments that still have to go out; none of a text that can't be cut, which fails instead of blocking all."""
    try:
        pieces = split(text, _ENCODINGS[encoding], reference_of(message))
    except (LocalProtocolError, ValueError, LookupError, TypeError) as error:
        log.error(
            "can't be cut into segments and fails message=%s kind=%s", public(MESSAGE, message), type(error).__name__
        )
        found = work.find(message)
        if found is not None:
            work.end(found, MessageState.FAILED, NOTHING_SAID._replace(error=ErrorCode.TEXT_REJECTED))
        return []
    if claimed and len(pieces) > 1:
        gone = {part.attempts[0].part for part in parts_of(work, message) if part.state not in UNSENT}
        pieces = [piece for piece in pieces if piece.part not in gone]
    return pieces


def reference_of(message: int) -> int:
    """The 8-bit reference that joins a long message's parts.

    Apart for messages of one request (by sequence) and of the next minutes (by second).
    """
    return (created_at_ms(message) // 1000 + message) & 0xFF
