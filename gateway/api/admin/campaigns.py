"""/admin/campaigns: those of all accounts, and moving one: thin over gateway/desk/campaigns.py."""

from collections.abc import Awaitable

from msgspec import json
from quart import Response, request

from gateway.api.admin.asking import by, sight
from gateway.api.base import json_response
from gateway.api.filters import Filters
from gateway.api.problem_types import CAMPAIGN_STATUS
from gateway.api.problems import Problem, not_found_anywhere
from gateway.api.queries import paging, parameters
from gateway.desk.campaigns import STATUSES, CampaignsDesk, Moved
from gateway.store.campaigns.interface import CampaignMove


class CampaignCalls:
    def __init__(self, desk: CampaignsDesk) -> None:
        self._desk = desk

    async def list_campaigns(self) -> Response:
        given = parameters(request, "account", "status", "limit", "cursor")
        limit, cursor = paging(given)
        filters = Filters(given)
        statuses = filters.some_of("status", STATUSES)
        filters.refuse_wrong()
        return json_response(json.encode(await self._desk.list(limit, cursor, given.get("account"), statuses, sight())))

    async def get_campaign(self, id: str) -> Response:  # noqa: A002 - the name in the path
        found = await self._desk.one(id, sight())
        if found is None:
            raise not_found_anywhere("campaign")
        return json_response(json.encode(found))

    async def pause(self, id: str) -> Response:  # noqa: A002
        return await self._moved(id, self._desk.pause(id, by()), "paused")

    async def resume(self, id: str) -> Response:  # noqa: A002
        return await self._moved(id, self._desk.resume(id, by()), "resumed")

    async def cancel(self, id: str) -> Response:  # noqa: A002
        return await self._moved(id, self._desk.cancel(id, by()), "canceled")

    async def _moved(self, id: str, moving: Awaitable[Moved], done: str) -> Response:  # noqa: A002
        moved = await moving
        if moved.outcome is CampaignMove.NOT_FOUND:
            raise not_found_anywhere("campaign")
        if moved.outcome is CampaignMove.NOT_POSSIBLE:
            status = moved.status or "erased"
            detail = f"The campaign is {status}, so it cannot be {done}. Nothing was changed."
            raise Problem(CAMPAIGN_STATUS, detail, members={"campaign_status": status})
        return await self.get_campaign(id)
