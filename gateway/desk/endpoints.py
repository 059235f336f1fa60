"""Webhook endpoints of all accounts, and the operators' own: how telling them goes, enabling, telling again."""

from typing import Any
from urllib.parse import urlsplit

from gateway.identifiers import now_ms
from gateway.rules.timestamps import time_or_none
from gateway.rules.values import LARGEST_INTEGER
from gateway.store.by import By
from gateway.store.interface import Store
from gateway.store.policy import shown
from gateway.store.views import EndpointRow


class EndpointsDesk:
    """Ids are those of `all`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[dict[str, Any]]:
        """Those that accounts have and those that messages named, in the order in which they came."""
        now = now_ms()
        return [endpoint(row, now) for row in await self._store.endpoints(None)]

    async def enable(self, id: int, by: By) -> bool:  # noqa: A002 - as callers have it
        """Have it tried at once, whatever it answered. False: it is nobody's own, as those are that messages name.
        Raises StoreFull or StoreBusy."""
        for row in await self._store.endpoints(None):
            if row.id == id and row.own:
                return await self._store.enable_endpoint(row.account, by=by)
        return False

    async def replay(
        self,
        id: int,  # noqa: A002
        after: int | None,
        before: int | None,
        failed_only: bool,
        by: By,
    ) -> int | None:
        """Tell it again what it was told, or was given up; times in milliseconds. How many events; None: there is no
        such endpoint."""
        if id > LARGEST_INTEGER:
            return None
        return await self._store.replay_of_endpoint(id, after, before, failed_only, by=by)


def endpoint(row: EndpointRow, now: int) -> dict[str, Any]:
    """One of them."""
    oldest = row.oldest_pending_at
    return {
        "id": row.id,
        "account": shown(row.account),
        "url": bare_url(row.url),
        "own": row.own,
        "enabled": row.enabled,
        "disabled_reason": row.disabled_reason,
        "pending": row.pending,
        "failed": row.failed,
        "oldest_pending_at": time_or_none(oldest),
        "lag": None if oldest is None else max(0, now - oldest) // 1000,
        "last_success_at": time_or_none(row.last_success_at),
        "last_failure_at": time_or_none(row.last_failure_at),
        "consecutive_failures": row.consecutive_failures,
    }


def bare_url(url: str) -> str:
    """Without its query, which may hold an account's own secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
