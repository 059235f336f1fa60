"""What the apps of both listeners share: request ids, and a problem document for every error, unexpected ones logged.

The calls are in submissions, lookups, outbox, health and operators; app.py and operators.py put them together.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from quart import Response, g, request
from quart.ctx import RequestContext
from quart.typing import ResponseReturnValue, ResponseTypes
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.routing import MapAdapter

from gateway import identifiers
from gateway.api import problem_types, problems
from gateway.api.account.limits import LimitsOfAll
from gateway.api.description.problem_pages import problem_page
from gateway.api.problem_types import ProblemType
from gateway.api.problems import Problem
from gateway.api.refusals import Expected, Refusals
from gateway.api.replies import refusal_of, send_reply
from gateway.api.uploads.streamed import Connection
from gateway.identifiers import Identifiers
from gateway.logs import quoted, stack_of
from gateway.metrics import HTTP_TIMEOUTS
from gateway.settings import Settings
from gateway.store.interface import StoreBusy, StoreFull

if TYPE_CHECKING:
    from gateway.api.direct import Direct
    from gateway.api.stream.calls import StreamCalls

Handler = Callable[..., Awaitable[Response]]
Take = Callable[[Scope, ASGIReceiveCallable, ASGISendCallable], Awaitable[bool]]
"""Answers a request past the framework; False: not one that it takes, and nothing of it was read."""

_log = logging.getLogger("sluice.api")

_NO_WEBSOCKETS = Problem(problem_types.NOT_FOUND, "This API has no WebSockets.")
_NO_PATH = Problem(problem_types.BAD_REQUEST, "The request target has no path that can be read.")
_BY_STATUS: dict[int, tuple[ProblemType, str]] = {
    404: (problem_types.NOT_FOUND, "This path is not one of the API; /docs lists them."),
    405: (problem_types.METHOD_NOT_ALLOWED, "This path does not take this method."),
    408: (problem_types.REQUEST_TIMEOUT, "The body did not arrive in time."),
    413: (problem_types.BODY_TOO_LARGE, "The body is larger than this gateway takes."),
    415: (problem_types.UNSUPPORTED_MEDIA_TYPE, "The Content-Type must be application/json."),
}


class App(QuartTrio):
    """Quart with its hooks around each request as methods, which costs less than its lists of functions."""

    def __init__(self, name: str, ids: Identifiers, body_limit: int, *, is_operators: bool) -> None:
        super().__init__(name, static_folder=None)
        self._ids = ids
        self.refusals = Refusals(is_operators=is_operators)
        self.take: Take | None = None
        self.direct: Direct | None = None
        """What `take` is of, for listeners that ask it themselves."""
        self.streams: StreamCalls | None = None
        """For listeners that carry them themselves."""
        self.closing: list[Callable[[], None]] = []
        """Called when the daemon stops, before its listeners do."""
        self.limits: LimitsOfAll | None = None
        """What answers to an account tell of its limits."""
        self.asgi_http_class = Connection
        self.streamed: frozenset[str] = frozenset()
        """Paths of POSTs whose bodies are read by their calls, as they come."""
        self.parts: list[Callable[[Settings], None]] = []
        """Told of the settings of a reload."""
        self.prepared: list[Callable[[Settings], Callable[[], None]]] = []
        """Asked in a thread, for what takes long to work out; what they give is called before `parts`."""
        self.config["MAX_CONTENT_LENGTH"] = body_limit
        self.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
        # A redirect to the path without doubled slashes would be HTML, and lose the body of a POST.
        self.url_map.merge_slashes = False

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "websocket":
            await send_reply(send, refusal_of(_NO_WEBSOCKETS, self._ids.next(), {}), "websocket.http.response")
        elif scope["type"] == "http" and not _has_path(scope["path"]):
            await send_reply(send, refusal_of(_NO_PATH, self._ids.next(), {}))
        elif self.take is None or not await self.take(scope, receive, send):
            await super().asgi_app(scope, receive, _whole(send))

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """None where the Host is none, which `preprocess_request` refuses: nobody would answer a fault here."""
        try:
            return super().create_url_adapter(request)
        except BadRequest:
            return None

    async def preprocess_request(self, request_context: RequestContext | None = None) -> None:
        g.request_id = self._ids.next()
        if request_context is not None and request_context.url_adapter is None:
            raise Problem(problem_types.BAD_REQUEST, "The Host header names no host.")

    async def process_response(
        self, response: ResponseTypes, request_context: RequestContext | None = None
    ) -> ResponseTypes:
        add = response.headers.add
        add("Request-Id", identifiers.public(identifiers.REQUEST, g.request_id))
        add("X-Content-Type-Options", "nosniff")
        if "Cache-Control" not in response.headers:
            add("Cache-Control", "no-store")
        if self.limits is not None and (account := g.get("account")) is not None:
            response.headers.update(self.limits.headers(account))
        return response


def _whole(send: ASGISendCallable) -> ASGISendCallable:
    """`send` that is never broken off.

    Hypercorn closes a connection inside the last `send` of its answer, and tells the app of it meanwhile. Quart-Trio
    then cancels the request and with it that very `send`: the connection would stay open for ever.
    """

    async def whole(event: ASGISendEvent) -> None:
        with trio.CancelScope(shield=True):
            await send(event)

    return whole


def _has_path(target: str) -> bool:
    """Whether the framework can read a path out of it: it begins with one, or is a URL."""
    if target.startswith("/"):
        return True
    try:
        urlsplit(target)
    except ValueError:
        return False
    return target != ""


def bare_app(name: str, ids: Identifiers, body_limit: int, *, is_operators: bool = False) -> App:
    """An app without calls, that answers every error with a problem document and every request with its Request-Id."""
    app = App(name, ids, body_limit, is_operators=is_operators)
    _answer_errors(app, body_limit)
    app.add_url_rule("/problems/<slug>", "problem_page", problem_page, methods=["GET"])
    return app


def _answer_errors(app: App, body_limit: int) -> None:
    async def on_expected(error: Expected) -> ResponseReturnValue:
        return app.refusals.problem_of(error).response(g.request_id)

    async def on_http(error: HTTPException) -> ResponseReturnValue:
        return _http_problem(error, body_limit).response(g.request_id)

    async def on_unexpected(error: Exception) -> ResponseReturnValue:
        rule = request.url_rule.rule if request.url_rule is not None else "no known path"
        return logged(error, f"{request.method} {rule}", g.request_id).response(g.request_id)

    for kind in (Problem, StoreFull, StoreBusy):
        app.register_error_handler(kind, on_expected)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(InternalServerError, on_unexpected)
    app.register_error_handler(Exception, on_unexpected)


def _http_problem(error: HTTPException, body_limit: int) -> Problem:
    kind, detail = _BY_STATUS.get(error.code or 400, (problem_types.BAD_REQUEST, "The request could not be read."))
    if kind is problem_types.REQUEST_TIMEOUT:
        HTTP_TIMEOUTS.labels("body").inc()
    if kind is problem_types.BODY_TOO_LARGE:
        return problems.body_too_large(body_limit)
    if isinstance(error, MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        return Problem(kind, f"This path takes {methods}, not {request.method[:20]}.", headers={"Allow": methods})
    return Problem(kind, detail)


def logged(error: Exception, call: str, request_id: int) -> Problem:
    """What the caller is told of a fault of ours, once it is logged: in one line, with the stack.

    Not the exception's own words: they may hold a text or a number.
    """
    shown = identifiers.public(identifiers.REQUEST, request_id)
    _log.error("a call failed call=%s request_id=%s fault=%s", quoted(call), shown, quoted(stack_of(error)))
    return Problem(problem_types.INTERNAL_ERROR, "Something went wrong inside; it was logged with this request_id.")


def no_content() -> Response:
    """A 204, which has neither length nor type (RFC 9110 §8.6)."""
    nothing = Response(b"", 204)
    nothing.headers.remove("Content-Length")
    nothing.headers.remove("Content-Type")
    return nothing


def json_response(body: bytes, status: int = 200, headers: dict[str, Any] | None = None) -> Response:
    """A rendered JSON body as an answer."""
    return Response(body, status, headers, content_type="application/json")
