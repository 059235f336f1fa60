"""POST /v1/sms/preview: what POST /v1/sms would do with the same body. What that is, gateway/flows/preview.py says."""

from msgspec import json
from quart import Response, request

from gateway.api import problem_types
from gateway.api.base import json_response
from gateway.api.bodies import read_json
from gateway.api.large_bodies import decode_in_turns
from gateway.api.problems import Problem, invalid_fields
from gateway.flows.preview import Previews
from gateway.rules.faults import ItemErrors


class PreviewCall:
    def __init__(self, previews: Previews) -> None:
        self._previews = previews

    async def preview(self, account: str) -> Response:
        """Nothing is kept: a repeat is a new preview, whatever its Idempotency-Key."""
        body = await decode_in_turns(await read_json(request), 1)
        if not isinstance(body, dict):
            raise Problem(problem_types.NOT_AN_OBJECT, "Send one message as an object.")
        found = await self._previews.preview(account, body)
        if isinstance(found, ItemErrors):
            raise invalid_fields(found.fields, found.codes)
        return json_response(json.encode(found))
