"""Messages as support looks for and at them, over all accounts: search, the story of one, what is done to it.

Numbers are seen as far as the asker's sight goes, texts by `reveal` alone, which the audit keeps.
"""

from collections.abc import Callable
from typing import Any

from gateway import identifiers
from gateway.desk import telling
from gateway.desk.carriers_view import CarriersView
from gateway.desk.cursors import next_cursor
from gateway.desk.masks import Sight
from gateway.desk.searching import Search, ways_of
from gateway.desk.sentences import sentence
from gateway.desk.waiting import waits
from gateway.identifiers import CAMPAIGN, MESSAGE, public
from gateway.messages import status_of
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.settings import Settings
from gateway.store.by import By
from gateway.store.campaigns.interface import CampaignState
from gateway.store.interface import CancelOutcome, Store
from gateway.store.lists.interface import EventFilter, Found
from gateway.store.views import MessageRow, MessageStory

_MOST_EVENTS = 100

Tell = Callable[[MessageStory], dict[str, Any]]
"""A message as its account sees it, GET /v1/sms/{id}, as plain values."""


class MessagesDesk:
    """`tell` is the API's (gateway/api/timeline.py): support and the account are told one story."""

    def __init__(self, settings: Settings, store: Store, carriers: CarriersView, tell: Tell) -> None:
        self._settings = settings
        self._store = store
        self._carriers = carriers
        self._tell = tell

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self._settings = settings

    async def search(self, wanted: Search, *, limit: int, cursor: int | None, sight: Sight) -> dict[str, Any]:
        """A page, newest first. `looked_back_to`: it ended there, having taken its time; go on from the cursor."""
        found = Found([], {}, None, None)
        for way in ways_of(wanted, self._settings):
            found = await self._store.search(
                wanted.account, way.wanted, carrier_id=way.carrier_id, limit=limit, cursor=cursor
            )
            if found.rows or found.next_cursor is not None:
                break
        return {
            "entities": [_listed(row, found.carriers.get(row.id), sight) for row in found.rows],
            "next_cursor": next_cursor(found.next_cursor),
            "looked_back_to": time_or_none(found.looked_back_to),
        }

    async def story(self, id: str, sight: Sight) -> dict[str, Any] | None:  # noqa: A002 - as everywhere outside
        """A message with all that happened to it, without its text. None: there is none of this id."""
        message = identifiers.internal(MESSAGE, id)
        found = None if message is None else await self._told(message)
        if message is None or found is None:
            return None
        return telling.without_texts(found, sight, is_quoted=await self._store.is_quoted(message))

    async def reveal(self, id: str, by: By) -> dict[str, Any] | None:  # noqa: A002
        """The same with its numbers, its text and receipts as they came; in the audit before it is given."""
        message = identifiers.internal(MESSAGE, id)
        if message is None or not await self._store.reveal(message, by=by):
            return None
        return await self._told(message)

    async def cancel(self, id: str, by: By) -> CancelOutcome:  # noqa: A002
        """As its account may."""
        message = identifiers.internal(MESSAGE, id)
        return CancelOutcome.NOT_FOUND if message is None else await self._store.cancel(None, message, by)

    async def replay(self, id: str, by: By) -> int | None:  # noqa: A002
        """Tell its events again that were told or given up: how many. None: there is no such message."""
        message = identifiers.internal(MESSAGE, id)
        return None if message is None else await self._store.replay_message(message, by=by)

    async def settle(self, id: str, outcome: str, by: By) -> bool:  # noqa: A002
        """Its doubt: `sent`, `resend` or `unknown`. False: it is in none."""
        message = identifiers.internal(MESSAGE, id)
        return message is not None and await self._store.settle_doubt(message, outcome, by=by)

    async def _told(self, message: int) -> dict[str, Any] | None:
        story = await self._store.message(None, message)
        if story is None:
            return None
        row = story.message
        wanted = EventFilter(message=message)
        events = await self._store.events(row.account, wanted, limit=_MOST_EVENTS, cursor=None)
        by_hand = await self._store.audit_of(message)
        told = telling.told(self._tell(story), row, events.rows, by_hand)
        told["waits"] = await self._waits(row)
        told["summary"] = sentence(told)
        return told

    async def _waits(self, row: MessageRow) -> dict[str, Any] | None:
        route = next((route for route in self._settings.routes if route.name == row.route), None)
        campaign = await self._store.campaign(None, row.campaign) if row.campaign else None
        paused = campaign is not None and campaign.state is CampaignState.PAUSED
        held_since = await self._store.held_since(row.id)
        queues = self._store.queues()
        return waits(row, route, self._carriers.carriers(), queues, campaign_paused=paused, held_since=held_since)


def _listed(row: MessageRow, carrier: str | None, sight: Sight) -> dict[str, Any]:
    return {
        "id": public(MESSAGE, row.id),
        "account": row.account,
        "client_id": row.client_id,
        "from": sight.of(row.sender),
        "to": sight.of(row.recipient),
        "status": status_of(row.state, sent=row.sent_at is not None).value,
        "lane": row.lane,
        "campaign_id": public(CAMPAIGN, row.campaign) if row.campaign else None,
        "tag": row.tag,
        "segments": row.segments,
        "carrier": carrier,
        "created_at": rfc3339(identifiers.created_at_ms(row.id)),
        "done_at": time_or_none(row.done_at),
    }
