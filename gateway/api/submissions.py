"""POST /v1/sms, /send and /v1/sms/bulk: from a body to its 201. Whether a message is taken is decided in flows/accept.

A 201 is answered only after the accept flow has returned, and so after the commit that holds the messages.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import trio
from msgspec import Struct, json
from quart import Response, g, request

from gateway import identifiers
from gateway.api import problem_types
from gateway.api.account.limits import limit_problem
from gateway.api.base import json_response
from gateway.api.bodies import LARGE_BODY, decode, idempotency_key, read_json
from gateway.api.large_bodies import decode_in_turns, too_many_items
from gateway.api.problems import Problem, invalid_fields
from gateway.api.queries import flag
from gateway.api.refusals import draining_problem
from gateway.api.repeats import REPLAYED, key_reused
from gateway.desk.draining import DrainingDesk
from gateway.flows.accept import Accept, OneAnswered
from gateway.flows.accept_outcomes import (
    BulkAccepted,
    ClientIdInUse,
    Duplicate,
    FirstAnswerErased,
    ItemError,
    OneAccepted,
    OneOutcome,
    OneReplayed,
)
from gateway.flows.entities import Entity
from gateway.rules.faults import ItemErrors
from gateway.settings import Settings
from gateway.store.interface import IdempotencyKey, KeyReused, LimitReached

_encode = json.Encoder().encode
_MOST_ASKED = 4_096
"""Octets of a body that is read where it is heard: others wait meanwhile."""


class Post(NamedTuple):
    """A call that sends, as far as it matters here."""

    account: str
    body: bytes
    key: IdempotencyKey | None
    request_id: int
    flag_duplicates: bool = False
    """Of a bulk."""


class Created(NamedTuple):
    """A 201."""

    body: bytes
    headers: dict[str, str]


Answer = Callable[[Post], Awaitable[Created]]
Answered: TypeAlias = Created | Callable[[], Awaitable[Created]]
"""The 201, or what finds out the answer: it raises what an Answer does."""
Ask = Callable[[Post, Callable[[Answered], None]], bool]
"""Begins what an Answer does; False: nothing was begun."""


class Submissions:
    """The calls that send. At most `bulk_slots` large bodies are worked on at a time, which bounds their memory."""

    def __init__(self, accept: Accept, most_items: int, bulk_slots: int, draining: DrainingDesk) -> None:
        self._accept = accept
        self._draining = draining
        self._most_items = most_items
        self._slots = trio.Semaphore(bulk_slots)

    def reconfigure(self, settings: Settings) -> None:
        """Another limit of items."""
        self._most_items = settings.limits.bulk_items

    async def submit(self, account: str) -> Response:
        return await _through_quart(self.one, account)

    async def submit_bulk(self, account: str) -> Response:
        return await _through_quart(self.bulk, account)

    async def one(self, post: Post) -> Created:
        """Raises a Problem, StoreFull or StoreBusy."""
        return await self._in_turn(self._one, post)

    async def bulk(self, post: Post) -> Created:
        """Raises a Problem, StoreFull or StoreBusy."""
        return await self._in_turn(self._bulk, post)

    def ask_one(self, post: Post, done: Callable[[Answered], None]) -> bool:
        """`one` of a message as most are, by a callback. False: nothing was begun, and it is for `one`, as is what
        raises a Problem here."""
        if self._draining.is_draining or len(post.body) > _MOST_ASKED:
            return False
        message = decode(post.body)
        return self._accept.ask_one(
            post.account, message, request_id=post.request_id, idempotency=post.key, done=partial(_told, done)
        )

    async def _in_turn(self, answer: Answer, post: Post) -> Created:
        # A repeat told that nothing was accepted would be sent elsewhere, and so twice.
        if self._draining.is_draining and not await self._accept.is_repeat(post.account, post.key):
            raise draining_problem()
        if len(post.body) < LARGE_BODY:
            return await answer(post)
        async with self._slots:
            return await answer(post)

    async def _one(self, post: Post) -> Created:
        message = await decode_in_turns(post.body, self._most_items)
        if not isinstance(message, dict):
            hint = "; send an array to /v1/sms/bulk" if isinstance(message, list) else ""
            raise Problem(problem_types.NOT_AN_OBJECT, f"Send one message as an object{hint}.")
        return _created_of(
            await self._accept.submit_one(post.account, message, request_id=post.request_id, idempotency=post.key)
        )

    async def _bulk(self, post: Post) -> Created:
        items = self._items(await decode_in_turns(post.body, self._most_items))
        outcome = await self._accept.submit_bulk(
            post.account,
            items,
            request_id=post.request_id,
            idempotency=post.key,
            flag_duplicates=post.flag_duplicates,
        )
        if isinstance(outcome, KeyReused):
            raise key_reused()
        if isinstance(outcome, FirstAnswerErased):
            raise _first_answer_erased()
        if isinstance(outcome, LimitReached):
            raise limit_problem(outcome)
        return Created(bulk_body(outcome), REPLAYED if outcome.replayed else {})

    def _items(self, body: Any) -> list[Any]:
        if not isinstance(body, list):
            raise Problem(problem_types.NOT_AN_ARRAY, _hint_of_wrapped(body))
        if not body:
            raise Problem(problem_types.EMPTY_BULK, "Send at least one message.")
        if len(body) > self._most_items:
            raise too_many_items(len(body), self._most_items)
        return body


class _Bulk(Struct):
    """The body of a bulk's 201."""

    submission_id: str
    entities: list[Entity]
    errors: list[ItemError]


