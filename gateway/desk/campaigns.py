"""Campaigns of all accounts: lists, one with its variants, and pausing, resuming and canceling by operators.

How one looks is what its account sees too, and is handed in; how one moves is the store's.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gateway.desk.cursors import next_cursor
from gateway.desk.masks import Sight
from gateway.identifiers import CAMPAIGN, internal
from gateway.store.by import By
from gateway.store.campaigns.interface import CampaignMove, CampaignRow, CampaignState, CampaignStore, RecipientErrors

Rendered = Callable[[CampaignRow, Iterable[RecipientErrors]], dict[str, Any]]
"""A campaign as its account sees it, with the first of what is wrong with its recipients."""
STATUSES = tuple(state.name.lower() for state in CampaignState)
MOST_LISTED = 50
"""Campaigns on a page: each comes with counts and variants."""
MOST_ERRORS = 10


class Moved(NamedTuple):
    """What became of a wish."""

    outcome: CampaignMove
    status: str | None
    """Of the campaign, as it stands now; None: there is no such campaign."""


class CampaignsDesk:
    """Ids are public ones; what is none is no campaign's."""

    def __init__(self, store: CampaignStore, rendered: Rendered) -> None:
        self._store = store
        self._rendered = rendered

    async def list(
        self,
        limit: int,
        cursor: int | None,
        account: str | None = None,
        statuses: Sequence[str] | None = None,
        sight: Sight = Sight.MASKED,
    ) -> dict[str, Any]:
        """Newest first."""
        few = min(limit, MOST_LISTED)
        page = await self._store.campaigns(account, statuses=statuses or STATUSES, limit=few, cursor=cursor)
        entities = [self._seen(row, (), sight) for row in page.rows]
        return {"entities": entities, "next_cursor": next_cursor(page.next_cursor)}

    async def one(self, id: str, sight: Sight = Sight.MASKED) -> dict[str, Any] | None:  # noqa: A002 - as callers have it
        """None: there is no such campaign."""
        row = await self._row(id)
        if row is None:
            return None
        wrong = (
            await self._store.campaign_errors(None, row.id, limit=MOST_ERRORS, cursor=None) if row.rejected else None
        )
        return self._seen(row, () if wrong is None else wrong.rows, sight)

    async def pause(self, id: str, by: By) -> Moved:  # noqa: A002
        """Nothing more of it is sent until it is resumed. Raises StoreFull or StoreBusy, as what follows."""
        return await self._moved(id, by, self._store.pause_campaign)

    async def resume(self, id: str, by: By) -> Moved:  # noqa: A002
        return await self._moved(id, by, self._store.resume_campaign)

    async def cancel(self, id: str, by: By) -> Moved:  # noqa: A002
        """What is unsent is not sent."""
        return await self._moved(id, by, self._store.cancel_campaign)

    def _seen(self, row: CampaignRow, wrong: Iterable[RecipientErrors], sight: Sight) -> dict[str, Any]:
        """What is wrong with a number is told with the number as it would be right."""
        found = {"account": row.account, **self._rendered(row, wrong)}
        found["from"] = None if found["from"] is None else sight.of(found["from"])
        for error in found["errors"]:
            error["fields"] = {
                name: [sight.throughout(words) for words in told] for name, told in error["fields"].items()
            }
        return found

    async def _moved(self, shown: str, by: By, move: Callable[..., Awaitable[CampaignMove]]) -> Moved:
        campaign = internal(CAMPAIGN, shown)
        outcome = CampaignMove.NOT_FOUND if campaign is None else await move(None, campaign, by=by)
        row = await self._row(shown)
        return Moved(outcome, None if row is None else row.state.name.lower())

    async def _row(self, shown: str) -> CampaignRow | None:
        campaign = internal(CAMPAIGN, shown)
        return None if campaign is None else await self._store.campaign(None, campaign)
