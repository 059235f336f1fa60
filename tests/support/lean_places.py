"""A server that listens for the calls that send alone, what its callers say, and what they hear."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import trio
from served_places import LONG, Place, rest

from gateway.api.account.limits import LimitsOfAll
from gateway.api.direct import Call, Direct
from gateway.api.refusals import Refusals
from gateway.api.submissions import Answered, Created, Post
from gateway.api.tokens import Grant, Tokens
from gateway.identifiers import Identifiers
from gateway.metrics import REGISTRY
from gateway.serving.server import Limits, Server, listener
from gateway.serving.waits import Patience
from gateway.store.allowances.interface import AccountUse

HEAD = b"POST /v1/sms HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer shop\r\nContent-Type: application/json\r\n"
ASK = HEAD + b"Content-Length: 2\r\n\r\n{}"
LAST = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
STREAM = CHUNKED.replace(b"/v1/sms", b"/v1/sms/stream")
BODY_LIMIT = 100_000
GRANT = Grant(hashlib.sha256(b"shop").hexdigest(), "shop", frozenset({"send"}))


class NoUse:
    def account_use(self, account: str) -> AccountUse:
        raise AssertionError(account)


class LeanPlace(Place):
    """Its direct calls answer with what they were sent, and its app says what a test tells it to."""

    def __init__(self, limits: Limits, body_timeout: float, port: int) -> None:
        self.posts: list[Post] = []
        self.asked: list[tuple[Post, Callable[[Answered], None]]] = []
        """Those asked for by a callback, if `takes` says so."""
        self.takes: Callable[[Post], bool] = lambda post: False
        self.may_answer = trio.Event()
        self.may_answer.set()
        self.tokens = Tokens([GRANT])
        self.limits = LimitsOfAll({}, NoUse())
        self.scopes: list[Any] = []
        self.app: Callable[..., Any] | None = None
        ids = Identifiers()
        direct = Direct(
            {"/v1/sms": Call(self._answer, "send", self._ask)},
            self.tokens,
            ids,
            Refusals(),
            self.limits,
            body_limit=BODY_LIMIT,
            body_timeout=body_timeout,
        )
        super().__init__(Server(self._asgi, ids, limits, direct), port)

    def _ask(self, post: Post, done: Callable[[Answered], None]) -> bool:
        if not self.takes(post):
            return False
        self.asked.append((post, done))
        return True

    async def asked_for(self, count: int) -> None:
        """Return once so many are asked for by a callback."""
        with trio.fail_after(30):
            while len(self.asked) < count:
                await trio.lowlevel.checkpoint()

    def tell(self, place: int = 0) -> None:
        """Answer one of those with what it was sent."""
        post, done = self.asked.pop(place)
        done(Created(LONG if post.body == b'"long"' else post.body, {}))

    async def _answer(self, post: Post) -> Created:
        self.posts.append(post)
        await self.may_answer.wait()
        return Created(LONG if post.body == b'"long"' else post.body or b"{}", {})

    async def _asgi(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{what}.complete"})
            return
        self.scopes.append(scope)
        assert self.app is not None
        await self.app(scope, receive, send)


@asynccontextmanager
async def serving(
    *, connections: int = 10, stop_seconds: float = 1.0, body: float = 60.0, **patience: float
) -> AsyncIterator[LeanPlace]:
    limits = Limits(connections, stop_seconds, replace(Patience(linger=0.2, settle=0.0), **patience))
    async with trio.open_nursery() as nursery:
        lean = listener("127.0.0.1:0")
        place = LeanPlace(limits, body, lean.getsockname()[1])
        await nursery.start(place.server.run, [], [lean])
        yield place
        await place.end()


async def said_until(stream: trio.SocketStream, end: bytes, at_a_time: int = 65_536) -> bytes:
    said = b""
    with trio.fail_after(30):
        while not said.endswith(end):
            octets = await stream.receive_some(at_a_time)
            assert octets, said
            said += octets
    return said


async def say_to_the_end(place: LeanPlace, *pieces: bytes) -> list[bytes]:
    """Heads and bodies of all that is answered."""
    async with await place.connect() as stream:
        for piece in pieces:
            await stream.send_all(piece)
        return (await rest(stream)).split(b"\r\n\r\n")


def counted(waited_for: str) -> float:
    value = REGISTRY.get_sample_value("sluice_http_timeouts_total", {"waited_for": waited_for})
    assert value is not None
    return value
