"""What a restore holds: seen by groups and message by message, released, or ended."""

from collections.abc import Mapping
from typing import Any

from gateway.desk.cursors import next_cursor
from gateway.desk.filters import Filters
from gateway.desk.masks import Sight
from gateway.identifiers import CAMPAIGN, MESSAGE, created_at_ms, public
from gateway.messages import MessageState
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.store.by import By
from gateway.store.held_queue.interface import (
    HELD_STATES,
    HeldFilters,
    HeldGroup,
    HeldOrder,
    HeldOrderRow,
    HeldRow,
    HeldSummary,
    HeldWhat,
)
from gateway.store.interface import Store

FILTERS = ("account", "lane", "route", "state", "what")
_STATES = {state.name.lower(): state for state in HELD_STATES}


class HeldDesk:
    """Filters are those of `parse`: none means all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def summary(self) -> dict[str, Any] | None:
        """None: nothing is held."""
        found = await self._store.held()
        return None if found is None else told(found)

    def seen(self) -> dict[str, Any] | None:
        """In short, as it was some seconds ago, without asking the disk; None: nothing is held."""
        found = self._store.held_seen
        return None if found is None else in_short(found)

    async def list(self, limit: int, cursor: int | None, filters: Mapping[str, str], sight: Sight) -> dict[str, Any]:
        """Held messages, the oldest first. Raises WrongFields."""
        page = await self._store.held_messages(parse(filters), limit=limit, cursor=cursor)
        return {"entities": [_message(row, sight) for row in page.rows], "next_cursor": next_cursor(page.next_cursor)}

    async def release(self, filters: Mapping[str, str], by: By) -> int:
        """Let it go to carriers and endpoints; how much it is. It goes on by itself. Raises WrongFields."""
        return await self._store.order_held(HeldOrder.RELEASE, parse(filters), by=by)

    async def end(self, filters: Mapping[str, str], by: By) -> int:
        """Never send it: messages end as `unknown`, campaigns as canceled, events as given up. Raises WrongFields."""
        return await self._store.order_held(HeldOrder.END, parse(filters), by=by)


def parse(given: Mapping[str, str]) -> HeldFilters:
    """What is asked for, by the names of FILTERS. Raises WrongFields."""
    filters = Filters(given)
    account, lane, route = (filters.read(name, str) for name in ("account", "lane", "route"))
    state = filters.one_of("state", list(_STATES))
    what = filters.one_of("what", [one.value for one in HeldWhat])
    filters.refuse_wrong()
    return HeldFilters(
        account, lane, route, None if state is None else _STATES[state], None if what is None else HeldWhat(what)
    )


def told(found: HeldSummary) -> dict[str, Any]:
    """All of it but the messages."""
    return {
        **in_short(found),
        "groups": [_group(group) for group in found.groups],
        "campaigns": [
            {"id": public(CAMPAIGN, one.id), "account": one.account, "campaign_name": one.name, "waiting": one.waiting}
            for one in found.campaigns
        ],
        "orders": [_order(order) for order in found.orders],
    }


def in_short(found: HeldSummary) -> dict[str, Any]:
    return {
        "since": rfc3339(found.since),
        "backup": found.backup,
        "backup_at": rfc3339(found.backup_at),
        "total": found.messages,
        "events": found.events,
    }


def _group(group: HeldGroup) -> dict[str, Any]:
    return {
        "account": group.account,
        "lane": group.lane,
        "route": group.route,
        "state": _word(group.state),
        "messages": group.messages,
        "oldest_at": rfc3339(group.oldest_at),
        "latest_at": rfc3339(group.latest_at),
    }


def _order(order: HeldOrderRow) -> dict[str, Any]:
    wanted = order.filters
    return {
        "at": rfc3339(created_at_ms(order.id)),
        "order": order.what.value,
        "account": wanted.account,
        "lane": wanted.lane,
        "route": wanted.route,
        "state": None if wanted.state is None else _word(wanted.state),
        "what": None if wanted.what is None else wanted.what.value,
        "done": order.done,
    }


def _message(row: HeldRow, sight: Sight) -> dict[str, Any]:
    return {
        "id": public(MESSAGE, row.id),
        "account": row.account,
        "client_id": row.client_id,
        "from": sight.of(row.sender),
        "to": sight.of(row.recipient),
        "lane": row.lane,
        "route": row.route,
        "state": _word(row.state),
        "campaign_id": public(CAMPAIGN, row.campaign) if row.campaign else None,
        "created_at": rfc3339(created_at_ms(row.id)),
        "schedule": time_or_none(row.scheduled_at),
        "expires_at": rfc3339(row.expires_at),
    }


def _word(state: MessageState) -> str:
    return state.name.lower()
