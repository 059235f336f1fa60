"""The page of a restored queue: what it holds by account, lane and route, and letting it go or ending it."""

from collections.abc import Mapping

from quart import Response

from gateway.console.frame import Frame, Route, visitor
from gateway.desk.cursors import position_of
from gateway.desk.held import FILTERS, HeldDesk
from gateway.desk.masks import Sight

_HERE = "/console/held"
_SHOWN = 50


class HeldPages:
    """`/console/held`, the messages of one group, and the two ways out."""

    def __init__(self, frame: Frame, desk: HeldDesk) -> None:
        self._frame = frame
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/held", self.show),
            Route("GET", "/held/messages", self.messages),
            Route("POST", "/held/release", self.release, acts=True),
            Route("POST", "/held/end", self.end, acts=True),
        ]

    async def show(self) -> Response:
        return self._frame.page("held.html", title="Held queue", active="held", held=await self._desk.summary())

    async def messages(self) -> Response:
        asked = self._frame.query()
        filters = _given(asked)
        page = await self._desk.list(_SHOWN, position_of(asked.get("cursor", "")), filters, Sight.MASKED)
        return self._frame.page(
            "held_messages.html",
            title="Held messages",
            active="held",
            filters=filters,
            messages=page["entities"],
            next_cursor=page["next_cursor"],
        )

    async def release(self) -> Response:
        released = await self._desk.release(_given(await self._frame.form()), visitor().by())
        return self._frame.done(_HERE, f"{released:,} released: they go out as carriers and endpoints have room.")

    async def end(self) -> Response:
        ended = await self._desk.end(_given(await self._frame.form()), visitor().by())
        return self._frame.done(_HERE, f"{ended:,} are ended and never sent.")


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    """What is blank counts as given, and is refused: nothing at all would mean everything."""
    return {name: fields[name] for name in FILTERS if name in fields}
