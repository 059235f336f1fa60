"""Where events go, as the writer knows it: what waits, POSTs under way, how one that fails is left in peace a while.

All of it can be read again from the rows, which is done at start and after a transaction that was undone.
"""

import sqlite3
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.store.policy import DEFAULT_EVENTS, Policy

FAILURES_BEFORE_PAUSE = 3
_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 60_000
_NO_WEBHOOK = "no webhook is configured"
_COLUMNS = "id, account, url, own, enabled, failures, resume_at"
_READ = (
    f"SELECT {_COLUMNS}, (SELECT count(*) FROM events WHERE endpoint = n.id AND state = 1), "
    "coalesce((SELECT pending_since FROM events WHERE endpoint = n.id AND state = 1 ORDER BY id LIMIT 1), 0), "
    "(SELECT count(*) FROM deliveries WHERE endpoint = n.id AND under_way = 1), "
    "(SELECT count(*) FROM events WHERE endpoint = n.id AND state = 0) FROM endpoints n ORDER BY id"
)
_FILE = (
    "INSERT INTO endpoints (account, url, own) VALUES (?, ?, ?) ON CONFLICT (account, own, url) "
    f"DO UPDATE SET url = excluded.url RETURNING {_COLUMNS}"
)


@dataclass(slots=True)
class Endpoint:
    id: int
    account: str
    url: str
    own: bool
    enabled: bool
    failures: int
    resume_at: int
    wants: frozenset[str]
    batch: int
    pending: int = 0
    pending_since: int = 0
    under_way: int = 0
    blocked: int = 0
    """Events that wait for their message's event before them."""
    retries: bool = True
    """A delivery may wait for its retry."""


@dataclass(slots=True)
class Endpoints:
    policy: Policy
    by_id: dict[int, Endpoint] = field(default_factory=dict)
    stirred: set[int] = field(default_factory=set)
    """Endpoints that may have something to claim."""
    _ids: dict[tuple[str, bool, str], int] = field(default_factory=dict)

    def configure(self, connection: sqlite3.Connection) -> None:
        """Bring the rows in line with the settings: an account's events follow its URL, and wait while it has none."""
        for account, policy in self.policy.accounts.items():
            if policy.url is not None:
                connection.execute(
                    "UPDATE endpoints SET url = ?1, enabled = 1, disabled_reason = NULL, failures = 0, resume_at = 0 "
                    "WHERE account = ?2 AND own = 1 AND (url <> ?1 OR disabled_reason = ?3)",
                    (policy.url, account, _NO_WEBHOOK),
                )
                connection.execute(_FILE, (account, policy.url, True)).fetchall()
        for endpoint_id, account in connection.execute("SELECT id, account FROM endpoints WHERE own = 1").fetchall():
            configured = self.policy.accounts.get(account)
            if configured is None or configured.url is None:
                connection.execute(
                    "UPDATE endpoints SET enabled = 0, disabled_reason = ? WHERE id = ?", (_NO_WEBHOOK, endpoint_id)
                )

    def load(self, connection: sqlite3.Connection) -> None:
        """Know what the rows say, and no more."""
        self.by_id.clear()
        self._ids.clear()
        for *columns, pending, pending_since, under_way, blocked in connection.execute(_READ).fetchall():
            endpoint = self._remember(*columns)
            endpoint.pending, endpoint.pending_since = pending, pending_since
            endpoint.under_way, endpoint.blocked = under_way, blocked
        self.stirred = set(self.by_id)

    def of_message(self, connection: sqlite3.Connection, account: str, webhook_url: str | None) -> int | None:
        """The endpoint that a message's events go to; None: nobody is told."""
        if webhook_url is not None:
            parts = urlsplit(webhook_url)
            return self._id_of(connection, account, f"{parts.scheme}://{parts.netloc}", own=False)
        own = self.own_of(connection, account)
        return None if own is None else own.id

    def own_of(self, connection: sqlite3.Connection, account: str) -> Endpoint | None:
        """The endpoint of an account's settings."""
        policy = self.policy.accounts.get(account)
        if policy is None or policy.url is None:
            return None
        return self.by_id[self._id_of(connection, account, policy.url, own=True)]

    def _id_of(self, connection: sqlite3.Connection, account: str, url: str, *, own: bool) -> int:
        known = self._ids.get((account, own, url))
        if known is None:
            known = self._remember(*connection.execute(_FILE, (account, url, own)).fetchall()[0]).id
        return known

    def _remember(
        self, id_: int, account: str, url: str, own: int, enabled: int, failures: int, resume_at: int
    ) -> Endpoint:
        policy = self.policy.accounts.get(account)
        wants = policy.events if policy else DEFAULT_EVENTS
        batch = policy.batch if policy and own else 1
        endpoint = Endpoint(id_, account, url, bool(own), bool(enabled), failures, resume_at, wants, batch)
        self.by_id[id_] = endpoint
        self._ids[(account, bool(own), url)] = id_
        return endpoint


def pause_ms(failures: int) -> int:
    """How long an endpoint is left alone after so many failures in a row."""
    if failures < FAILURES_BEFORE_PAUSE:
        return 0
    return int(min(_FIRST_PAUSE_MS * 2 ** min(failures - FAILURES_BEFORE_PAUSE, 10), _LONGEST_PAUSE_MS))
