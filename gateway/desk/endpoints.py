"""Webhook endpoints of all accounts, and the operators' own: how telling them goes, enabling, telling again."""

from typing import Any, Protocol
from urllib.parse import urlsplit

from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339
from gateway.store.by import By
from gateway.store.policy import shown
from gateway.store.views import EndpointRow


class EndpointsStore(Protocol):
    """What of the store is needed here."""

    async def endpoints(self, account: str | None) -> list[EndpointRow]: ...
    async def enable_endpoint(self, account: str, *, by: By | None = None) -> bool: ...
    async def replay_of_endpoint(
        self, endpoint: int, after: int | None, before: int | None, failed_only: bool, *, by: By
    ) -> int | None: ...


class EndpointsDesk:
    """Ids are those of `all`."""

    def __init__(self, store: EndpointsStore) -> None:
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
        "oldest_pending_at": _time(oldest),
        "lag": None if oldest is None else max(0, now - oldest) // 1000,
        "last_success_at": _time(row.last_success_at),
        "last_failure_at": _time(row.last_failure_at),
        "consecutive_failures": row.consecutive_failures,
    }


def bare_url(url: str) -> str:
    """Without its query, which may hold an account's own secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)
