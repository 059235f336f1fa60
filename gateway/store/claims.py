"""Claiming: the deal's grants become claimed messages, on disk with their attempts, or as a claim in hand (in_hand.py),
before a byte of them is written."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gateway.identifiers import MESSAGE, public
from gateway.messages import ErrorCode, MessageState
from gateway.rules.deal import Ask, Grant, deal
from gateway.rules.options import from_json
from gateway.rules.taking import ALL_AS_USUAL, Standings
from gateway.store import quiet
from gateway.store.consents import opt_outs
from gateway.store.cutting import cut_as_usual, cut_closely
from gateway.store.elsewhere import end_unsent
from gateway.store.in_hand import ATTEMPTS
from gateway.store.interface import Claim, ClaimedSegment
from gateway.store.many_rows import Select, as_json
from gateway.store.work import STUCK_MS, Work
from protocol.references import reference_16

log = logging.getLogger("sluice.store")
_COLUMNS = (
    "id, account, sender, recipient, text, encoding, expires_at, tries, throttles, claims, segments, options, "
    "scheduled_at"
)
_READY = (
    f"FROM (SELECT {_COLUMNS} FROM messages WHERE queue = ? AND state = {int(MessageState.QUEUED)} {{}}"
    "ORDER BY id LIMIT ?)"
)
_FIRST, _FURTHER = Select(_COLUMNS, _READY.format("")), Select(_COLUMNS, _READY.format("AND id > ? "))
_MOST_FURTHER = 200
"""Looked at in a transaction behind those that could not be claimed, such as texts that the carrier can't carry."""
_AT_A_TIME = 20
_MOST_GIVEN_BACK = 20_000
"""Characters of texts that a carrier can't carry, in a transaction: about 5 ms. The rest of them is the next one's."""
_ACCOUNT, _SENDER, _RECIPIENT, _EXPIRES_AT, _OPTIONS = 1, 2, 3, 6, 11
"""Where these stand in a row of _READY."""
_CLAIM = (
    f"UPDATE messages SET state = {int(MessageState.SUBMITTING)}, claims = ?, attempts = attempts + 1 "
    f"WHERE id IN (SELECT value FROM json_each(?)) AND state = {int(MessageState.QUEUED)}"
)
_REFERENCE = "UPDATE attempts SET reference = ? WHERE message = ? AND part = ? AND attempt = ?"


@dataclass(slots=True)
class _GivenBack:
    """What was looked at in a transaction in vain. Each grant may do so once, so that none is kept from its queue."""

    characters: int = 0

    def is_enough(self) -> bool:
        return self.characters >= _MOST_GIVEN_BACK


def claim(
    work: Work, asks: Sequence[Ask], unable_since: Mapping[str, int], standings: Standings = ALL_AS_USUAL
) -> dict[str, list[Claim]]:
    """Deal ready messages to the asks; what each bind may now write to the wire."""
    paces = work.queues.paces
    queues = list(work.queues.for_deal(work.now, work.campaigns.stopped))
    grants, work.queues.next_turns = deal(
        asks,
        queues,
        unable_since,
        work.queues.turns,
        now=work.now,
        share=work.policy.guaranteed_share,
        lane_slots=paces.slots,
        standings=standings,
    )
    dealt: dict[str, list[Claim]] = {}
    given_back = _GivenBack()
    for grant in grants:
        claims: list[Claim] = []
        with work.apart(f"claiming from queue {grant.queue}") as failed:
            claims = _claim_from(work, grant, _waiting(work, grant), given_back)
        if failed:
            claims = _claim_one_by_one(work, grant, given_back)
        used = sum([len(claim.segments) for claim in claims])
        work.queues.charge(grant.queue, grant.carrier, used - grant.slots)
        if claims:
            paces.sent(claims[0].lane, len(claims))
            dealt.setdefault(grant.bind, []).extend(claims)
    return dealt


def _claim_one_by_one(work: Work, grant: Grant, given_back: _GivenBack) -> list[Claim]:
    """Of a queue in which something can't be claimed: the others; what can't be found out puts the queue off."""
    dealt: list[Claim] = []
    with work.apart(f"reading queue {grant.queue}") as unread:
        for row in _waiting(work, grant):
            free = grant.slots - sum(len(claim.segments) for claim in dealt)
            if free <= 0:
                break
            claims: list[Claim] = []
            with work.apart(f"claiming {public(MESSAGE, row[0])}") as failed:
                claims = _claim_from(work, grant._replace(slots=free), [row], given_back)
            if failed:
                _put_off(work, row[0])
            dealt += claims
            if given_back.is_enough():
                break
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


