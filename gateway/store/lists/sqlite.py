"""The embedded store's face to lists: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.store.face import SqliteFace
from gateway.store.lists import events, messages
from gateway.store.lists.interface import EventFilter, InboundFilter, MessageFilter
from gateway.store.views import Page


class SqliteListings(SqliteFace):
    """Mixed into SqliteStore."""

    async def messages(self, account: str, wanted: MessageFilter, *, limit: int, cursor: int | None) -> Page:
        look = partial(messages.messages, account=account, wanted=wanted, limit=limit, cursor=cursor)
        return await self._read(look)

    async def inbound_messages(self, account: str, wanted: InboundFilter, *, limit: int, cursor: int | None) -> Page:
        look = partial(messages.inbound, account=account, wanted=wanted, limit=limit, cursor=cursor)
        return await self._read(look)

    async def events(self, account: str, wanted: EventFilter, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(events.events, account=account, wanted=wanted, limit=limit, cursor=cursor))