def bulk_body(bulk: BulkAccepted) -> bytes:
    """The 201 of a bulk."""
    submission_id = identifiers.public(identifiers.SUBMISSION, bulk.submission)
    return _encode(_Bulk(submission_id, bulk.entities, bulk.errors))


async def _through_quart(answer: Answer, account: str) -> Response:
    body = await read_json(request)
    key = idempotency_key(request, body)
    created = await answer(Post(account, body, key, g.request_id, flag(request.args, "flag_duplicates")))
    return json_response(created.body, 201, created.headers)


def _told(done: Callable[[Answered], None], outcome: OneAnswered) -> None:
    done(_created(outcome.entity, {}) if isinstance(outcome, OneAccepted) else partial(_created_by, outcome))


async def _created_by(find: Callable[[], Awaitable[OneOutcome]]) -> Created:
    return _created_of(await find())


def _created_of(outcome: OneOutcome) -> Created:
    """Raises a Problem for what is no 201."""
    match outcome:
        case OneAccepted(entity):
            return _created(entity, {})
        case OneReplayed(entity):
            return _created(entity, REPLAYED)
        case ItemErrors(fields, codes):
            raise invalid_fields(fields, codes)
        case ClientIdInUse(message_id):
            raise _client_id_in_use(message_id)
        case Duplicate(message_id):
            raise _duplicate(message_id)
        case LimitReached():
            raise limit_problem(outcome)
        case KeyReused():
            raise key_reused()
        case FirstAnswerErased():
            raise _first_answer_erased()


def _created(entity: Entity, headers: dict[str, str]) -> Created:
    return Created(_encode(entity), {"Location": f"/v1/sms/{entity.id}", **headers})


def _client_id_in_use(holder: int) -> Problem:
    return Problem(
        problem_types.CLIENT_ID_IN_USE,
        "Another message has this client_id. Nothing was accepted.",
        members={"message_id": identifiers.public(identifiers.MESSAGE, holder)},
    )


def _duplicate(first: int) -> Problem:
    return Problem(
        problem_types.DUPLICATE,
        "The same text to this number was accepted moments ago. Nothing was accepted now.",
        members={"message_id": identifiers.public(identifiers.MESSAGE, first)},
    )


def _first_answer_erased() -> Problem:
    detail = "This Idempotency-Key came before, and what was accepted then is no longer kept. Nothing was accepted now."
    return Problem(problem_types.FIRST_ANSWER_ERASED, detail)


def _hint_of_wrapped(body: Any) -> str:
    wrapped = isinstance(body, dict) and any(isinstance(value, list) for value in body.values())
    return f"Send the array itself{', without the object around it' if wrapped else ''}: [{{...}}, {{...}}]."
