"""The events of messages: what a transaction tells of them is filed here, many at a time.

A message's events are told in order: one waits while the event before it is still to be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.identifiers import EVENT, MESSAGE, public_many
from gateway.messages import Status
from gateway.rules.causes import error_object
from gateway.store import at_once
from gateway.store.interface import EventFacts, MessageFacts
from gateway.store.many_rows import Insert, as_json

if TYPE_CHECKING:
    from gateway.store.work import Cause, Found, Work

HELD, BLOCKED, PENDING, IN_DELIVERY, TOLD, GIVEN_UP = range(-1, 5)
"""States of an event."""
_USUAL = "id, account, endpoint, type, message, state, pending_since, body"
_EVENTS = Insert("events", _USUAL)
_FOLLOWING = Insert("events", f"{_USUAL}, prior")
WITH_URL = Insert("events", f"{_USUAL}, prior, url")
_HANDED_OUT = f"{_USUAL}, delivery"
_EVENTS_OUT = Insert("events", _HANDED_OUT)
_FOLLOWING_OUT = Insert("events", f"{_HANDED_OUT}, prior")
_WITH_URL_OUT = Insert("events", f"{_HANDED_OUT}, prior, url")
_STILL_TO_BE_TOLD = f"SELECT id FROM events WHERE id IN (SELECT value FROM json_each(?)) AND state < {TOLD}"
_TELL = (
    "UPDATE events SET pending_since = ?, told_at = NULL, state = CASE WHEN EXISTS "
    f"(SELECT 1 FROM events p WHERE p.id = events.prior AND p.state < {TOLD}) THEN {BLOCKED} ELSE {PENDING} END "
    "WHERE id = ? AND state = ? RETURNING endpoint, state"
)


_SENT = Status.SENT
"""A member looked up by its name costs as much as a call."""


class News(NamedTuple):
    """What is to be told of a message."""

    event: int
    """Its id."""
    kind: str
    """`message.STATUS`."""
    status: str
    found: Found
    cause: Cause
    done_at: int | None


def file(work: Work, told: Sequence[News]) -> None:
    """File an event for each; of a message there is one at most."""
    waiting = _still_to_be_told(work, told)
    rows: defaultdict[Insert, list[tuple[Any, ...]]] = defaultdict(list)
    pending: dict[int, int] = {}
    hands: dict[int, at_once.Hands | None] = {}
    public_ids = public_many(EVENT, [news.event for news in told])
    public_messages = public_many(MESSAGE, [news.found.id for news in told])
    for news, public_id, public_message in zip(told, public_ids, public_messages, strict=True):
        event, kind, _, found, _, _ = news
        endpoint, prior, url = found.endpoint or 0, found.last_event, found.webhook_url
        body = work.render(_facts(work, news, public_id, public_message))
        delivery = 0
        if prior in waiting:
            state = BLOCKED
            work.endpoints.by_id[endpoint].blocked += 1
        else:
            state = PENDING
            if endpoint not in hands:
                hands[endpoint] = at_once.hands_of(work, endpoint)
            hand = hands[endpoint]
            if hand is not None:
                delivery = hand.take(event, public_id, body, url)
            if delivery:
                state = IN_DELIVERY
            else:
                pending[endpoint] = pending.get(endpoint, 0) + 1
        row = (event, found.account, endpoint, kind, found.id, state, work.now, bytearray(body))
        _add(rows, row, delivery, prior, url)
    for insert, bound in rows.items():
        insert.rows(work, bound)
    for hand in hands.values():
        if hand is not None:
            hand.close()
    for endpoint, count in pending.items():
        work.stir(endpoint, count)


def tell(work: Work, event: int, state: int) -> None:
    """Have an event told that is in this state now, with its whole horizon before it; behind the one before it of its
    message, where that is still to be told: of several the older come first.
    """
    for endpoint, becomes in work.execute(_TELL, (work.now, event, state)).fetchall():
        if becomes == BLOCKED:
            work.endpoints.by_id[endpoint].blocked += 1
        else:
            work.stir(endpoint, 1)


def _add(
    rows: dict[Insert, list[tuple[Any, ...]]], row: tuple[Any, ...], delivery: int, prior: int | None, url: str | None
) -> None:
    """Put a row to those that bind as much beside the usual: NULLs are not bound, see many_rows. `delivery`: or 0."""
    if delivery:
        row = (*row, delivery)
    if url is not None:
        rows[_WITH_URL_OUT if delivery else WITH_URL].append((*row, prior, url))
    elif prior is not None:
        rows[_FOLLOWING_OUT if delivery else _FOLLOWING].append((*row, prior))
    else:
        rows[_EVENTS_OUT if delivery else _EVENTS].append(row)


def _still_to_be_told(work: Work, told: Sequence[News]) -> frozenset[int | None]:
    """The events that others of these messages wait for."""
    prior = [news.found.last_event for news in told if news.found.last_event is not None]
    if not prior:
        return frozenset()
    return frozenset([event for (event,) in work.execute(_STILL_TO_BE_TOLD, (as_json(prior),)).fetchall()])


def _facts(work: Work, news: News, public_id: str, public_message: str) -> EventFacts:
    event, kind, status, found, cause, done_at = news
    error = None
    if cause.error is not None:
        error = error_object(cause.error, cause.command_status, cause.receipt_state, cause.err, cause.network_error)
    happened_at = done_at or (found.sent_at if status == _SENT else None) or work.now
    message = facts_of(work, found, done_at)
    # As in facts_of.
    return tuple.__new__(
        EventFacts,
        (
            event, kind, happened_at, message, status, cause.carrier, cause.carrier_message_id, found.attempts, error,
            None, public_id, public_message,
        ),
    )  # fmt: skip


def facts_of(work: Work, found: Found, done_at: int | None) -> MessageFacts:
    """What an event tells of its message."""
    lane, campaign = work.queues.lane_and_campaign(found.queue)
    # Not MessageFacts(...), which costs three times as much.
    return tuple.__new__(
        MessageFacts,
        (
            found.id, found.client_id, found.sender, found.recipient, found.country, lane, found.segments,
            found.encoding, bool(found.possible_duplicate), found.sent_at, done_at, found.tag, campaign, found.variant,
        ),
    )  # fmt: skip
