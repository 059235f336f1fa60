"""GET /v1/sms: an account's messages by what is asked of them, and with `direction=inbound` those that came for it.

How a page is found is the store's; how a message reads timeline.py's.
"""

from msgspec import json
from quart import Response, request

from gateway import identifiers
from gateway.api import timeline
from gateway.api.base import json_response
from gateway.api.description.inbound_schemas import InboundList, InboundMessage
from gateway.api.description.schemas import MessageList
from gateway.api.filters import Filters
from gateway.api.queries import paging, parameters, rendered
from gateway.desk.cursors import next_cursor
from gateway.desk.filters import CREATED, parse_number, parse_sender
from gateway.messages import Status
from gateway.rules.checks import MOST_CLIENT_ID, MOST_TAG
from gateway.rules.numbers import Numbers
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.rules.values import read_label
from gateway.settings import NumberCheck, Settings
from gateway.store.lists.interface import InboundFilter, ListingStore, MessageFilter
from gateway.store.views import InboundRow

_BOTH = ("direction", "to", "from", *CREATED, "limit", "cursor")
_OUTBOUND = ("client_id", "status", "lane", "campaign_id", "submission_id", "tag")


class MessageLists:
    def __init__(self, store: ListingStore, settings: Settings) -> None:
        self._store = store
        self._numbers: dict[str, Numbers] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Other settings; a call under way of an account that has gone ends by its own."""
        self._lanes = tuple(settings.lanes)
        # By their shape alone: what was taken under an earlier setting can be looked up, too.
        numbers = {
            name: Numbers(NumberCheck.SHAPE, account.bare_digits, account.default_region)
            for name, account in settings.accounts.items()
        }
        self._numbers = {**self._numbers, **numbers}

    async def list_messages(self, account: str) -> Response:
        given = parameters(request, *_BOTH, *_OUTBOUND)
        limit, cursor = paging(given)
        filters = Filters(given)
        if filters.one_of("direction", ("outbound", "inbound")) == "inbound":
            page = await self._store.inbound_messages(account, _inbound_filter(filters), limit=limit, cursor=cursor)
            listed = InboundList(await rendered(page.rows, _inbound), next_cursor(page.next_cursor))
            return json_response(json.encode(listed))
        wanted = self._outbound_filter(filters, self._numbers[account])
        found = await self._store.messages(account, wanted, limit=limit, cursor=cursor)
        messages = MessageList(await rendered(found.rows, timeline.listed), next_cursor(found.next_cursor))
        return json_response(json.encode(messages))

    def _outbound_filter(self, filters: Filters, numbers: Numbers) -> MessageFilter:
        """Raises a Problem 422."""
        statuses = filters.some_of("status", tuple(Status))
        after, before = filters.times()
        wanted = MessageFilter(
            client_id=filters.read("client_id", lambda text: read_label(text, MOST_CLIENT_ID)),
            recipient=filters.read("to", lambda text: parse_number(text, numbers)),
            sender=filters.read("from", parse_sender),
            statuses=None if statuses is None else [Status(status) for status in statuses],
            lane=filters.one_of("lane", self._lanes),
            campaign=filters.id_of("campaign_id", identifiers.CAMPAIGN, "campaign"),
            submission=filters.id_of("submission_id", identifiers.SUBMISSION, "submission"),
            tag=filters.read("tag", lambda text: read_label(text, MOST_TAG)),
            after=after,
            before=before,
        )
        filters.refuse_wrong()
        return wanted


def _inbound_filter(filters: Filters) -> InboundFilter:
    """Raises a Problem 422."""
    filters.refuse(_OUTBOUND, f"is not for direction=inbound, which takes {', '.join(_BOTH[1:])}")
    after, before = filters.times()
    sender, recipient = filters.read("from", parse_sender), filters.read("to", parse_sender)
    filters.refuse_wrong()
    return InboundFilter(sender, recipient, after, before)


def _inbound(row: InboundRow) -> InboundMessage:
    return InboundMessage(
        id=identifiers.public(identifiers.INBOUND, row.id),
        direction="inbound",
        status="received",
        sender=row.sender,
        to=row.recipient,
        text=row.text,
        encoding=row.encoding,
        parts=row.parts,
        complete=row.complete,
        carrier=row.carrier,
        received_at=rfc3339(row.at),
        text_erased_at=time_or_none(row.text_erased_at),
    )
