"""One call of the API as the tables of operations describe it, and what the calls of several tables have in common."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.api import problem_types
from gateway.api.problem_types import ProblemType
from gateway.settings import Scope


class Answer(NamedTuple):
    """A success."""

    status: int
    schema: Any
    """None: there is no body."""
    description: str
    headers: tuple[str, ...] = ()
    others: Mapping[str, str] = MappingProxyType({})
    """Bodies that are no JSON: an example by content type."""


class Parameter(NamedTuple):
    name: str
    schema: dict[str, Any]
    description: str
    required: bool = False


class Operation(NamedTuple):
    name: str
    """operationId, and the name of the handler."""
    method: str
    path: str
    scope: Scope | None
    """None: open to anyone."""
    summary: str
    answers: tuple[Answer, ...]
    problems: tuple[ProblemType, ...] = ()
    body: Any = None
    query: tuple[Parameter, ...] = ()
    keyed: bool = False
    """Takes an Idempotency-Key."""
    other_bodies: Mapping[str, str] = MappingProxyType({})
    """Bodies that are no JSON: an example by content type."""


BODY = (
    problem_types.INVALID_JSON,
    problem_types.UNSUPPORTED_MEDIA_TYPE,
    problem_types.BODY_TOO_LARGE,
    problem_types.REQUEST_TIMEOUT,
)
"""What may be wrong with a body of JSON."""
REPEATED = (problem_types.INVALID_IDEMPOTENCY_KEY, problem_types.IDEMPOTENCY_KEY_REUSED, problem_types.STORE_BUSY)
AGAIN = ("Idempotent-Replayed",)

LIMIT = Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "Most entries of a page.")
CURSOR = Parameter("cursor", {"type": "string"}, "`next_cursor` of the page before.")
