"""The events of messages: what a transaction tells of them is filed here, many at a time.

A message's events are told in order: one waits while the event before it is still to be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.messages import Status
from gateway.rules.causes import error_object
from gateway.store.interface import EventFacts, MessageFacts
from gateway.store.many_rows import Insert, as_json

if TYPE_CHECKING:
    from gateway.store.work import Cause, Found, Work

BLOCKED, PENDING, IN_DELIVERY, TOLD, GIVEN_UP = range(5)
"""States of an event."""
_USUAL = "id, account, endpoint, type, message, state, pending_since, body"
_EVENTS = Insert("events", _USUAL)
_FOLLOWING = Insert("events", f"{_USUAL}, prior")
WITH_URL = Insert("events", f"{_USUAL}, prior, url")
_STILL_TO_BE_TOLD = f"SELECT id FROM events WHERE id IN (SELECT value FROM json_each(?)) AND state < {TOLD}"


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
    usual: list[tuple[Any, ...]] = []
    following: list[tuple[Any, ...]] = []
    with_url: list[tuple[Any, ...]] = []
    pending: dict[int, int] = {}
    for news in told:
        event, kind, _, found, _, _ = news
        endpoint, prior, url = found.endpoint or 0, found.last_event, found.webhook_url
        if prior in waiting:
            state = BLOCKED
            work.endpoints.by_id[endpoint].blocked += 1
        else:
            state = PENDING
            pending[endpoint] = pending.get(endpoint, 0) + 1
        row = (
            event,
            found.account,
            endpoint,
            kind,
            found.id,
            state,
            work.now,
            bytearray(work.render(_facts(work, news))),
        )
        if url is not None:
            with_url.append((*row, prior, url))
        elif prior is not None:
            following.append((*row, prior))
        else:
            usual.append(row)
    _EVENTS.rows(work, usual)
    _FOLLOWING.rows(work, following)
    WITH_URL.rows(work, with_url)
    for endpoint, count in pending.items():
        work.stir(endpoint, count)


def _still_to_be_told(work: Work, told: Sequence[News]) -> frozenset[int | None]:
    """The events that others of these messages wait for."""
    prior = [news.found.last_event for news in told if news.found.last_event is not None]
    if not prior:
        return frozenset()
    return frozenset([event for (event,) in work.execute(_STILL_TO_BE_TOLD, (as_json(prior),)).fetchall()])


def _facts(work: Work, news: News) -> EventFacts:
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
            None,
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
