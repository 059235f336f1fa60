"""The messages' page: one field that understands whatever support was told, filters beside it, and what was found.

How a search is understood and how far it goes is the desk's (gateway/desk/messages.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from quart import Response, request

from gateway import identifiers
from gateway.api.problems import Problem
from gateway.api.queries import paging
from gateway.console import periods
from gateway.console.frame import Frame, Route, see_other
from gateway.console.headings import heading_of
from gateway.desk.faults import WrongFields
from gateway.desk.masks import Sight
from gateway.desk.messages import MessagesDesk
from gateway.desk.searching import is_too_short, parse
from gateway.identifiers import now_ms
from gateway.messages import Status
from gateway.settings import Settings

HERE = "/console/messages"
_SHOWN = "50"
_FILTERS = ("status", "account", "carrier", "lane")
_FIELDS = ("q", *_FILTERS, "when", "after", "before", "zone", "cursor")
_MOST_TYPED = 200
_TOO_SHORT = "is no id that is known here, and too little of a number: at least its last 4 digits are needed"
"""Said once nothing was found by it: an id may be as short."""


class MessagesPages:
    """`/console/messages`."""

    def __init__(self, frame: Frame, desk: MessagesDesk, settings: Settings) -> None:
        self._frame = frame
        self._desk = desk
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings: theirs are the accounts, carriers and lanes to choose from."""
        self._accounts, self._carriers = sorted(settings.accounts), sorted(settings.carriers)
        self._lanes = list(settings.lanes)

    def routes(self) -> list[Route]:
        return [Route("GET", "/messages", self.search)]

    async def search(self) -> Response:
        given = {name: request.args.get(name, "").strip()[:_MOST_TYPED] for name in _FIELDS}
        if identifiers.internal(identifiers.MESSAGE, given["q"]) is not None:
            return see_other(f"{HERE}/{given['q']}")
        period = periods.read(given, now_ms())
        page: Mapping[str, Any] = {"entities": [], "next_cursor": None, "looked_back_to": None}
        faults: Mapping[str, Sequence[str]] = {}
        try:
            limit, cursor = paging({"limit": _SHOWN} | ({"cursor": given["cursor"]} if given["cursor"] else {}))
            page = await self._desk.search(parse(_asked(given, period)), limit=limit, cursor=cursor, sight=Sight.MASKED)
        except (Problem, WrongFields) as wrong:
            faults = wrong.fields or {}
        if is_too_short(given["q"]) and not page["entities"] and page["next_cursor"] is None:
            faults = {"q": [_TOO_SHORT], **faults}
        return self._frame.page(
            "messages.html",
            title="Messages",
            active="messages",
            page=page,
            heading=heading_of(given, period, page["entities"]),
            faults=faults,
            given=given | {name: periods.as_typed(given[name]) for name in ("after", "before")},
            period=period,
            picks=periods.QUICK,
            statuses=[status.value for status in Status],
            accounts=self._accounts,
            carriers=self._carriers,
            lanes=self._lanes,
            narrowed=any(given[name] for name in ("q", *_FILTERS)) or period.when is not periods.When.ANY,
            onward=_onward(given, page["next_cursor"]),
        )


def _asked(given: Mapping[str, str], period: periods.Period) -> dict[str, str]:
    """What the desk is asked: only what was filled in."""
    asked = {name: given[name] for name in ("q", *_FILTERS)}
    return {name: text for name, text in (asked | {"after": period.after, "before": period.before}).items() if text}


def _onward(given: Mapping[str, str], cursor: str | None) -> str | None:
    """The address of the next page of the same search."""
    if cursor is None:
        return None
    return f"{HERE}?{urlencode({name: text for name, text in given.items() if text} | {'cursor': cursor})}"
