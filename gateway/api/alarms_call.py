"""/admin/alarms, /admin/events and /admin/webhook: what is amiss, and how telling operators of it goes.

The operator's events lie in the same outbox as those of accounts, of which they are none.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by
from gateway.api.base import json_response
from gateway.api.outbox import event_view
from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem, not_found
from gateway.api.queries import event_id, paging, parameters, rendered
from gateway.desk.cursors import next_cursor
from gateway.desk.endpoints import bare_url
from gateway.flows.alarms import Raised
from gateway.identifiers import EVENT, public
from gateway.rules.alarms import event_data
from gateway.store.interface import Store
from gateway.store.lists.interface import EventFilter
from gateway.store.policy import OPERATOR


class AlarmsView(Protocol):
    """gateway.flows.alarms.Alarms."""

    def raised(self) -> Sequence[Raised]: ...


class NoAlarms:
    """Where nobody looks."""

    def raised(self) -> Sequence[Raised]:
        return ()


class AlarmCalls:
    def __init__(self, store: Store, alarms: AlarmsView) -> None:
        self._store = store
        self._alarms = alarms

    def raised(self) -> list[dict[str, Any]]:
        """What is amiss now, the oldest first; as in the events that tell it."""
        return [
            event_data(alarm.kind, alarm.subject, alarm.since, alarm.figures, alarm=alarm.kind)
            for alarm in self._alarms.raised()
        ]

    async def alarms(self) -> Response:
        return json_response(json.encode({"entities": self.raised(), "next_cursor": None}))

    async def events(self) -> Response:
        limit, cursor = paging(parameters(request, "limit", "cursor"))
        page = await self._store.events(OPERATOR, EventFilter(), limit=limit, cursor=cursor)
        entities = await rendered([row._replace(url=bare_url(row.url)) for row in page.rows], event_view)
        return json_response(json.encode({"entities": entities, "next_cursor": next_cursor(page.next_cursor)}))

    async def replay(self, id: str) -> Response:  # noqa: A002 - the name in the path
        event = event_id(id)
        replayed = await self._store.replay(OPERATOR, [event], None, None, failed_only=False, by=by())
        if replayed == 0 and not await self._store.event_exists(OPERATOR, event):
            raise not_found("event")
        return json_response(json.encode({"replayed": replayed}), 202)

    async def test(self) -> Response:
        event = await self._store.add_test_event(OPERATOR, by=by())
        if event is None:
            raise _no_webhook()
        return json_response(json.encode({"event_id": public(EVENT, event)}), 202)

    async def enable(self) -> Response:
        if not await self._store.enable_endpoint(OPERATOR, by=by()):
            raise _no_webhook()
        return json_response(json.encode({"enabled": True}))


def _no_webhook() -> Problem:
    return Problem(NOT_FOUND, "operator.webhook is not set in the configuration, so nobody is told.")
