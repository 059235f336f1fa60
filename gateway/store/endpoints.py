"""Where events go, as the writer knows it: room for POSTs under way, what waits, and how an endpoint that fails is left in peace for a while.

The rows hold what must outlive a restart (enabled, failures); room and pending counts are rebuilt from the events at start.
"""

import sqlite3
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.store.policy import DEFAULT_EVENTS, Policy

FAILURES_BEFORE_PAUSE = 3
_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 60_000


@dataclass(slots=True)
class Endpoint:
    id: int
    account: str
    url: str
    own: bool
    enabled: bool
    wants: frozenset[str]
    batch: int
    failures: int
    resume_at: int
    pending: int = 0
    pending_since: int = 0
    under_way: int = 0
    retries: bool = True
    """A delivery may wait for its retry."""


@dataclass(slots=True)
class Endpoints:
    policy: Policy
    by_id: dict[int, Endpoint] = field(default_factory=dict)
    stirred: set[int] = field(default_factory=set)
    """Endpoints that may have something to claim."""
    _ids: dict[tuple[str, bool, str], int] = field(default_factory=dict)

    def load(self, connection: sqlite3.Connection) -> None:
        """Read all endpoints, and file those of the settings that are new."""
        columns = "id, account, url, own, enabled, failures, resume_at"
        for row in connection.execute(f"SELECT {columns} FROM endpoints").fetchall():
            self._remember(*row)
        for account, policy in self.policy.accounts.items():
            if policy.url is not None:
                self.id_of(connection, account, policy.url, own=True)
        self.recount(connection)

    def recount(self, connection: sqlite3.Connection) -> None:
        """Rebuild what is pending from the events (at start, and after a transaction that was undone)."""
        for endpoint in self.by_id.values():
            counted, since = connection.execute(
                "SELECT count(*), min(pending_since) FROM events WHERE endpoint = ? AND state = 1", (endpoint.id,)
            ).fetchone()
            endpoint.pending, endpoint.pending_since, endpoint.retries = counted, since or 0, True
            self.stirred.add(endpoint.id)

    def of_message(self, connection: sqlite3.Connection, account: str, webhook_url: str | None) -> int | None:
        """The endpoint that a message's events go to; None: nobody is told."""
        if webhook_url is not None:
            parts = urlsplit(webhook_url)
            return self.id_of(connection, account, f"{parts.scheme}://{parts.netloc}", own=False)
        policy = self.policy.accounts.get(account)
        if policy is None or policy.url is None:
            return None
        return self.id_of(connection, account, policy.url, own=True)

    def id_of(self, connection: sqlite3.Connection, account: str, url: str, *, own: bool) -> int:
        known = self._ids.get((account, own, url))
        if known is not None:
            return known
        row = connection.execute(
            "INSERT INTO endpoints (account, url, own) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET url = excluded.url "
            "RETURNING id, account, url, own, enabled, failures, resume_at",
            (account, url, own),
        ).fetchone()
        return self._remember(*row)

    def forget(self, connection: sqlite3.Connection) -> None:
        """A transaction was undone: what it filed may be gone, and counts with it."""
        kept = {row[0] for row in connection.execute("SELECT id FROM endpoints")}
        for endpoint_id in [known for known in self.by_id if known not in kept]:
            endpoint = self.by_id.pop(endpoint_id)
            del self._ids[(endpoint.account, endpoint.own, endpoint.url)]
        self.recount(connection)

    def _remember(self, id_: int, account: str, url: str, own: int, enabled: int, failures: int, resume_at: int) -> int:
        policy = self.policy.accounts.get(account)
        wants = policy.events if policy else DEFAULT_EVENTS
        batch = policy.batch if policy and own else 1
        self.by_id[id_] = Endpoint(id_, account, url, bool(own), bool(enabled), wants, batch, failures, resume_at)
        self._ids[(account, bool(own), url)] = id_
        return id_


def pause_ms(failures: int) -> int:
    """How long an endpoint is left alone after so many failures in a row."""
    if failures < FAILURES_BEFORE_PAUSE:
        return 0
    return int(min(_FIRST_PAUSE_MS * 2 ** min(failures - FAILURES_BEFORE_PAUSE, 10), _LONGEST_PAUSE_MS))
