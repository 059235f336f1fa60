"""The audit's page: who did what by hand, when and to what, the newest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from quart import Response

from gateway.api.problems import Problem
from gateway.api.queries import paging
from gateway.console.doings import in_words, label_of
from gateway.console.frame import Frame, Route
from gateway.desk.audit import AuditDesk
from gateway.desk.faults import WrongFields
from gateway.store.audit import What

_SHOWN = "50"


class AuditPages:
    """`/console/audit`."""

    def __init__(self, frame: Frame, desk: AuditDesk) -> None:
        self._frame = frame
        self._desk = desk

    def routes(self) -> list[Route]:
        return [Route("GET", "/audit", self.show)]

    async def show(self) -> Response:
        query = self._frame.query()
        given = {name: query.get(name, "").strip() for name in ("who", "what", "cursor")}
        page: Mapping[str, Any] = {"entities": [], "next_cursor": None}
        faults: Mapping[str, Sequence[str]] = {}
        try:
            limit, cursor = paging({"limit": _SHOWN} | ({"cursor": given["cursor"]} if given["cursor"] else {}))
            page = await self._desk.list(limit, cursor, who=given["who"] or None, what=given["what"] or None)
        except (Problem, WrongFields) as wrong:
            faults = wrong.fields or {}
        return self._frame.page(
            "audit.html",
            title="Audit",
            active="audit",
            doings=[_doing(entity) for entity in page["entities"]],
            given=given,
            narrowed=any(given.values()),
            faults=faults,
            kinds=sorted(((what.value, in_words(what.value)) for what in What), key=lambda kind: kind[1]),
            next_cursor=page["next_cursor"],
        )


def _doing(entity: Mapping[str, Any]) -> dict[str, Any]:
    """As a row shows it."""
    return {**entity, "name": label_of(entity["who"]), "words": in_words(entity["what"])}
