"""/v1/events and /v1/webhook: what an account is told, how telling it goes, and telling it again.

Posting itself is done by gateway/flows/notify; events are kept by the store.
"""

from typing import Any

from msgspec import Raw, json
from quart import Response, g, request

from gateway import identifiers
from gateway.api.base import json_response
from gateway.api.bodies import bare_key, decode, idempotency_key, read_json
from gateway.api.description.outbox_schemas import (
    Enabled,
    Endpoint,
    EndpointList,
    Event,
    EventList,
    Replayed,
    TestEvent,
)
from gateway.api.filters import Filters
from gateway.api.problem_types import NO_WEBHOOK, NOT_AN_OBJECT
from gateway.api.problems import Problem, invalid_fields, not_found
from gateway.api.queries import event_id, paging, parameters, rendered
from gateway.api.repeats import Repeats
from gateway.desk.cursors import next_cursor
from gateway.desk.filters import CREATED
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.rules.timestamps import parse_rfc3339, time_or_none
from gateway.rules.values import shown
from gateway.settings import EventType
from gateway.store.by import by_account
from gateway.store.interface import Store
from gateway.store.lists.interface import EventFilter
from gateway.store.views import EndpointRow, EventRow

_STATUSES = ("pending", "delivered", "failed")
_LATEST_MS = 1 << 42
"""The year 2109: ids are made from milliseconds, and hold 43 bits of them."""
_RANGE = ("after", "before", "status")


class Outbox:
    def __init__(self, store: Store, repeats: Repeats) -> None:
        self._store = store
        self._repeats = repeats

    async def list_events(self, account: str) -> Response:
        given = parameters(request, "status", "type", "message_id", *CREATED, "limit", "cursor")
        limit, cursor = paging(given)
        filters = Filters(given)
        after, before = filters.times()
        wanted = EventFilter(
            statuses=filters.some_of("status", _STATUSES),
            types=filters.some_of("type", tuple(EventType)),
            message=filters.id_of("message_id", identifiers.MESSAGE, "message"),
            after=after,
            before=before,
        )
        filters.refuse_wrong()
        page = await self._store.events(account, wanted, limit=limit, cursor=cursor)
        return json_response(
            json.encode(EventList(await rendered(page.rows, event_view), next_cursor(page.next_cursor)))
        )

    async def replay_event(self, account: str, id: str) -> Response:  # noqa: A002 - the name in the path
        key = await bare_key(request)
        event = event_id(id)
        by = by_account(account, g.request_id)

        async def replay() -> bytes:
            replayed = await self._store.replay(account, [event], None, None, failed_only=False, by=by)
            if replayed == 0 and not await self._store.event_exists(account, event):
                raise not_found("event")
            return json.encode(Replayed(replayed))

        return await self._repeats.once(account, key, replay, status=202)

    async def replay_events(self, account: str) -> Response:
        body = await read_json(request)
        key = idempotency_key(request, body)
        after, before, failed_only = range_of(decode(body))
        by = by_account(account, g.request_id)

        async def replay() -> bytes:
            replayed = await self._store.replay(account, None, after, before, failed_only, by=by)
            return json.encode(Replayed(replayed))

        return await self._repeats.once(account, key, replay, status=202)

    async def get_webhook(self, account: str) -> Response:
        rows = await self._store.endpoints(account)
        rows.sort(key=lambda row: (not row.own, row.id))
        return json_response(json.encode(EndpointList([endpoint(row) for row in rows])))

    async def test_webhook(self, account: str) -> Response:
        by = by_account(account, g.request_id)

        async def test() -> bytes:
            event = await self._store.add_test_event(account, by=by)
            if event is None:
                raise _no_webhook()
            return json.encode(TestEvent(identifiers.public(identifiers.EVENT, event)))

        return await self._repeats.once(account, await bare_key(request), test, status=202)

    async def enable_webhook(self, account: str) -> Response:
        by = by_account(account, g.request_id)

        async def enable() -> bytes:
            if not await self._store.enable_endpoint(account, by=by):
                raise _no_webhook()
            return json.encode(Enabled(True))

        return await self._repeats.once(account, await bare_key(request), enable, status=200)


def endpoint(row: EndpointRow) -> Endpoint:
    """The health of one endpoint."""
    return Endpoint(
        url=row.url,
        own=row.own,
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        pending=row.pending,
        failed=row.failed,
        oldest_pending_at=time_or_none(row.oldest_pending_at),
        last_success_at=time_or_none(row.last_success_at),
        last_failure_at=time_or_none(row.last_failure_at),
        consecutive_failures=row.consecutive_failures,
    )


def event_view(row: EventRow) -> Event:
    """An event and how telling it goes."""
    return Event(
        id=identifiers.public(identifiers.EVENT, row.id),
        type=row.type,
        message_id=None if row.message is None else identifiers.public(identifiers.MESSAGE, row.message),
        status=row.status,
        url=row.url,
        attempts=row.tries,
        next_try_at=time_or_none(row.next_try_at),
        last_http_status=row.last_http_status,
        last_error=row.last_error,
        event=Raw(row.body),
    )


def _no_webhook() -> Problem:
    return Problem(NO_WEBHOOK, "No webhook is configured for this account.")


def range_of(body: Any) -> tuple[int | None, int | None, bool]:
    """After, before and whether only failed ones, of the body of a replay. Raises a Problem 422."""
    if not isinstance(body, dict):
        raise Problem(NOT_AN_OBJECT, 'Send an object such as {"status": "failed"}.')
    errors = ItemErrors()
    times: dict[str, int] = {}
    for name, value in body.items():
        if name in ("after", "before"):
            at = parse_rfc3339(value) if isinstance(value, str) else None
            if at is None or not 0 <= at < _LATEST_MS:
                errors.add(
                    name,
                    Fault("is not an RFC 3339 time with its zone, such as 2026-11-21T18:04:05Z", FaultCode.NOT_A_TIME),
                )
            else:
                times[name] = at
        elif name == "status":
            if value != "failed":
                errors.add(name, Fault('must be "failed" where it is given', FaultCode.WRONG_TYPE))
        else:
            words = f"is not a field of a replay; it takes {', '.join(_RANGE)}"
            errors.add(shown(name), Fault(words, FaultCode.UNKNOWN_FIELD))
    if times.get("before", _LATEST_MS) < times.get("after", 0):
        errors.add("before", Fault("is before after, so that nothing lies between them", FaultCode.TOO_SMALL))
    if not body:
        errors.add(
            "after",
            Fault("is missing; give after, before or status, so that not everything is told again", FaultCode.MISSING),
        )
    if errors.fields:
        raise invalid_fields(errors.fields, errors.codes, done="Nothing was replayed")
    return times.get("after"), times.get("before"), body.get("status") == "failed"
