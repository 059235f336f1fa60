"""/admin/drain and /admin/stop: thin over gateway/desk/draining.py."""

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by
from gateway.api.base import json_response
from gateway.api.queries import flag, parameters
from gateway.desk.draining import DrainingDesk


class DrainCalls:
    def __init__(self, desk: DrainingDesk) -> None:
        self._desk = desk

    async def state(self) -> Response:
        receipts = flag(parameters(request, "receipts"), "receipts")
        return json_response(json.encode(await self._desk.state(receipts=receipts)))

    async def start(self) -> Response:
        await self._desk.start(by())
        return json_response(json.encode(await self._desk.state()))

    async def stop(self) -> Response:
        await self._desk.stop(by())
        return json_response(json.encode(await self._desk.state()))

    async def end(self) -> Response:
        await self._desk.end(by())
        return json_response(json.encode({"stopping": True}), 202)
