"""GET /admin/audit: who did what by hand."""

from msgspec import json
from quart import Response, request

from gateway.api.base import json_response
from gateway.api.problems import invalid_field
from gateway.api.queries import paging, parameters
from gateway.desk.audit import AuditDesk
from gateway.rules.faults import FaultCode
from gateway.store.audit import What


class AuditCall:
    def __init__(self, desk: AuditDesk) -> None:
        self._desk = desk

    async def audit(self) -> Response:
        given = parameters(request, "who", "what", "limit", "cursor")
        limit, cursor = paging(given)
        what = given.get("what")
        kinds = [kind.value for kind in What]
        if what is not None and what not in kinds:
            raise invalid_field("what", f"must be one of {', '.join(kinds)}", FaultCode.UNKNOWN_VALUE.value)
        return json_response(json.encode(await self._desk.list(limit, cursor, given.get("who"), what)))
