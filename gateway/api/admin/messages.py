"""GET /admin/messages and what is done to one of them: thin over gateway/desk/messages.py."""

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by, sight
from gateway.api.base import json_response
from gateway.api.filters import refusing_wrong
from gateway.api.problem_types import ALREADY_SENT
from gateway.api.problems import Problem, not_found_anywhere
from gateway.api.queries import paging, parameters
from gateway.desk.messages import MessagesDesk
from gateway.desk.searching import FIELDS, parse
from gateway.messages import Status
from gateway.store.interface import CancelOutcome


class MessageCalls:
    def __init__(self, desk: MessagesDesk) -> None:
        self._desk = desk

    async def search(self) -> Response:
        given = parameters(request, *FIELDS, "limit", "cursor")
        limit, cursor = paging(given)
        with refusing_wrong("Nothing was looked up"):
            wanted = parse({name: given[name] for name in FIELDS if name in given})
        found = await self._desk.search(wanted, limit=limit, cursor=cursor, sight=sight())
        return json_response(json.encode(found))

    async def story(self, id: str) -> Response:  # noqa: A002 - the name in the path
        story = await self._desk.story(id, sight())
        if story is None:
            raise not_found_anywhere("message")
        return json_response(json.encode(story))

    async def reveal(self, id: str) -> Response:  # noqa: A002
        story = await self._desk.reveal(id, by())
        if story is None:
            raise not_found_anywhere("message")
        return json_response(json.encode(story))

    async def cancel(self, id: str) -> Response:  # noqa: A002
        outcome = await self._desk.cancel(id, by())
        if outcome is CancelOutcome.NOT_FOUND:
            raise not_found_anywhere("message")
        if outcome is CancelOutcome.TOO_LATE:
            raise Problem(ALREADY_SENT, "The message was put to a carrier already, or has ended. It was not canceled.")
        is_asked = outcome is CancelOutcome.ASKED
        status = Status.SENT if is_asked else Status.CANCELED
        return json_response(json.encode({"id": id, "status": status}), 202 if is_asked else 200)

    async def replay(self, id: str) -> Response:  # noqa: A002
        replayed = await self._desk.replay(id, by())
        if replayed is None:
            raise not_found_anywhere("message")
        return json_response(json.encode({"replayed": replayed}), 202)
