"""The embedded store's face to look-ups: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.store import readers
from gateway.store.ages import QueueAge
from gateway.store.face import SqliteFace
from gateway.store.policy import Policy
from gateway.store.views import EndpointRow, MessageStory, Page, QueueRow


class SqliteLookups(SqliteFace):
    """Mixed into SqliteStore."""

    policy: Policy

    async def message(self, account: str | None, message: int) -> MessageStory | None:
        return await self._read(partial(readers.message, account=account, message_id=message))

    async def event_exists(self, account: str, event: int) -> bool:
        return await self._read(partial(readers.event_exists, account=account, event=event))

    async def endpoints(self, account: str | None) -> list[EndpointRow]:
        rows = await self._read(partial(readers.endpoints, account=account))
        since: dict[int, list[int]] = {}
        for endpoint, at in list(self._writer.mirrors.endpoints.first_tries.values()):
            since.setdefault(endpoint, []).append(at)
        return [row if row.id not in since else row.with_first_tries(since[row.id]) for row in rows]

    async def doubts(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.doubts, policy=self.policy, limit=limit, cursor=cursor))

    async def doubts_count(self) -> int:
        return await self._read(readers.doubts_count)

    async def parked(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.parked, limit=limit, cursor=cursor))

    async def untold(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.untold, limit=limit, cursor=cursor))

    async def audit(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.audit, limit=limit, cursor=cursor))

    def queues(self) -> list[QueueRow]:
        return self._writer.mirrors.queues.rows()

    def queue_ages(self) -> list[QueueAge]:
        return self._writer.mirrors.queues.waiting(self._clock())

    def backlog(self) -> int:
        return self._writer.mirrors.queues.ready()

    def receipt_ids(self) -> dict[str, str]:
        known = list(self._writer.mirrors.receipt_ids.items())
        return {carrier: learned.settled.value for carrier, learned in known if learned.settled is not None}

    def counts(self) -> dict[str, int]:
        known = self._writer.mirrors.endpoints
        endpoints = list(known.by_id.values())
        waiting = sum(endpoint.pending + endpoint.blocked for endpoint in endpoints)
        return {
            "parked": self._writer.mirrors.parked,
            "events_pending": waiting + known.in_delivery,
            "deliveries_under_way": sum(endpoint.under_way for endpoint in endpoints),
        }
