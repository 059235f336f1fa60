"""/admin/endpoints and /admin/outbox: what accounts are told, and telling it again: thin over the desks of both."""

from msgspec import json
from quart import Response, request

from gateway import identifiers
from gateway.api.admin.asking import by, sight
from gateway.api.base import json_response
from gateway.api.bodies import decode, read_json
from gateway.api.filters import Filters
from gateway.api.outbox import range_of
from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem, not_found_anywhere
from gateway.api.queries import paging, parameters
from gateway.desk.endpoints import EndpointsDesk
from gateway.desk.events import STATUSES, EventsDesk
from gateway.settings import EventType
from gateway.settings.alerts import OperatorEvent

_TYPES = (*(kind.value for kind in EventType), *(kind.value for kind in OperatorEvent))


class EndpointCalls:
    def __init__(self, desk: EndpointsDesk) -> None:
        self._desk = desk

    async def list_endpoints(self) -> Response:
        return json_response(json.encode({"entities": await self._desk.all(), "next_cursor": None}))

    async def enable(self, id: int) -> Response:  # noqa: A002 - the name in the path
        if not await self._desk.enable(id, by()):
            raise _no_endpoint()
        return json_response(json.encode({"id": id, "enabled": True}))

    async def replay(self, id: int) -> Response:  # noqa: A002
        after, before, failed_only = range_of(decode(await read_json(request)))
        replayed = await self._desk.replay(id, after, before, failed_only, by())
        if replayed is None:
            raise _no_endpoint()
        return json_response(json.encode({"replayed": replayed}), 202)


class OutboxCalls:
    def __init__(self, desk: EventsDesk) -> None:
        self._desk = desk

    async def list_events(self) -> Response:
        given = parameters(request, "account", "status", "type", "message_id", "limit", "cursor")
        limit, cursor = paging(given)
        filters = Filters(given)
        statuses, types = filters.some_of("status", STATUSES), filters.some_of("type", _TYPES)
        message = filters.id_of("message_id", identifiers.MESSAGE, "message")
        filters.refuse_wrong()
        found = await self._desk.list(
            given.get("account"), statuses, types, message, limit=limit, cursor=cursor, sight=sight()
        )
        return json_response(json.encode(found))

    async def replay(self, id: str) -> Response:  # noqa: A002
        replayed = await self._desk.replay(id, by())
        if replayed is None:
            raise not_found_anywhere("event")
        return json_response(json.encode({"replayed": replayed}), 202)


def _no_endpoint() -> Problem:
    words = "There is no endpoint of this id, or it is one that messages name, which is never disabled."
    return Problem(NOT_FOUND, f"{words} GET /admin/endpoints lists them.")
