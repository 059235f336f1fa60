"""A message's story for support: what its account is told, the events, and what people did by hand. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.desk.masks import Sight, without_text
from gateway.identifiers import EVENT, REQUEST, public
from gateway.messages import MessageState
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.store.views import AuditRow, EventRow, MessageRow


def told(
    seen: Mapping[str, Any], row: MessageRow, events: Sequence[EventRow], by_hand: Sequence[AuditRow]
) -> dict[str, Any]:
    """`seen`: GET /v1/sms/{id}. All that is added is the operators' alone."""
    steps = [*seen["timeline"], *map(_by_hand, by_hand)]
    return {
        **seen,
        "account": row.account,
        "state": MessageState(row.state).name.lower(),
        "events": [_event(event) for event in reversed(events)],
        "timeline": sorted(steps, key=lambda step: str(step["at"])),
    }


def without_texts(story: Mapping[str, Any], sight: Sight, *, is_quoted: bool) -> dict[str, Any]:
    """The story without what the message says, its numbers as they may be seen.

    `is_quoted`: raw receipts may say it in a layout that is not read to the end, and are left out.
    """
    numbers = (str(story["to"]), str(story["from"]))
    return {
        **story,
        "from": sight.of(story["from"]),
        "to": sight.of(story["to"]),
        "text": None,
        "timeline": [
            step | {"raw": None if is_quoted else sight.in_words(without_text(step["raw"]), *numbers)}
            if "raw" in step
            else step
            for step in story["timeline"]
        ],
    }


def _by_hand(row: AuditRow) -> dict[str, Any]:
    return {
        "at": rfc3339(row.at),
        "what": "by_hand",
        "who": row.who,
        "did": row.what,
        "outcome": row.outcome,
        "request_id": None if row.request_id is None else public(REQUEST, row.request_id),
    }


def _event(row: EventRow) -> dict[str, Any]:
    """Without its body, which says the number."""
    return {
        "id": public(EVENT, row.id),
        "type": row.type,
        "status": row.status,
        "host": urlsplit(row.url).hostname,
        "attempts": row.tries,
        "next_try_at": time_or_none(row.next_try_at),
        "last_http_status": row.last_http_status,
        "last_error": row.last_error,
    }
