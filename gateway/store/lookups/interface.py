"""The store's face to look-ups: from connections of their own, or from what the writer knows by heart."""

from __future__ import annotations

from typing import Protocol

from gateway.store.ages import QueueAge
from gateway.store.views import EndpointRow, MessageStory, Page, QueueRow


class LookupStore(Protocol):
    """What is not awaited is as of the last commit."""

    async def message(self, account: str | None, message: int) -> MessageStory | None:
        """account None: an operator's view."""

    async def event_exists(self, account: str, event: int) -> bool:
        """Whether the account has this event, however it stands."""

    async def endpoints(self, account: str | None) -> list[EndpointRow]: ...
    async def doubts(self, *, limit: int, cursor: int | None) -> Page: ...
    async def parked(self, *, limit: int, cursor: int | None) -> Page: ...
    async def untold(self, *, limit: int, cursor: int | None) -> Page:
        """Inbound messages that nobody was told of, newest first."""

    async def audit(self, *, limit: int, cursor: int | None) -> Page:
        """What was done by hand, newest first."""

    def queues(self) -> list[QueueRow]: ...
    def queue_ages(self) -> list[QueueAge]:
        """What is ready by lane and route, and since when its oldest waits, as it was seen a second ago."""

    def backlog(self) -> int:
        """Messages that are ready and wait for a free slot: what the backlog limit counts."""

    def receipt_ids(self) -> dict[str, str]:
        """In words: how carriers spell ids in their receipts, of those where it was learned."""

    def counts(self) -> dict[str, int]:
        """Gauges: `parked`, `events_pending`, `deliveries_under_way`."""

    async def doubts_count(self) -> int: ...
