"""Who did what by hand, newest first."""

from typing import Any

from gateway.desk.cursors import next_cursor
from gateway.identifiers import EVENT, MESSAGE, REQUEST, public
from gateway.rules.timestamps import rfc3339
from gateway.store.interface import Store
from gateway.store.views import AuditRow


class AuditDesk:
    """The audit, as it is looked through."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self, limit: int, cursor: int | None, who: str | None = None, what: str | None = None
    ) -> dict[str, Any]:
        """A page; `who` as it is listed, or a name alone. It may be short and yet have a cursor."""
        page = await self._store.audit(limit=limit, cursor=cursor, who=who, what=what)
        return {"entities": [told(row) for row in page.rows], "next_cursor": next_cursor(page.next_cursor)}


def told(row: AuditRow) -> dict[str, Any]:
    """One doing."""
    return {
        "at": rfc3339(row.at),
        "who": row.who,
        "what": row.what,
        "outcome": row.outcome,
        "message": None if row.message is None else public(MESSAGE, row.message),
        "event": None if row.event is None else public(EVENT, row.event),
        "endpoint": row.endpoint,
        "replayed": row.replayed,
        "request_id": None if row.request_id is None else public(REQUEST, row.request_id),
    }
