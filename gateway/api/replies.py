"""Answers made without the framework: what is beside the body in each of them, and how ASGI is told of one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from gateway import identifiers
from gateway.api import problems
from gateway.api.problems import Problem


class Reply(NamedTuple):
    """An answer, without what every answer says."""

    status: int
    content_type: str
    headers: Mapping[str, str]
    """Further ones."""
    body: bytes
    request_id: int


def refusal_of(problem: Problem, request_id: int, headers: Mapping[str, str]) -> Reply:
    """The problem, with such headers beside its own."""
    more = {**problem.headers, **headers}
    return Reply(problem.kind.status, problems.CONTENT_TYPE, more, problem.body(request_id), request_id)


def headers_of(reply: Reply) -> list[tuple[bytes, bytes]]:
    """All of its headers, with what every answer says."""
    return [
        *[(name.lower().encode(), value.encode()) for name, value in reply.headers.items()],
        (b"content-type", reply.content_type.encode()),
        (b"content-length", b"%d" % len(reply.body)),
        (b"request-id", identifiers.public(identifiers.REQUEST, reply.request_id).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]


async def send_reply(send: Callable[[Any], Awaitable[None]], reply: Reply, event: str = "http.response") -> None:
    """The answer as ASGI's events, of this name."""
    headers = headers_of(reply)
    await send({"type": f"{event}.start", "status": reply.status, "headers": headers, "trailers": False})
    await send({"type": f"{event}.body", "body": reply.body, "more_body": False})
