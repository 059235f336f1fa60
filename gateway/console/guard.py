"""What stands before each page: a session whose token is still one, a form of ours where something is done, the role.

And behind it: the headers of every answer, and a page in words for every error.
"""

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from quart import Response, g, request
from werkzeug.exceptions import HTTPException

from gateway import identifiers
from gateway.api.addresses import Network
from gateway.api.base import App, Handler, logged
from gateway.api.problem_types import INSUFFICIENT_SCOPE
from gateway.api.problems import Problem, invalid_fields
from gateway.console.frame import Frame, Route, Visitor, renews_itself, see_other, sent
from gateway.console.headers import with_headers
from gateway.console.origins import is_ours
from gateway.console.sessions import COOKIE, Session, Sessions
from gateway.desk.faults import WrongFields
from gateway.desk.operators import Operator, Operators
from gateway.store.interface import StoreBusy, StoreFull

SIGN_IN = "/console/sign-in"
_NOT_OURS = (
    "This form was not sent by a page of this console, or by one from before you signed in again. "
    "Go back, load it anew and try again."
)
_VIEWER = "Your token may look and not act. Ask for one with the role operator."


class Guard:
    """Makes views of handlers."""

    def __init__(self, app: App, frame: Frame, operators: Operators, sessions: Sessions) -> None:
        self._app = app
        self._frame = frame
        self._operators = operators
        self._sessions = sessions
        self.trusted_proxies: Sequence[Network] = ()

    def signed_in(self, route: Route) -> Handler:
        """The view of a route, for those who are signed in."""

        async def view(**path: Any) -> Response:
            found = self._visitor()
            if found is None:
                return self._sign_in_first()
            g.visitor = found
            if route.acts and (refused := await self._refused(found)) is not None:
                return refused
            return await route.handler(**path)

        return self.answered(view)

    def answered(self, handler: Handler) -> Handler:
        """The view of a handler that anybody may ask: with the headers, and its errors as pages."""

        async def view(**path: Any) -> Response:
            return with_headers(await self._page_of(handler, path))

        return view

    def who(self) -> tuple[Session, Operator] | None:
        """Who asks; None: nobody who is signed in, any more or yet."""
        session = self._sessions.of(request.cookies.get(COOKIE), is_use=not renews_itself())
        if session is None:
            return None
        operator = self._operators.still(session.token_sha256)
        if operator is None:
            self._sessions.end(session)
            return None
        return session, operator

    def goes_on(self, session: Session) -> bool:
        """Whether what is told to it without being asked may be told still."""
        return self._sessions.is_open(session) and self._operators.still(session.token_sha256) is not None

    async def is_form_of(self, csrf: str) -> bool:
        """Whether a page of ours sent the form under way, and one that was given this."""
        field = (await sent()).get("csrf", "")
        return hmac.compare_digest(field.encode(), csrf.encode()) and is_ours(request, self.trusted_proxies)

    def _visitor(self) -> Visitor | None:
        found = self.who()
        return None if found is None else Visitor(found[1], found[0], g.request_id)

    def _sign_in_first(self) -> Response:
        if "text/event-stream" in request.headers.get("Accept", ""):
            # A browser would follow to the page and wait for events from it.
            return Response(b"", 401, content_type="text/plain")
        wanted = request.full_path.removesuffix("?") if request.method == "GET" else "/console"
        return see_other(SIGN_IN if wanted == "/console" else f"{SIGN_IN}?to={quote(wanted, safe='/')}")

    async def _refused(self, found: Visitor) -> Response | None:
        """Why nothing is done, as a page."""
        if not await self.is_form_of(found.csrf):
            return self.error(403, "Nothing was done", _NOT_OURS)
        if not found.may_act:
            return self.error(403, "Nothing was done", _VIEWER)
        return None

    async def _page_of(self, handler: Handler, path: dict[str, Any]) -> Response:
        try:
            return await handler(**path)
        except (Problem, StoreFull, StoreBusy) as error:
            return self.problem(self._app.refusals.problem_of(error))
        except WrongFields as error:
            return self.problem(invalid_fields(error.fields, error.codes, done="Nothing was done"))
        except HTTPException as error:
            return self.error(error.code or 400, error.name, "This could not be taken. Go back and try again.")
        except Exception as error:  # noqa: BLE001 - the supervisor of the console's calls: logged, and told in words
            rule = request.url_rule.rule if request.url_rule is not None else "no known path"
            return self.problem(logged(error, f"{request.method} {rule}", g.request_id))

    def problem(self, problem: Problem) -> Response:
        """A page for what a call of /admin would answer."""
        detail = " ".join([problem.detail, *(f"{name} {words[0]}." for name, words in (problem.fields or {}).items())])
        if problem.kind is INSUFFICIENT_SCOPE:
            detail = _VIEWER
        return self.error(problem.kind.status, problem.kind.title, detail, problem.headers)

    def error(self, status: int, title: str, words: str, headers: dict[str, str] | None = None) -> Response:
        """A page that says what went wrong."""
        request_id = identifiers.public(identifiers.REQUEST, g.request_id)
        answer = self._frame.bare(
            "error.html", title=title, status=status, words=words, code=status, request_id=request_id
        )
        answer.headers.update(headers or {})
        return answer
