"""The embedded store's face to look-ups: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.identifiers import SEQUENCE_BITS
from gateway.store import readers
from gateway.store.ages import QueueAge
from gateway.store.face import SqliteFace
from gateway.store.lists import audits
from gateway.store.lookups import left
from gateway.store.lookups.interface import Left
from gateway.store.policy import Policy
from gateway.store.views import EndpointRow, MessageStory, Page, QueueRow


class SqliteLookups(SqliteFace):
    """Mixed into SqliteStore."""

    policy: Policy

    async def message(self, account: str | None, message: int) -> MessageStory | None:
        return await self._read(partial(readers.message, account=account, message_id=message))

    async def is_quoted(self, message: int) -> bool:
        return await self._read(partial(readers.is_quoted, message_id=message))

    async def held_since(self, message: int) -> int | None:
        return await self._read(partial(readers.held_since, message_id=message))

    async def event_exists(self, account: str, event: int) -> bool:
        return await self._read(partial(readers.event_exists, account=account, event=event))

    async def account_of_event(self, event: int) -> str | None:
        return await self._read(partial(readers.account_of_event, event=event))

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

    async def left(self, *, receipts: bool) -> Left:
        mirrors = self._writer.mirrors
        # Looked at before and behind what is read: between the two a message may become the one or the other.
        going, in_hand = mirrors.queues.going(mirrors.campaigns.stopped), len(mirrors.in_hand.claims)
        claimed = await self._read(left.claimed)
        retrying = await self._read(partial(left.retrying, queues=list(going)))
        in_doubt = await self.doubts_count()
        awaited = await self._receipts_awaited() if receipts else None
        endpoints = list(mirrors.endpoints.by_id.values())
        goes_now = mirrors.queues.going(mirrors.campaigns.stopped)
        disabled = sum(one.pending + one.blocked for one in endpoints if not one.enabled)
        return Left(
            max(sum(going.values()), sum(goes_now.values())) + retrying + mirrors.campaigns.still_to_be_made(),
            max(in_hand, len(mirrors.in_hand.claims)) + claimed,
            in_doubt,
            self.counts()["events_pending"],
            disabled,
            awaited,
        )

    async def _receipts_awaited(self) -> int:
        """Page by page, with others' look-ups in between."""
        horizon = max((carrier.receipt_horizon_ms for carrier in self.policy.carriers.values()), default=0)
        after: int | None = max(0, self._clock() - horizon) << SEQUENCE_BITS
        found = 0
        while after is not None:
            waiting, after = await self._read(partial(left.sent, after=after))
            found += waiting
        return found

    async def parked(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.parked, limit=limit, cursor=cursor))

    async def untold(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.untold, limit=limit, cursor=cursor))

    async def audit(self, *, limit: int, cursor: int | None, who: str | None = None, what: str | None = None) -> Page:
        return await self._read(partial(audits.audit, limit=limit, cursor=cursor, who=who, what=what))

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
