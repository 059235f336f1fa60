"""The operators' calls for what a restore holds: `/admin/held`; and for saying that a backup was taken."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by, sight
from gateway.api.base import json_response
from gateway.api.bodies import decode, read_json
from gateway.api.problem_types import NOT_AN_OBJECT
from gateway.api.problems import Problem, invalid_fields
from gateway.api.queries import paging, parameters
from gateway.desk.faults import WrongFields
from gateway.desk.held import FILTERS, HeldDesk
from gateway.rules.faults import Fault, FaultCode, ItemErrors
from gateway.store.by import By
from gateway.store.interface import Store

_MOST_NAME = 200
_SHA256_DIGITS = 64


class HeldCalls:
    """Thin over the desk."""

    def __init__(self, desk: HeldDesk) -> None:
        self._desk = desk

    async def held(self) -> Response:
        parameters(request)
        return _answer({"held": await self._desk.summary()})

    async def messages(self) -> Response:
        given = parameters(request, "limit", "cursor", *FILTERS)
        limit, cursor = paging(given)
        wanted = {name: value for name, value in given.items() if name in FILTERS}
        try:
            return _answer(await self._desk.list(limit, cursor, wanted, sight()))
        except WrongFields as wrong:
            raise invalid_fields(wrong.fields, wrong.codes, done="Nothing was looked up") from None

    async def release(self) -> Response:
        return await self._order(self._desk.release, "released")

    async def end(self) -> Response:
        return await self._order(self._desk.end, "ended")

    async def _order(self, order: Callable[[Mapping[str, str], By], Awaitable[int]], name: str) -> Response:
        wanted = await _texts()
        try:
            return _answer({name: await order(wanted, by())}, 202)
        except WrongFields as wrong:
            raise invalid_fields(wrong.fields, wrong.codes, done="Nothing was done") from None


class BackupCall:
    """What `sluice backup` says when it has taken one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def taken(self) -> Response:
        given, errors = await _texts(), ItemErrors()
        for name, most in (("name", _MOST_NAME), ("sha256", _SHA256_DIGITS)):
            if not 0 < len(given.get(name, "")) <= most:
                errors.add(name, Fault(f"must have 1 to {most} characters", FaultCode.MISSING))
        if errors.fields:
            raise invalid_fields(errors.fields, errors.codes, done="Nothing was written down")
        await self._store.backup_taken(f"{given['name']} sha256:{given['sha256']}", by=by())
        return _answer({"name": given["name"]})


async def _texts() -> dict[str, str]:
    """The body: an object of texts; what is null is not given."""
    body = decode(await read_json(request))
    if not isinstance(body, dict):
        raise Problem(NOT_AN_OBJECT, 'Send an object such as {"account": "shop"}; {} means all.')
    errors = ItemErrors()
    for name, value in body.items():
        if value is not None and not isinstance(value, str):
            errors.add(name[:40], Fault("must be a text", FaultCode.WRONG_TYPE))
    if errors.fields:
        raise invalid_fields(errors.fields, errors.codes, done="Nothing was done")
    return {name: value for name, value in body.items() if value is not None}


def _answer(told: Any, status: int = 200) -> Response:
    return json_response(json.encode(told), status)
