"""Messages of which nobody knows whether the carrier has them; each is settled on its own page."""

from quart import Response

from gateway.api import operator_views
from gateway.api.queries import paging
from gateway.console.frame import Frame, Route
from gateway.desk.cursors import next_cursor
from gateway.desk.masks import Sight
from gateway.store.interface import Store


class DoubtsPages:
    def __init__(self, frame: Frame, store: Store) -> None:
        self._frame = frame
        self._store = store

    def routes(self) -> list[Route]:
        return [Route("GET", "/doubts", self.doubts)]

    async def doubts(self) -> Response:
        """Raises a Problem of a cursor that no page gave."""
        limit, cursor = paging(self._frame.query())
        page = await self._store.doubts(limit=limit, cursor=cursor)
        rows = [operator_views.doubt(row, Sight.MASKED) for row in page.rows]
        return self._frame.page(
            "doubts.html", title="In doubt", active="messages", rows=rows, cursor=next_cursor(page.next_cursor)
        )
