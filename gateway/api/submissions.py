"""POST /v1/sms, /send and /v1/sms/bulk: from a body to its 201. Whether a message is taken is decided in flows/accept.

A 201 is answered only after the accept flow has returned, and so after the commit that holds the messages.
"""

from typing import Any

import trio
from msgspec import json
from quart import Response, g, request

from gateway import identifiers
from gateway.api import problems
from gateway.api.base import json_response
from gateway.api.bodies import LARGE_BODY, decode, idempotency_key, read_json
from gateway.api.problems import Problem, invalid_fields
from gateway.api.repeats import REPLAYED, key_reused
from gateway.flows.accept import Accept, BulkAccepted, ClientIdInUse, FirstAnswerErased, OneAccepted, OneReplayed
from gateway.flows.entities import Entity
from gateway.rules.faults import ItemErrors
from gateway.store.interface import IdempotencyKey, KeyReused

_encode = json.Encoder().encode


class Submissions:
    """The calls that send. At most `bulk_slots` large bodies are worked on at a time, which bounds their memory."""

    def __init__(self, accept: Accept, most_items: int, bulk_slots: int) -> None:
        self._accept = accept
        self._most_items = most_items
        self._slots = trio.Semaphore(bulk_slots)

    async def submit(self, account: str) -> Response:
        body = await read_json(request)
        key = idempotency_key(request, body)
        if len(body) < LARGE_BODY:
            return await self._submit(account, body, key)
        async with self._slots:
            return await self._submit(account, body, key)

    async def submit_bulk(self, account: str) -> Response:
        body = await read_json(request)
        key = idempotency_key(request, body)
        if len(body) < LARGE_BODY:
            return await self._submit_bulk(account, body, key)
        async with self._slots:
            return await self._submit_bulk(account, body, key)

    async def _submit(self, account: str, body: bytes, key: IdempotencyKey | None) -> Response:
        message = decode(body)
        if not isinstance(message, dict):
            hint = "; send an array to /v1/sms/bulk" if isinstance(message, list) else ""
            raise Problem(problems.NOT_AN_OBJECT, f"Send one message as an object{hint}.")
        match await self._accept.submit_one(account, message, request_id=g.request_id, idempotency=key):
            case OneAccepted(entity):
                return _created(entity, {})
            case OneReplayed(entity):
                return _created(entity, REPLAYED)
            case ItemErrors(fields, codes):
                raise invalid_fields(fields, codes)
            case ClientIdInUse(message_id):
                raise _client_id_in_use(message_id)
            case KeyReused():
                raise key_reused()
            case FirstAnswerErased():
                raise _first_answer_erased()

    async def _submit_bulk(self, account: str, body: bytes, key: IdempotencyKey | None) -> Response:
        items = self._items(decode(body))
        outcome = await self._accept.submit_bulk(account, items, request_id=g.request_id, idempotency=key)
        if isinstance(outcome, KeyReused):
            raise key_reused()
        if isinstance(outcome, FirstAnswerErased):
            raise _first_answer_erased()
        return json_response(bulk_body(outcome), 201, REPLAYED if outcome.replayed else {})

    def _items(self, body: Any) -> list[Any]:
        if not isinstance(body, list):
            raise Problem(problems.NOT_AN_ARRAY, _hint_of_wrapped(body))
        if not body:
            raise Problem(problems.EMPTY_BULK, "Send at least one message.")
        if len(body) > self._most_items:
            raise Problem(
                problems.TOO_MANY_ITEMS,
                f"The array holds {len(body):,} messages; at most {self._most_items:,} go into one call.",
                members={"limit": self._most_items},
            )
        return body


def bulk_body(bulk: BulkAccepted) -> bytes:
    """The 201 of a bulk: each entity is rendered as in the 201 of one message, with its `index` in front."""
    entities = [b'{"index":%d,%b' % (index, _encode(entity)[1:]) for index, entity in bulk.entities]
    return b'{"submission_id":"%b","entities":[%b],"errors":%b}' % (
        identifiers.public(identifiers.SUBMISSION, bulk.submission).encode(),
        b",".join(entities),
        _encode(bulk.errors),
    )


def _created(entity: Entity, headers: dict[str, str]) -> Response:
    return json_response(_encode(entity), 201, {"Location": f"/v1/sms/{entity.id}", **headers})


def _client_id_in_use(holder: int) -> Problem:
    return Problem(
        problems.CLIENT_ID_IN_USE,
        "Another message has this client_id. Nothing was accepted.",
        members={"message_id": identifiers.public(identifiers.MESSAGE, holder)},
    )


def _first_answer_erased() -> Problem:
    detail = "This Idempotency-Key came before, and what was accepted then is no longer kept. Nothing was accepted now."
    return Problem(problems.FIRST_ANSWER_ERASED, detail)


def _hint_of_wrapped(body: Any) -> str:
    wrapped = isinstance(body, dict) and any(isinstance(value, list) for value in body.values())
    return f"Send the array itself{', without the object around it' if wrapped else ''}: [{{...}}, {{...}}]."
