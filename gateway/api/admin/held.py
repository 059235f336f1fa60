"""/admin/held: what a restore holds, and releasing or ending it: thin over gateway/desk/held.py."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by, sight
from gateway.api.admin.given import texts
from gateway.api.base import json_response
from gateway.api.filters import refusing_wrong
from gateway.api.queries import paging, parameters
from gateway.desk.held import FILTERS, HeldDesk
from gateway.store.by import By


class HeldCalls:
    def __init__(self, desk: HeldDesk) -> None:
        self._desk = desk

    async def held(self) -> Response:
        parameters(request)
        return json_response(json.encode({"held": await self._desk.summary()}))

    async def messages(self) -> Response:
        given = parameters(request, "limit", "cursor", *FILTERS)
        limit, cursor = paging(given)
        wanted = {name: value for name, value in given.items() if name in FILTERS}
        with refusing_wrong("Nothing was looked up"):
            found = await self._desk.list(limit, cursor, wanted, sight())
        return json_response(json.encode(found))

    async def release(self) -> Response:
        return await self._order(self._desk.release, "released")

    async def end(self) -> Response:
        return await self._order(self._desk.end, "ended")

    async def _order(self, order: Callable[[Mapping[str, str], By], Awaitable[int]], name: str) -> Response:
        # What is blank is refused by the desk: left out, it would mean all.
        wanted = await texts(*FILTERS, such_as='{"account": "shop"}; {} means all')
        with refusing_wrong("Nothing was changed"):
            count = await order(wanted, by())
        return json_response(json.encode({name: count}), 202)
