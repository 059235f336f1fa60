"""Who asks a call of /admin: the operator whose token it bears, what that one sees, and how the audit names it."""

from collections.abc import Callable
from typing import Any

from quart import Response, g, request

from gateway.api.base import Handler
from gateway.api.problem_types import INSUFFICIENT_SCOPE
from gateway.api.problems import Problem
from gateway.api.tokens import REALM, bearer, not_valid
from gateway.desk.masks import Sight
from gateway.desk.operators import Operator, Operators
from gateway.store.by import By

_LOOKING = frozenset({"GET", "HEAD"})


def guarded(handler: Handler, operators: Operators) -> Callable[..., Any]:
    """A call for operators' tokens alone; those of viewers may look. Its handler finds who asks in `g.operator`."""

    async def view(**path: Any) -> Response:
        operator = operators.by_secret(bearer(request.headers.get("Authorization")))
        if operator is None:
            raise not_valid()
        if request.method not in _LOOKING:
            check_may_act(operator)
        g.operator = operator
        return await handler(**path)

    return view


def check_may_act(operator: Operator) -> None:
    """Raises a Problem 403 for a viewer."""
    if not operator.may_act:
        raise Problem(
            INSUFFICIENT_SCOPE,
            "The token is a viewer's, which may look but not act.",
            headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'},
        )


def asks() -> Operator:
    """Whose call it is."""
    operator: Operator = g.operator
    return operator


def sight() -> Sight:
    """What the call's answer shows of numbers."""
    return asks().sight


def by() -> By:
    """Whose doing it is, for the audit."""
    return asks().by(g.request_id)
