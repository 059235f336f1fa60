"""The console, put into the operators' app: start reading here. Pages are in pages/, over what gateway/desk says.

Nothing here is asked by callers, nor on the way of a message.
"""

from collections.abc import Callable, Sequence

from quart import Response

from gateway.api.base import App
from gateway.api.problem_types import NOT_FOUND
from gateway.api.problems import Problem
from gateway.console.frame import HOME, Frame, Notice, Pages, Route, see_other
from gateway.console.guard import Guard
from gateway.console.headers import FOREVER
from gateway.console.rendering import Templates, static_files
from gateway.console.sessions import Sessions
from gateway.console.sign_in import SignIn
from gateway.desk.operators import Operators
from gateway.settings import Settings


class Console:
    """What all pages share."""

    def __init__(
        self, app: App, settings: Settings, operators: Operators, notices: Callable[[], Sequence[Notice]]
    ) -> None:
        self.sessions = Sessions()
        self._static = static_files()
        self.templates = Templates(self._static)
        self.frame = Frame(self.templates, notices)
        self.guard = Guard(app, self.frame, operators, self.sessions)
        self._sign_in = SignIn(self.frame, self.guard, operators, self.sessions)
        self._app = app
        self.reconfigure(settings)
        app.parts.append(self.reconfigure)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self.guard.trusted_proxies = settings.http.trusted_proxies

    def add(self, pages: Sequence[Pages]) -> None:
        """All of /console, with these pages."""
        for route in [route for subject in pages for route in subject.routes()]:
            self._route(route.method, route.rule, self.guard.signed_in(route))
        answered = self.guard.answered
        self._route("GET", "/sign-in", answered(self._sign_in.form))
        self._route("POST", "/sign-in", answered(self._sign_in.sign_in))
        self._route("POST", "/sign-out", answered(self._sign_in.sign_out))
        self._route("GET", "/static/<digest>/<name>", answered(self._file))
        self._route("GET", "/", answered(_home))
        for method in ("GET", "POST"):
            self._route(method, "/<path:rest>", self.guard.signed_in(Route(method, "", _no_page)))

    def _route(self, method: str, rule: str, view: Callable[..., object]) -> None:
        whole = HOME + rule
        self._app.add_url_rule(whole, f"{method} {whole}".replace(".", "_"), view, methods=[method])  # type: ignore[arg-type]

    async def _file(self, digest: str, name: str) -> Response:
        found = self._static.get(name)
        if found is None or found.digest != digest:
            return Response(b"There is no such file.", 404, content_type="text/plain")
        headers = {"Cache-Control": FOREVER}
        return Response(found.octets, 200, headers, content_type=found.content_type)


async def _home() -> Response:
    return see_other(HOME)


async def _no_page(rest: str) -> Response:
    raise Problem(NOT_FOUND, "The console has no such page.")
