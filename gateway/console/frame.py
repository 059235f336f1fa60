"""What every page of the console stands in: its layout, its forms, who looks at it, what was done shown once.

A subject's pages are a class with `routes()` (pages/*.py); who may ask for them is guard.py's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from quart import Response, g, request

from gateway.api.base import Handler
from gateway.console.rendering import Templates
from gateway.console.sessions import Flash, Session
from gateway.desk.operators import Operator
from gateway.store.by import By

HOME = "/console"
RENEWS = "Sluice-Renews"
"""The header of a request that no person asked for."""
HTML = "text/html; charset=utf-8"
NAVIGATION = (
    ("overview", HOME, "Overview"),
    ("carriers", "/console/carriers", "Carriers"),
    ("messages", "/console/messages", "Messages"),
    ("campaigns", "/console/campaigns", "Campaigns"),
    ("webhooks", "/console/webhooks", "Webhooks"),
    ("opt-outs", "/console/opt-outs", "Opt-outs"),
    ("held", "/console/held", "Held queue"),
    ("audit", "/console/audit", "Audit"),
)
"""`active` of a page, where it leads, and its name."""


class Route(NamedTuple):
    """One page, or one thing that is done."""

    method: str
    rule: str
    """Below /console; parts of it in angles are given to the handler by name."""
    handler: Handler
    acts: bool = False
    """A POST that changes something: for operators, from a form of ours."""


class Pages(Protocol):
    """Those of one subject."""

    def routes(self) -> list[Route]: ...


class Notice(NamedTuple):
    """What everybody should know, on every page."""

    words: str
    href: str
    tone: str = "warn"
    """`bad`, `warn` or `calm`."""


@dataclass(slots=True, frozen=True)
class Visitor:
    """Who looks at the page."""

    operator: Operator
    session: Session
    request_id: int

    @property
    def csrf(self) -> str:
        return self.session.csrf

    @property
    def may_act(self) -> bool:
        return self.operator.may_act

    def by(self) -> By:
        """What the audit keeps."""
        return self.operator.by(self.request_id)


def visitor() -> Visitor:
    """Of the request under way; every route has one."""
    found: Visitor = g.visitor
    return found


def renews_itself() -> bool:
    """Whether a page that is open asks for itself anew (static/work.js), and nobody for a page: that keeps no session
    alive and takes nothing that is shown once."""
    return RENEWS in request.headers


class Frame:
    """Given to the pages."""

    def __init__(self, templates: Templates, notices: Callable[[], Sequence[Notice]]) -> None:
        """`notices`: asked for every page, so it must be quick."""
        self._templates = templates
        self._notices = notices

    def page(self, template: str, *, title: str, active: str, status: int = 200, **context: Any) -> Response:
        """A page in the layout. `active`: of NAVIGATION."""
        who = visitor()
        flash = None
        if not renews_itself():
            flash, who.session.flash = who.session.flash, None
        given = {
            **context,
            "title": title,
            "active": active,
            "visitor": who,
            "flash": flash,
            "notices": () if active == "overview" else [one for one in self._notices() if not _is_here(one)],
            "navigation": NAVIGATION,
        }
        return Response(self._templates.render(template, given), status, content_type=HTML)

    def done(self, to: str, words: str, *, is_error: bool = False) -> Response:
        """Back to a page, `to`, that tells once what was done."""
        visitor().session.flash = Flash(words, is_error)
        return see_other(to)

    def bare(self, template: str, *, title: str, status: int = 200, **context: Any) -> Response:
        """A page for those who are not signed in, or that may not need anything else to work."""
        return Response(self._templates.render(template, {**context, "title": title}), status, content_type=HTML)

    async def form(self) -> dict[str, str]:
        """The fields of the form that was sent, each once, without the one that guards it. Raises HTTPException 413."""
        return {name: value for name, value in (await sent()).items() if name != "csrf"}

    def query(self) -> dict[str, str]:
        """What stands behind the `?`, each name once; what was left blank is left out."""
        return {name: value for name, value in request.args.items() if value.strip()}


def _is_here(notice: Notice) -> bool:
    """Whether it leads to the page that it would stand on."""
    return notice.href.partition("#")[0] == request.path


async def sent() -> Mapping[str, str]:
    """The fields of the request's form."""
    fields: Mapping[str, str] = (await request.form).to_dict()
    return fields


def see_other(to: str) -> Response:
    """303: what follows is a GET of a page of ours."""
    return Response(b"", 303, {"Location": to}, content_type=HTML)
