"""The store's face to look-ups: from connections of their own, or from what the writer knows by heart."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gateway.store.ages import QueueAge
from gateway.store.views import EndpointRow, MessageStory, Page, QueueRow


class Left(NamedTuple):
    """What a gateway that takes nothing new has still to do."""

    queued: int
    """Messages that are ready, or wait for another try, and recipients of running campaigns that have none yet; what is
    scheduled, or of a campaign that is paused, is not counted."""
    in_flight: int
    """Segments that a carrier is given and has not answered."""
    in_doubt: int
    """Messages."""
    events_pending: int
    events_disabled: int
    """Of them, those of endpoints that are not tried."""
    receipts_awaited: int | None
    """Messages that were sent and have no receipt yet; None: it was not asked for."""


class LookupStore(Protocol):
    """What is not awaited is as of the last commit."""

    async def message(self, account: str | None, message: int) -> MessageStory | None:
        """account None: an operator's view."""

    async def is_quoted(self, message: int) -> bool:
        """Whether a raw receipt of it may quote its text, which is still there."""

    async def held_since(self, message: int) -> int | None:
        """When a restore held what it belongs to, milliseconds; None: it is not held."""

    async def event_exists(self, account: str, event: int) -> bool:
        """Whether the account has this event, however it stands."""

    async def account_of_event(self, event: int) -> str | None:
        """Whose it is; None: nobody's."""

    async def endpoints(self, account: str | None) -> list[EndpointRow]: ...
    async def doubts(self, *, limit: int, cursor: int | None) -> Page: ...
    async def parked(self, *, limit: int, cursor: int | None) -> Page: ...
    async def untold(self, *, limit: int, cursor: int | None) -> Page:
        """Inbound messages that nobody was told of, newest first."""

    async def audit(self, *, limit: int, cursor: int | None, who: str | None = None, what: str | None = None) -> Page:
        """What was done by hand, newest first; by one (a whole `who`, or the name in it), of a kind. A page may be
        short and yet have a cursor."""

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
    async def left(self, *, receipts: bool) -> Left:
        """`receipts`: count those awaited too, which looks at all messages of their horizon."""
