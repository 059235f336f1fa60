"""The embedded store's face to lists: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.store.face import SqliteFace
from gateway.store.lists import audits, events, messages, searches
from gateway.store.lists.interface import EventFilter, Found, InboundFilter, MessageFilter
from gateway.store.policy import Policy
from gateway.store.views import AuditRow, Page


class SqliteListings(SqliteFace):
    """Mixed into SqliteStore."""

    policy: Policy

    async def messages(self, account: str, wanted: MessageFilter, *, limit: int, cursor: int | None) -> Page:
        look = partial(messages.messages, account=account, wanted=wanted, limit=limit, cursor=cursor)
        return await self._read(look)

    async def inbound_messages(self, account: str, wanted: InboundFilter, *, limit: int, cursor: int | None) -> Page:
        look = partial(messages.inbound, account=account, wanted=wanted, limit=limit, cursor=cursor)
        return await self._read(look)

    async def search(
        self, account: str | None, wanted: MessageFilter, *, carrier_id: str | None, limit: int, cursor: int | None
    ) -> Found:
        find = partial(searches.narrowed, account=account, wanted=wanted, carrier_id=carrier_id)
        narrowed = await self._read(partial(find, carriers=tuple(self.policy.carriers)))
        return await searches.walked(self._read, account, narrowed, limit, cursor)

    async def audit_of(self, message: int) -> list[AuditRow]:
        return await self._read(partial(audits.audit_of, message=message))

    async def events(self, account: str | None, wanted: EventFilter, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(events.events, account=account, wanted=wanted, limit=limit, cursor=cursor))
