"""Messages of which nobody knows whether the carrier has them; each is settled on its own page."""

from quart import Response

from gateway.api.queries import next_cursor, paging
from gateway.console.frame import Frame, Route
from gateway.desk.masks import masked_number
from gateway.identifiers import MESSAGE, public
from gateway.rules.timestamps import rfc3339
from gateway.store.interface import Store
from gateway.store.views import DoubtRow


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
        rows = [_doubt(row) for row in page.rows]
        return self._frame.page(
            "doubts.html", title="In doubt", active="messages", rows=rows, cursor=next_cursor(page.next_cursor)
        )


def _doubt(row: DoubtRow) -> dict[str, str | int | None]:
    return {
        "id": public(MESSAGE, row.message),
        "part": row.part,
        "account": row.account,
        "lane": row.lane,
        "to": masked_number(row.recipient),
        "carrier": row.carrier,
        "claimed_at": rfc3339(row.claimed_at),
        "settled_by": row.policy,
        "due_at": rfc3339(row.due),
    }
