"""What is asked of a store about what is held after a restore: plain values."""

from __future__ import annotations

import json
from enum import Enum
from typing import NamedTuple, Protocol

from gateway.messages import MessageState
from gateway.store.by import By
from gateway.store.views import Page

HELD_STATES = (MessageState.SCHEDULED, MessageState.QUEUED, MessageState.RETRYING, MessageState.IN_DOUBT)
"""Of messages that a restart would send. What is sent waits for its receipts as ever."""


class HeldWhat(Enum):
    """What can be held."""

    MESSAGES = "messages"
    CAMPAIGNS = "campaigns"
    EVENTS = "events"


class HeldOrder(Enum):
    """What can be done with it."""

    RELEASE = "release"
    END = "end"


class HeldFilters(NamedTuple):
    """Which of it is meant; None: whichever. Campaigns and events have but an account."""

    account: str | None = None
    lane: str | None = None
    route: str | None = None
    """Its name."""
    state: MessageState | None = None
    """One of HELD_STATES."""
    what: HeldWhat | None = None

    @property
    def is_all(self) -> bool:
        return self == HeldFilters()

    def means(self, what: HeldWhat) -> bool:
        """Whether there may be any of this kind among what is meant."""
        if self.what is not None:
            return self.what is what
        return what is HeldWhat.MESSAGES or (self.lane is None and self.route is None and self.state is None)

    def fits(self, account: str, lane: str, route: str) -> bool:
        """Whether messages of these are meant; `route` by its name."""
        return self.account in (None, account) and self.lane in (None, lane) and self.route in (None, route)

    def as_json(self) -> str:
        told = {"account": self.account, "lane": self.lane, "route": self.route}
        told["state"] = None if self.state is None else self.state.name.lower()
        told["what"] = None if self.what is None else self.what.value
        return json.dumps({name: value for name, value in told.items() if value is not None})


def filters_of(text: str) -> HeldFilters:
    """From what `as_json` gave."""
    told = json.loads(text)
    state, what = told.pop("state", None), told.pop("what", None)
    return HeldFilters(
        **told,
        state=None if state is None else MessageState[state.upper()],
        what=None if what is None else HeldWhat(what),
    )


class HeldGroup(NamedTuple):
    """Held messages that are alike; times are when the first and the last of them were accepted."""

    account: str
    lane: str
    route: str
    state: MessageState
    messages: int
    oldest_at: int
    latest_at: int


class HeldCampaign(NamedTuple):
    """A campaign that was paused by the restore."""

    id: int
    account: str
    name: str
    waiting: int
    """Recipients that are no message yet."""


class HeldOrderRow(NamedTuple):
    """An order of an operator that is being carried out."""

    id: int
    what: HeldOrder
    filters: HeldFilters
    done: int


class HeldSummary(NamedTuple):
    """All that is held."""

    since: int
    """When it was restored: the latest of restores whose backups are held."""
    backup: str
    backup_at: int
    groups: list[HeldGroup]
    campaigns: list[HeldCampaign]
    events: int
    orders: list[HeldOrderRow]

    @property
    def messages(self) -> int:
        return sum(group.messages for group in self.groups)

    @property
    def is_empty(self) -> bool:
        return not (self.groups or self.campaigns or self.events or self.orders)


class HeldRow(NamedTuple):
    """A held message."""

    id: int
    account: str
    lane: str
    route: str
    state: MessageState
    client_id: str | None
    sender: str
    recipient: str
    campaign: int
    expires_at: int
    scheduled_at: int | None


class HeldQueueStore(Protocol):
    """Releasing and ending are orders: on disk when the call returns, and carried out some rows at a time."""

    async def held(self) -> HeldSummary | None:
        """None: nothing is."""

    async def held_messages(self, filters: HeldFilters, *, limit: int, cursor: int | None) -> Page: ...
    async def order_held(self, what: HeldOrder, filters: HeldFilters, *, by: By) -> int:
        """How many messages, campaigns and events it is about."""

    @property
    def held_seen(self) -> HeldSummary | None:
        """What was held some seconds ago."""