def _claim_from(work: Work, grant: Grant, rows: Iterable[tuple[Any, ...]], given_back: _GivenBack) -> list[Claim]:
    """Messages of one queue, oldest first, until the granted PDUs are used; the last may overdraw."""
    bind, carrier, queue, budget = grant
    lane, way, now = work.queues.lane(queue), work.policy.way_of(carrier), work.now
    claims: list[Claim] = []
    by_number: dict[int, list[int]] = {}
    attempts: dict[tuple[int, int], list[int]] = {}
    in_hand: dict[int, str] = {}
    policy = work.policy.carriers.get(carrier)
    has_reference = policy is not None and policy.user_message_reference
    for (message, account, sender, recipient, text, encoding, expires_at, tries, throttles, claimed, segments,
         options, scheduled_at) in rows:  # fmt: skip
        pieces, asked = None, None
        if options is None and (segments == 1 or not claimed):
            pieces = cut_as_usual(way, message, text, encoding, segments)
        if pieces is None:
            cut = cut_closely(work, carrier, message)
            if cut is None:
                given_back.characters += len(str(text))
                if given_back.is_enough():
                    break
                continue
            pieces, asked = cut
        elif segments == 1 and not claimed and not has_reference:
            in_hand[message] = recipient
        number = claimed + 1
        parts: list[ClaimedSegment] = []
        for piece in pieces:
            parts.append(ClaimedSegment(number, piece))
            if message not in in_hand:
                attempts.setdefault((piece.part, number), []).append(message)
        claims.append(
            Claim(message, account, lane, sender, recipient, expires_at, tries, throttles, parts, asked, scheduled_at)
        )
        by_number.setdefault(number, []).append(message)
        budget -= len(pieces)
        if budget <= 0:
            break
    for number, messages in by_number.items():
        work.execute(_CLAIM, (number, as_json(messages)))
    for name, messages in attempts.items():
        work.execute(ATTEMPTS, (*name, carrier, bind, now, as_json(messages)))
    if in_hand:
        work.in_hand.take(work, carrier, bind, in_hand)
    if has_reference:
        names = [(message, *name) for name, messages in attempts.items() for message in messages]
        work.executemany(_REFERENCE, [(reference_16(*name), *name) for name in names])
    if claims:
        work.queues.add(queue, -len(claims))
    return claims


def _waiting(work: Work, grant: Grant) -> Iterable[tuple[Any, ...]]:
    """As many of the oldest ready messages of a queue as there are slots; more behind them, once slots are left."""
    rows = _FIRST.rows(work, (grant.queue, grant.slots))
    if not rows:
        log.error("a queue promised messages that are not there; its count is set right")
        work.queues.recount(work.connection, grant.queue)
    alive = _sendable(work, grant.queue, rows)
    return alive if len(rows) < grant.slots else chain(alive, _further(work, grant.queue, rows[-1][0]))


def _further(work: Work, queue: int, last: int) -> Iterator[tuple[Any, ...]]:
    for _ in range(_MOST_FURTHER // _AT_A_TIME):
        rows = _FURTHER.rows(work, (queue, last, _AT_A_TIME))
        yield from _sendable(work, queue, rows)
        if len(rows) < _AT_A_TIME:
            break
        last = rows[-1][0]


def _sendable(work: Work, queue: int, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Those that have not expired and whose recipients may be written to, and now; the others end, or wait."""
    alive = _alive(work, rows)
    if not alive or work.queues.is_begun(queue):
        return alive
    account, lane = alive[0][_ACCOUNT], work.queues.lane(queue)
    if quiet.may_wait(work, lane):
        may_be = work.policy.quiet_hours.may_be_quiet
        known = {r[0]: (r[_RECIPIENT], r[_EXPIRES_AT], r[_OPTIONS]) for r in alive if may_be(r[_RECIPIENT])}
        wait = quiet.put_back(work, queue, known) if known else ()
        alive = [row for row in alive if row[0] not in wait] if wait else alive
        if not alive:
            return alive
    if not opt_outs.may_bar(work, account, lane):
        return alive
    barred = opt_outs.suppressed(work, account, lane, [(row[_RECIPIENT], row[_SENDER]) for row in alive])
    sendable = []
    for index, row in enumerate(alive):
        if index not in barred or (row[_OPTIONS] is not None and from_json(row[_OPTIONS]).despite_opt_out):
            sendable.append(row)
        else:
            _end(work, row[0], MessageState.OPTED_OUT, ErrorCode.OPTED_OUT)
    return sendable


def _alive(work: Work, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What outlived its validity, after an outage, ends here and is not sent."""
    alive = []
    for row in rows:
        if row[_EXPIRES_AT] > work.now:
            alive.append(row)
        else:
            _end(work, row[0], MessageState.EXPIRED, ErrorCode.EXPIRED)
    return alive


def _end(work: Work, message: int, state: MessageState, error: ErrorCode) -> None:
    """Instead of sending it."""
    found = work.find(message)
    if found is None:
        return
    with work.apart(f"ending {public(MESSAGE, message)}") as failed:
        end_unsent(work, found, state, error)
    if failed:
        _put_off(work, message)
