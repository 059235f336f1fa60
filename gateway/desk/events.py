"""The outbox across all accounts: what was told, what waits, what was given up, and telling one of it again."""

from collections.abc import Collection
from typing import Any

import trio
from msgspec import json

from gateway.desk.cursors import next_cursor
from gateway.desk.endpoints import bare_url
from gateway.desk.masks import Sight
from gateway.identifiers import EVENT, MESSAGE, internal, public
from gateway.rules.timestamps import time_or_none
from gateway.store.by import By
from gateway.store.interface import Store
from gateway.store.lists.interface import EventFilter
from gateway.store.policy import shown
from gateway.store.views import EventRow

STATUSES = ("pending", "delivered", "failed")
_ADDRESSES = ("from", "to", "number", "sender")
_ROWS_PER_TURN = 50


class EventsDesk:
    """Ids are public ones."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self,
        account: str | None,
        statuses: Collection[str] | None = None,
        types: Collection[str] | None = None,
        message: int | None = None,
        *,
        limit: int,
        cursor: int | None,
        sight: Sight = Sight.MASKED,
    ) -> dict[str, Any]:
        """Newest first; None: whichever. A page may be short and yet have a cursor."""
        wanted = EventFilter(statuses=statuses, types=types, message=message)
        page = await self._store.events(account, wanted, limit=limit, cursor=cursor)
        entities = []
        for place, row in enumerate(page.rows, 1):
            entities.append(event(row, sight))
            if place % _ROWS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        return {"entities": entities, "next_cursor": next_cursor(page.next_cursor)}

    async def replay(self, event_id: str, by: By) -> int | None:
        """Have one told again that has ended: 1, or 0 where it waits anyway. None: there is no such event. Raises
        StoreFull or StoreBusy."""
        id_ = internal(EVENT, event_id)
        account = None if id_ is None else await self._store.account_of_event(id_)
        if id_ is None or account is None:
            return None
        return await self._store.replay(account, [id_], None, None, False, by=by)


def event(row: EventRow, sight: Sight) -> dict[str, Any]:
    """One, with what it tells; never a text."""
    return {
        "id": public(EVENT, row.id),
        "account": shown(row.account),
        "type": row.type,
        "message_id": None if row.message is None else public(MESSAGE, row.message),
        "status": row.status,
        "url": bare_url(row.url),
        "attempts": row.tries,
        "next_try_at": time_or_none(row.next_try_at),
        "last_http_status": row.last_http_status,
        "last_error": row.last_error,
        "event": _told(row.body, sight),
    }


def _told(body: bytes, sight: Sight) -> dict[str, Any]:
    told: dict[str, Any] = json.decode(body)
    data = told.get("data")
    if isinstance(data, dict):
        for name in _ADDRESSES:
            if isinstance(data.get(name), str):
                data[name] = sight.of(data[name])
        if "text" in data:
            data["text"] = None
    return told
