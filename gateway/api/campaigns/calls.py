"""/v1/campaigns: what an account asks about its campaigns, and pausing, resuming and canceling them.

How one is taken in is told by uploads.py.
"""

from typing import Protocol

from msgspec import json
from quart import Response, g, request

from gateway.api.base import json_response
from gateway.api.bodies import bare_key
from gateway.api.campaigns.schemas import MOST_ERRORS_SHOWN, STATUSES, CampaignList, RecipientErrorList
from gateway.api.campaigns.views import campaign_of, errors_of
from gateway.api.problem_types import CAMPAIGN_STATUS
from gateway.api.problems import Problem, invalid_field, not_found
from gateway.api.queries import campaign_id, paging, parameters
from gateway.api.repeats import Repeats
from gateway.desk.cursors import next_cursor
from gateway.identifiers import now_ms
from gateway.store.by import By, by_account
from gateway.store.campaigns.interface import CampaignMove, CampaignRow, RecipientErrors
from gateway.store.views import Page

_MOST_LISTED = 50
"""Campaigns on a page: each comes with counts and variants."""
_POSITION = 1 << 20
"""Cursors are ids outside; a place in an upload is made one by this."""


class CampaignReads(Protocol):
    """What these calls ask of a store: part of gateway.store.campaigns.interface.CampaignStore."""

    async def pause_campaign(self, account: str, campaign: int, *, by: By) -> CampaignMove: ...
    async def resume_campaign(self, account: str, campaign: int, *, by: By) -> CampaignMove: ...
    async def cancel_campaign(self, account: str, campaign: int, *, by: By) -> CampaignMove: ...
    async def campaign(self, account: str | None, campaign: int) -> CampaignRow | None: ...
    async def campaigns(self, account: str, *, statuses: list[str], limit: int, cursor: int | None) -> Page: ...
    async def campaign_errors(self, account: str, campaign: int, *, limit: int, cursor: int | None) -> Page | None: ...


class Move(Protocol):
    """One of the three that move a campaign."""

    async def __call__(self, account: str, campaign: int, *, by: By) -> CampaignMove: ...


class Campaigns:
    def __init__(self, store: CampaignReads, repeats: Repeats) -> None:
        self._store = store
        self._repeats = repeats

    async def list_campaigns(self, account: str) -> Response:
        given = parameters(request, "status", "limit", "cursor")
        limit, cursor = paging(given)
        statuses = given["status"].split(",") if given.get("status") else list(STATUSES)
        if not set(statuses) <= set(STATUSES):
            raise invalid_field("status", f"must be of {', '.join(STATUSES)}; several with commas", "unknown_status")
        page = await self._store.campaigns(account, statuses=statuses, limit=min(limit, _MOST_LISTED), cursor=cursor)
        now = now_ms()
        listed = [campaign_of(row, (), now) for row in page.rows]
        return json_response(json.encode(CampaignList(listed, next_cursor(page.next_cursor))))

    async def get_campaign(self, account: str, id: str) -> Response:  # noqa: A002 - the name in the path
        return json_response(await self._rendered(account, campaign_id(id)))

    async def list_campaign_errors(self, account: str, id: str) -> Response:  # noqa: A002
        limit, cursor = paging(parameters(request, "limit", "cursor"))
        after = None if cursor is None else cursor // _POSITION
        page = await self._store.campaign_errors(account, campaign_id(id), limit=limit, cursor=after)
        if page is None:
            raise not_found("campaign")
        following = None if page.next_cursor is None else next_cursor(page.next_cursor * _POSITION)
        return json_response(json.encode(RecipientErrorList(errors_of(page.rows), following)))

    async def pause_campaign(self, account: str, id: str) -> Response:  # noqa: A002
        return await self._move(account, id, self._store.pause_campaign, "paused")

    async def resume_campaign(self, account: str, id: str) -> Response:  # noqa: A002
        return await self._move(account, id, self._store.resume_campaign, "resumed")

    async def cancel_campaign(self, account: str, id: str) -> Response:  # noqa: A002
        return await self._move(account, id, self._store.cancel_campaign, "canceled")

    async def _move(self, account: str, shown: str, move: Move, done: str) -> Response:
        key = await bare_key(request)
        campaign = campaign_id(shown)
        by = by_account(account, g.request_id)

        async def act() -> bytes:
            outcome = await move(account, campaign, by=by)
            if outcome is CampaignMove.NOT_FOUND:
                raise not_found("campaign")
            if outcome is CampaignMove.NOT_POSSIBLE:
                raise await self._not_possible(account, campaign, done)
            return await self._rendered(account, campaign)

        return await self._repeats.once(account, key, act, status=200)

    async def _not_possible(self, account: str, campaign: int, done: str) -> Problem:
        row = await self._store.campaign(account, campaign)
        status = "erased" if row is None else row.state.name.lower()
        words = f"The campaign is {status}, so it cannot be {done}. Nothing was changed."
        return Problem(CAMPAIGN_STATUS, words, members={"campaign_status": status})

    async def _rendered(self, account: str, campaign: int) -> bytes:
        row = await self._store.campaign(account, campaign)
        if row is None:
            raise not_found("campaign")
        return json.encode(campaign_of(row, await first_errors(self._store, row), now_ms()))


async def first_errors(store: CampaignReads, row: CampaignRow) -> list[RecipientErrors]:
    """Those that a campaign's answer shows."""
    if row.rejected == 0:
        return []
    page = await store.campaign_errors(row.account, row.id, limit=MOST_ERRORS_SHOWN, cursor=None)
    return [] if page is None else list(page.rows)
