"""What lists are asked for by, and the store's face to them: plain values (see messages.py and events.py).

Pages are newest first. One may be short, or empty, and yet have a cursor: a look-up that no index narrows enough looks
at so many rows and stops, so that none takes long, however large the store is.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from gateway.messages import Status
from gateway.store.views import AuditRow, MessageRow, Page


class MessageFilter(NamedTuple):
    """Which messages; None: whichever. All that is given has to hold."""

    client_id: str | None = None
    recipient: str | None = None
    """E.164 with its plus."""
    sender: str | None = None
    """As it was given; a plus in front of a number changes nothing."""
    statuses: Collection[Status] | None = None
    lane: str | None = None
    campaign: int | None = None
    submission: int | None = None
    tag: str | None = None
    after: int | None = None
    """Accepted at this time or later, milliseconds."""
    before: int | None = None
    """Accepted at this time or earlier."""
    ids: Collection[int] | None = None
    """Of these alone."""
    ends_with: str | None = None
    """The last digits of its recipient."""
    carrier: str | None = None
    """That it was put to, at any try."""


class Found(NamedTuple):
    """A page of a search over all accounts, newest first."""

    rows: list[MessageRow]
    carriers: dict[int, str]
    """Which each was put to last, by message; none of those that no carrier was given yet."""
    next_cursor: int | None
    looked_back_to: int | None
    """Where it ended before its page was full and before all was looked at: older ones than of this time may be
    found from the cursor on. Milliseconds."""


class InboundFilter(NamedTuple):
    """Which inbound messages; a plus in front of a number changes nothing."""

    sender: str | None = None
    """The handset."""
    recipient: str | None = None
    after: int | None = None
    before: int | None = None


class EventFilter(NamedTuple):
    """Which events."""

    statuses: Collection[str] | None = None
    """`pending`, `delivered`, `failed`."""
    types: Collection[str] | None = None
    message: int | None = None
    after: int | None = None
    before: int | None = None


class ListingStore(Protocol):
    """Look-ups of many, from connections of their own."""

    async def messages(self, account: str, wanted: MessageFilter, *, limit: int, cursor: int | None) -> Page:
        """Rows of MessageRow."""

    async def inbound_messages(self, account: str, wanted: InboundFilter, *, limit: int, cursor: int | None) -> Page:
        """Rows of InboundRow: those told to the account, or kept for it."""

    async def search(
        self, account: str | None, wanted: MessageFilter, *, carrier_id: str | None, limit: int, cursor: int | None
    ) -> Found:
        """For operators, of all accounts where `account` is None.

        `carrier_id`: that a carrier gave one of its parts. What no index narrows is walked newest first, for so long
        and so many rows at most (see searches.py).
        """

    async def audit_of(self, message: int) -> list[AuditRow]:
        """What was done by hand about a message, oldest first."""

    async def events(self, account: str | None, wanted: EventFilter, *, limit: int, cursor: int | None) -> Page:
        """Rows of EventRow; account None: of all, which is walked for so long at most."""
