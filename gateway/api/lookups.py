"""GET /v1/sms/{id} and the canceling of a message: what an account asks about one of its own messages.

How a message's story reads is built in timeline.py; lists are message_lists.py's.
"""

from msgspec import json
from quart import Response, g, request

from gateway import identifiers
from gateway.api import timeline
from gateway.api.base import json_response
from gateway.api.bodies import bare_key
from gateway.api.description.schemas import Canceled
from gateway.api.problem_types import ALREADY_SENT
from gateway.api.problems import Problem, not_found
from gateway.api.queries import message_id
from gateway.api.repeats import Repeats
from gateway.messages import Status
from gateway.store.by import by_account
from gateway.store.interface import CancelOutcome, Store


class Lookups:
    def __init__(self, store: Store, repeats: Repeats) -> None:
        self._store = store
        self._repeats = repeats

    async def get_message(self, account: str, id: str) -> Response:  # noqa: A002 - the name in the path
        story = await self._store.message(account, message_id(id))
        if story is None:
            raise not_found("message")
        return json_response(json.encode(timeline.full(story)))

    async def cancel(self, account: str, id: str) -> Response:  # noqa: A002 - the name in the path
        key = await bare_key(request)
        message = message_id(id)

        async def cancel() -> bytes:
            status = Status.CANCELED
            outcome = await self._store.cancel(account, message, by_account(account, g.request_id))
            if outcome is CancelOutcome.NOT_FOUND:
                raise not_found("message")
            if outcome is CancelOutcome.TOO_LATE:
                raise Problem(
                    ALREADY_SENT, "The message was put to a carrier already, or has ended. It was not canceled."
                )
            if outcome is CancelOutcome.ASKED:
                status = Status.SENT
            return json.encode(Canceled(identifiers.public(identifiers.MESSAGE, message), status))

        return await self._repeats.once(account, key, cancel, status=_status_of_cancel)


def _status_of_cancel(answer: bytes) -> int:
    """202 where the end is the carrier's to tell."""
    return 200 if json.decode(answer, type=Canceled).status is Status.CANCELED else 202
