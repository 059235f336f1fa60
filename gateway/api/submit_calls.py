"""The app as the lean listener has it: the calls that send, and of all others who has them."""

from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

from gateway.api import problem_types
from gateway.api.problems import Problem
from gateway.api.replies import refusal_of, send_reply
from gateway.identifiers import Identifiers

SUBMIT_PATHS = ("/send", "/v1/sms", "/v1/sms/bulk", "/v1/sms/stream")


class SubmitCalls:
    """`app` answers the POSTs that send."""

    def __init__(self, app: ASGIFramework, ids: Identifiers) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """One request."""
        problem = _refusal(scope["path"], scope["method"]) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await send_reply(send, refusal_of(problem, self._ids.next(), {}))


def _refusal(path: str, method: str) -> Problem | None:
    if path not in SUBMIT_PATHS:
        return Problem(
            problem_types.NOT_FOUND,
            f"This listener (http.submit_listen) has POST {', '.join(SUBMIT_PATHS)} alone; all other calls are on the "
            "listener of http.listen.",
        )
    if method != "POST":
        return Problem(
            problem_types.METHOD_NOT_ALLOWED,
            f"This listener (http.submit_listen) takes POST here, not {method[:20]}; other calls are on the listener "
            "of http.listen.",
            headers={"Allow": "POST"},
        )
    return None
