"""/admin/opt-outs: those of any account, by support: thin over gateway/desk/opt_outs.py."""

from collections.abc import Awaitable
from typing import TypeVar

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by, sight
from gateway.api.admin.given import words
from gateway.api.base import json_response, no_content
from gateway.api.consents.calls import after_cursor, cursor_of
from gateway.api.filters import refusing_wrong
from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.api.queries import not_a_cursor, paging, parameters
from gateway.desk.masks import Sight
from gateway.desk.opt_outs import OptOutsDesk, Position
from gateway.desk.places import Places

T = TypeVar("T")


class OptOutCalls:
    def __init__(self, desk: OptOutsDesk) -> None:
        self._desk = desk
        self._places = Places[Position]()

    async def list_opt_outs(self, account: str) -> Response:
        given = parameters(request, "limit", "cursor")
        after = self._after(given.pop("cursor", None))
        limit, _ = paging(given)
        entities, following = await _right(self._desk.list(account, limit, after, sight()))
        return json_response(json.encode({"entities": entities, "next_cursor": self._next(following)}))

    def _after(self, cursor: str | None) -> Position:
        """A cursor says a number, so a viewer gets and gives a name for it. Raises a Problem 422."""
        if cursor is None or sight() is Sight.WHOLE:
            return after_cursor(cursor)
        position = self._places.of(cursor)
        if position is None:
            raise not_a_cursor()
        return position

    def _next(self, following: Position | None) -> str | None:
        if following is None:
            return None
        return cursor_of(following) if sight() is Sight.WHOLE else self._places.kept(following)

    async def get(self, account: str, number: str) -> Response:
        found = await _right(self._desk.find(account, number, sight()))
        if not found:
            raise _none()
        return json_response(json.encode({"entities": found, "next_cursor": None}))

    async def put(self, account: str, number: str) -> Response:
        given = await words("sender", "why")
        kept = await _right(self._desk.put(account, number, given.get("sender"), given.get("why"), by(), sight()))
        return json_response(json.encode(kept), 201 if kept.pop("is_new") else 200)

    async def delete(self, account: str, number: str) -> Response:
        sender = parameters(request, "sender").get("sender")
        if not await _right(self._desk.delete(account, number, sender, by())):
            raise _none()
        return no_content()


async def _right(asking: Awaitable[T]) -> T:
    """Raises a Problem 422."""
    with refusing_wrong("Nothing was changed"):
        return await asking


def _none() -> Problem:
    return Problem(NOT_FOUND, "The account has no opt-out of this number.")
