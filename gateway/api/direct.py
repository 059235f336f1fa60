"""The calls that send, answered past the framework where nothing about them is unusual: it takes most of their cost.

Whatever is unusual about the head of a request leaves it to Quart, which answers just the same: a test holds the two
equal. What an answer says is gateway/api/submissions.py's.
"""

from collections.abc import Mapping
from typing import NamedTuple

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from gateway import identifiers
from gateway.api import problems
from gateway.api.account.limits import LimitsOfAll
from gateway.api.base import logged
from gateway.api.bodies import key_of
from gateway.api.problems import Problem
from gateway.api.refusals import Refusals
from gateway.api.submissions import Answer, Post
from gateway.api.tokens import Tokens
from gateway.identifiers import Identifiers
from gateway.metrics import HTTP_TIMEOUTS
from gateway.store.interface import StoreBusy, StoreFull

_JSON = b"application/json"
_MOST_DIGITS = 12
"""Of a Content-Length."""


class Call(NamedTuple):
    """A POST, and who may do it."""

    answer: Answer
    scope: str


class _Request(NamedTuple):
    """A head with nothing unusual about it."""

    path: str
    call: Call
    account: str
    keys: list[str]


class Direct:
    """`calls` are by path. `body_timeout`: seconds in which a body has to arrive."""

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
        self._body_limit = body_limit
        self._body_timeout = body_timeout

    async def take(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        """Answer the request; False: it is for Quart, and nothing of it was read.

        A caller that goes away while its messages are filed is not looked for: they are filed all the same.
        """
        request = self._plain(scope)
        if request is None:
            return False
        request_id = self._ids.next()
        try:
            self._limits.admit(request.account)
        except Problem as problem:
            await self._refuse(request, problem, request_id, send)
            return True
        with trio.move_on_after(self._body_timeout) as waiting:
            body = await _read(receive)
        if waiting.cancelled_caught:
            HTTP_TIMEOUTS.labels("body").inc()
            late = Problem(problems.REQUEST_TIMEOUT, "The body did not arrive in time.")
            await self._refuse(request, late, request_id, send)
        elif body is not None:
            await self._answer(request, body, request_id, send)
        return True

    def _plain(self, scope: Scope) -> _Request | None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["root_path"] or scope["query_string"]:
            return None
        call = self._calls.get(scope["path"])
        if call is None:
            return None
        headers = list(scope["headers"])
        head = dict(headers)
        length = head.get(b"content-length", b"")
        if (
            len(head) != len(headers)
            or head.get(b"content-type") != _JSON
            or b"content-encoding" in head
            # The server holds a body to the length that was said, but not one in chunks, whatever length it says.
            or b"transfer-encoding" in head
            or not length.isdigit()
            or len(length) > _MOST_DIGITS
            or int(length) > self._body_limit
        ):
            return None
        account = self._tokens.plain_owner(head.get(b"authorization", b"").decode("latin-1"), call.scope)
        if account is None:
            return None
        key = head.get(b"idempotency-key")
        return _Request(scope["path"], call, account, [] if key is None else [key.decode("latin-1")])

    async def _answer(self, request: _Request, body: bytes, request_id: int, send: ASGISendCallable) -> None:
        try:
            key = key_of(request.keys, "POST", request.path, body)
            created = await request.call.answer(Post(request.account, body, key, request_id))
        except (Problem, StoreFull, StoreBusy) as error:
            await self._refuse(request, self._refusals.problem_of(error), request_id, send)
        except Exception as error:  # noqa: BLE001 - what Quart does for the other calls: logged, and answered with 500
            await self._refuse(request, logged(error, f"POST {request.path}", request_id), request_id, send)
        else:
            headers = {**created.headers, **self._limits.headers(request.account)}
            await _send(send, 201, _JSON, headers, created.body, request_id)

    async def _refuse(self, request: _Request, problem: Problem, request_id: int, send: ASGISendCallable) -> None:
        headers = {**problem.headers, **self._limits.headers(request.account)}
        kind = problems.CONTENT_TYPE.encode()
        await _send(send, problem.kind.status, kind, headers, problem.body(request_id), request_id)


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


async def _send(
    send: ASGISendCallable, status: int, content_type: bytes, more: Mapping[str, str], body: bytes, request_id: int
) -> None:
    headers = [
        *[(name.lower().encode(), value.encode()) for name, value in more.items()],
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"request-id", identifiers.public(identifiers.REQUEST, request_id).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
