"""The calls that send, answered past the framework where nothing about them is unusual: it takes most of their cost.

Whatever is unusual about the head of a request leaves it to Quart, which answers just the same: a test holds the two
equal. What an answer says is gateway/api/submissions.py's. `take` is for ASGI; the lean listener (gateway/serving/)
asks `plain` or `again`, `admit`, and `ask` or `answer` itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple, TypeAlias

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from gateway.api import problem_types, problems
from gateway.api.account.limits import LimitsOfAll
from gateway.api.base import logged
from gateway.api.bodies import key_of
from gateway.api.problems import Problem
from gateway.api.refusals import Refusals
from gateway.api.replies import Reply, refusal_of, send_reply
from gateway.api.submissions import Answer, Answered, Ask, Created, Post
from gateway.api.tokens import Tokens
from gateway.identifiers import Identifiers
from gateway.metrics import HTTP_TIMEOUTS
from gateway.store.interface import StoreBusy, StoreFull

_JSON = "application/json"
_JSON_TYPES = frozenset(
    {
        b"application/json",
        *(b"application/json;%bcharset=%b" % (gap, name) for gap in (b"", b" ") for name in (b"utf-8", b"UTF-8")),
    }
)
_MOST_DIGITS = 12
"""Of a Content-Length."""


class Call(NamedTuple):
    """A POST, and who may do it."""

    answer: Answer
    scope: str
    ask: Ask | None = None
    """The same by a callback, for usual bodies, where there is one."""


class PlainPost(NamedTuple):
    """A head with nothing unusual about it."""

    path: str
    call: Call
    account: str
    keys: list[str]
    request_id: int
    generation: int
    """Of the tokens that it was judged by."""


Replied: TypeAlias = Reply | Callable[[], Awaitable[Reply]]
"""The answer, or what finds it out."""


class Direct:
    """`calls` are by path. `body_timeout`: seconds in which a body has to arrive; `body_limit`: its most octets."""

    def __init__(
        self,
        calls: Mapping[str, Call],
        tokens: Tokens,
        ids: Identifiers,
        refusals: Refusals,
        limits: LimitsOfAll,
        *,
        body_limit: int,
        body_timeout: float,
    ) -> None:
        self._calls = calls
        self._tokens = tokens
        self._ids = ids
        self._refusals = refusals
        self._limits = limits
        self.body_limit = body_limit
        self.body_timeout = body_timeout

    async def take(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Answer the request; False: it is for Quart, and nothing of it was read.

        A caller that goes away while its messages are filed is not looked for: they are filed all the same.
        """
        request = self._plain_of(scope)
        if request is None:
            return False
        refusal = self.admit(request)
        if refusal is not None:
            await send_reply(send, refusal)
            return True
        with trio.move_on_after(self.body_timeout) as waiting:
            body = await _read(receive)
        if waiting.cancelled_caught:
            await send_reply(send, self.late(request))
        elif body is not None:
            await send_reply(send, await self.answer(request, body))
        return True

    def _plain_of(self, scope: Scope) -> PlainPost | None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["root_path"] or scope["query_string"]:
            return None
        if scope["path"] not in self._calls:
            return None
        headers = list(scope["headers"])
        head = dict(headers)
        # The server holds a body to the length that was said, but not one in chunks, whatever length it says.
        if len(head) != len(headers) or b"transfer-encoding" in head:
            return None
        length = length_of(head)
        if length is None or length > self.body_limit:
            return None
        return self.plain(scope["path"], head)

    def plain(self, path: str, head: Mapping[bytes, bytes]) -> PlainPost | None:
        """The POST of a head with nothing unusual about it; None: it is for Quart.

        `head`: the values by their names in small letters, each of which came once. The body's length is not looked at.
        """
        call = self._calls.get(path)
        if call is None or head.get(b"content-type") not in _JSON_TYPES or b"content-encoding" in head:
            return None
        account = self._tokens.plain_owner(head.get(b"authorization", b"").decode("latin-1"), call.scope)
        if account is None:
            return None
        return PlainPost(path, call, account, _keys(head), self._ids.next(), self._tokens.generation)

    def again(self, request: PlainPost, head: Mapping[bytes, bytes]) -> PlainPost | None:
        """The next POST, whose head is the same but for its key and the length of its body, not looked at here either;
        None: it has to be looked at anew."""
        if request.generation != self._tokens.generation:
            return None
        path, call, account, _, _, generation = request
        return PlainPost(path, call, account, _keys(head), self._ids.next(), generation)

    def admit(self, request: PlainPost) -> Reply | None:
        """Count the request; the refusal of one too many."""
        try:
            self._limits.admit(request.account)
        except Problem as problem:
            return self._refused(request, problem)
        return None

    async def answer(self, request: PlainPost, body: bytes) -> Reply:
        """Of a request that was admitted, with its whole body."""
        return await self._reply(request, partial(_called, request, body))

    def ask(self, request: PlainPost, body: bytes, done: Callable[[Replied], None]) -> bool:
        """`answer` by a callback, without a task for who waits: told between two commits, of a usual body. False:
        nothing was begun, and it is for `answer`."""
        ask = request.call.ask
        if ask is None:
            return False
        try:
            return ask(_post(request, body), partial(self._told, request, done))
        except Exception:  # noqa: BLE001 - of the body, before the store is asked: `answer` tells of it
            return False

    def _told(self, request: PlainPost, done: Callable[[Replied], None], created: Answered) -> None:
        done(
            self._created(request, created) if isinstance(created, Created) else partial(self._reply, request, created)
        )

    async def _reply(self, request: PlainPost, find: Callable[[], Awaitable[Created]]) -> Reply:
        try:
            created = await find()
        except (Problem, StoreFull, StoreBusy) as error:
            return self._refused(request, self._refusals.problem_of(error))
        except Exception as error:  # noqa: BLE001 - what Quart does for the other calls: logged, and answered with 500
            return self._refused(request, logged(error, f"POST {request.path}", request.request_id))
        return self._created(request, created)

    def _created(self, request: PlainPost, created: Created) -> Reply:
        limits = self._limits.headers(request.account)
        headers = {**created.headers, **limits} if limits else created.headers
        return Reply(201, _JSON, headers, created.body, request.request_id)

    def late(self, request: PlainPost) -> Reply:
        """To a body that did not arrive within `body_timeout`."""
        HTTP_TIMEOUTS.labels("body").inc()
        return self._refused(request, Problem(problem_types.REQUEST_TIMEOUT, "The body did not arrive in time."))

    def too_large(self, request: PlainPost) -> Reply:
        """To a body of more than `body_limit` octets."""
        return self._refused(request, problems.body_too_large(self.body_limit))

    def _refused(self, request: PlainPost, problem: Problem) -> Reply:
        return refusal_of(problem, request.request_id, self._limits.headers(request.account))


def _keys(head: Mapping[bytes, bytes]) -> list[str]:
    key = head.get(b"idempotency-key")
    return [] if key is None else [key.decode("latin-1")]


def _post(request: PlainPost, body: bytes) -> Post:
    """Raises a Problem for a wrong Idempotency-Key."""
    key = key_of(request.keys, "POST", request.path, body)
    return Post(request.account, body, key, request.request_id)


async def _called(request: PlainPost, body: bytes) -> Created:
    return await request.call.answer(_post(request, body))


def length_of(head: Mapping[bytes, bytes]) -> int | None:
    """The Content-Length; None where there is none that is usual."""
    length = head.get(b"content-length", b"")
    return int(length) if length.isdigit() and len(length) <= _MOST_DIGITS else None


async def _read(receive: ASGIReceiveCallable) -> bytes | None:
    """The whole body; None: the caller went away."""
    chunks: list[bytes] = []
    while True:
        event = await receive()
        if event["type"] != "http.request":
            return None
        chunks.append(event["body"])
        if not event["more_body"]:
            return b"".join(chunks)
