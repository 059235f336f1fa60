"""GET /admin/route: where a message would go and why. What decides and the words are gateway/flows/explain.py's."""

from msgspec import json
from quart import Response, request

from gateway.api.base import json_response
from gateway.api.problems import invalid_field, invalid_fields
from gateway.api.queries import parameters
from gateway.flows.explain import Explainer, RouteQuestion
from gateway.rules.faults import FaultCode, ItemErrors


class RouteCall:
    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer

    async def route(self) -> Response:
        """`route` is null where none takes it; `lines` say why."""
        given = parameters(request, *RouteQuestion._fields)
        if "number" not in given:
            raise invalid_field("number", "is missing", FaultCode.MISSING.value)
        found = await self._explainer.explain(RouteQuestion(**given))
        if isinstance(found, ItemErrors):
            raise invalid_fields(found.fields, found.codes, done="Nothing was looked up")
        return json_response(json.encode({"route": found.route, "lines": found.lines}))
