"""Calls with an Idempotency-Key that do not submit: carried out once, and their first answer given again.

Submissions keep theirs in the transaction that files them; how a key is read is told by bodies.py.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import trio
from quart import Response

from gateway.api.base import json_response
from gateway.api.problem_types import IDEMPOTENCY_KEY_REUSED
from gateway.api.problems import Problem
from gateway.store.interface import IdempotencyKey, KeyReused

REPLAYED = {"Idempotent-Replayed": "true"}
"""Header of an answer that was given before."""


class AnswerStore(Protocol):
    """What repeating asks of a store."""

    async def kept_answer(self, account: str, idempotency: IdempotencyKey) -> bytes | KeyReused | None: ...

    async def keep_answer(self, account: str, idempotency: IdempotencyKey, answer: bytes) -> None: ...


class Repeats:
    """Equal calls at the same moment are one call."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._under_way: dict[tuple[str, str], trio.Event] = {}

    async def once(
        self,
        account: str,
        key: IdempotencyKey | None,
        act: Callable[[], Awaitable[bytes]],
        *,
        status: int | Callable[[bytes], int],
    ) -> Response:
        """The JSON that `act` gives, or gave first under this key. A Problem that it raises uses the key up for nobody.

        `status`: that of any answer, or how to tell it by the answer. Raises a Problem 422 for a key of another call.
        """
        if key is None:
            return _response(await act(), status)
        name = (account, key.key)
        while (earlier := self._under_way.get(name)) is not None:
            await earlier.wait()
        self._under_way[name] = trio.Event()
        try:
            kept = await self._store.kept_answer(account, key)
            if isinstance(kept, KeyReused):
                raise key_reused()
            if kept is not None:
                return _response(kept, status, REPLAYED)
            # A caller that hangs up between the two would have it done again by its repeat.
            with trio.CancelScope(shield=True):
                answer = await act()
                await self._store.keep_answer(account, key, answer)
            return _response(answer, status)
        finally:
            self._under_way.pop(name).set()


def _response(answer: bytes, status: int | Callable[[bytes], int], headers: dict[str, str] | None = None) -> Response:
    return json_response(answer, status if isinstance(status, int) else status(answer), headers)


def key_reused() -> Problem:
    """A 422: the key belongs to another call."""
    detail = "This Idempotency-Key came before with another body or on another path. Nothing was done."
    return Problem(IDEMPOTENCY_KEY_REUSED, detail)
