"""/admin/carriers: how they stand, and holding, resuming and rebinding one: thin over gateway/desk/carriers.py."""

from collections.abc import Awaitable

from msgspec import json
from quart import Response

from gateway.api.admin.asking import by
from gateway.api.admin.given import words
from gateway.api.base import json_response
from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.desk.carriers import CarriersDesk


class CarrierCalls:
    def __init__(self, desk: CarriersDesk) -> None:
        self._desk = desk

    async def list_carriers(self) -> Response:
        return json_response(json.encode({"entities": self._desk.all(), "next_cursor": None}))

    async def pause(self, carrier: str) -> Response:
        why = (await words("why")).get("why")
        return await self._done(carrier, self._desk.pause(carrier, by(), why))

    async def drain(self, carrier: str) -> Response:
        why = (await words("why")).get("why")
        return await self._done(carrier, self._desk.drain(carrier, by(), why))

    async def resume(self, carrier: str) -> Response:
        return await self._done(carrier, self._desk.resume(carrier, by()))

    async def rebind(self, carrier: str) -> Response:
        if not await self._desk.rebind(carrier, by()):
            raise _unknown()
        return json_response(json.encode({"name": carrier}), 202)

    async def _done(self, carrier: str, doing: Awaitable[bool]) -> Response:
        """The carrier as it stands then; one that has left the settings is told by its name alone."""
        if not await doing:
            raise _unknown()
        return json_response(json.encode(self._desk.one(carrier) or {"name": carrier}))


def _unknown() -> Problem:
    return Problem(NOT_FOUND, "There is no carrier of this name. GET /admin/carriers lists them.")
