"""Where events go, as the writer knows it: what waits, POSTs under way, how one that fails is left in peace a while.

All of it can be read again from the rows, which is done at start and after a transaction that was undone. Origins of
webhook_urls, of which callers name as many as they like, are known only while something waits for them.
"""

import heapq
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.rules.retrying import WEBHOOK_MOST_MS
from gateway.settings import DEFAULT_EVENTS
from gateway.store import at_once
from gateway.store.policy import Policy

MOST_UNDER_WAY = 512
"""POSTs under way for all endpoints together: bounds memory and connections."""
_FEW_UNDER_WAY = MOST_UNDER_WAY // 4
"""Only while they are fewer are single events handed out ahead of their connections: what waits in line for a slow
endpoint holds places that the account's fast ones want."""
FAILURES_BEFORE_PAUSE = 3
_FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
_NO_WEBHOOK = "no webhook is configured"
_COLUMNS = "id, account, url, own, enabled, failures, resume_at"
_BY_ID = f"SELECT {_COLUMNS} FROM endpoints WHERE id = ?"
_BY_URL = f"SELECT {_COLUMNS} FROM endpoints WHERE account = ? AND own = ? AND url = ?"
_OWN = f"SELECT {_COLUMNS} FROM endpoints WHERE own = 1"
_FILE = (
    "INSERT INTO endpoints (account, url, own) VALUES (?, ?, ?) ON CONFLICT (account, own, url) "
    f"DO UPDATE SET url = excluded.url RETURNING {_COLUMNS}"
)
_FREE_THE_BLOCKED = (
    "UPDATE events SET state = 1 WHERE state = 0 "
    "AND NOT EXISTS (SELECT 1 FROM events p WHERE p.id = events.prior AND p.state < 3)"
)
"""Nothing that is still to be told is before them: the event there was told, given up or erased."""
_PENDING = "SELECT endpoint, count(*), min(id) FROM events WHERE state = 1 GROUP BY endpoint"
_BLOCKED = "SELECT endpoint, count(*) FROM events WHERE state = 0 GROUP BY endpoint"
_MEMBERS = (
    "SELECT sum(length(members) / 8) FROM deliveries WHERE under_way = 1",
    "SELECT sum(length(members) / 8) FROM deliveries WHERE due IS NOT NULL",
)
_UNDER_WAY = "SELECT endpoint, count(*) FROM deliveries WHERE under_way = 1 GROUP BY endpoint"
_WAITING = "SELECT endpoint, min(due) FROM deliveries WHERE due IS NOT NULL GROUP BY endpoint"
_STALE_TIMES = 64
"""So many outdated times are kept without a look at how many they are."""


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
    retry_at: int | None = None
    """When the first delivery that waits for its retry is due; None: none waits."""
    overdue_at: int = 0
    """Nothing that waits is past the horizon before; 0: not known."""
    look_at: int | None = None
    """The time at which it stands in `Endpoints.times`."""
    gathering: at_once.Gathering | None = None
    """The batch that its next events join."""
    success_written_at: int = 0
    """When its row was last told of a success."""
    not_before: int = 0
    """It asked for no POST before: no success of one that was under way ends its pause. At most `resume_at`."""

    @property
    def is_idle(self) -> bool:
        return not (self.pending or self.under_way or self.blocked or self.retry_at is not None or self.gathering)

    def retry_by(self, due: int) -> None:
        """A delivery waits for its retry until then."""
        self.retry_at = due if self.retry_at is None else min(self.retry_at, due)


class _Known(dict[int, Endpoint]):
    """Endpoints by id; one that had nothing to do is read from its row again."""

    def __init__(self, read: Callable[[int], Endpoint]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, endpoint_id: int) -> Endpoint:
        return self._read(endpoint_id)


@dataclass(slots=True)
class Endpoints:
    policy: Policy
    by_id: dict[int, Endpoint] = field(init=False)
    stirred: set[int] = field(default_factory=set)
    """Something happened to them: look at them in this transaction."""
    times: list[tuple[int, int]] = field(default_factory=list)
    """A heap of times at which to look at which endpoint; outdated where its `look_at` is another."""
    ready: dict[str, dict[int, None]] = field(default_factory=dict)
    """By account: endpoints that may claim at once, and wait for a free place; in turn."""
    overdue: dict[int, None] = field(default_factory=dict)
    """Endpoints that take nothing, of which something may be past the horizon."""
    under_way: int = 0
    held: dict[str, int] = field(default_factory=dict)
    """POSTs under way by account, where there are any."""
    put_off: dict[int, int] = field(default_factory=dict)
    """By endpoint: nothing is claimed for it before that, for a fault of ours."""
    in_delivery: int = 0
    """Events in deliveries, under way or between tries."""
    gathered: int = 0
    """Events in what endpoints gather."""
    first_tries: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Single events under way of which deliveries has no row: their endpoint, and since when they could be told."""
    first_tries_since: int = 0
    """The store says that there is none before this id."""
    advanced_at: int = 0
    """When it was last said."""
    swept_until: int = 0
    """How far the search for endpoints that nothing names has come."""
    _ids: dict[tuple[str, bool, str], int] = field(default_factory=dict)
    _connection: sqlite3.Connection | None = None

    def __post_init__(self) -> None:
        self.by_id = _Known(self._read)

    def configure(self, connection: sqlite3.Connection) -> None:
        """Bring the rows in line with the settings: an account's events follow its URL, and wait while it has none.

        Before anything is known of them; see `take` for later.
        """
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

    def take(self, connection: sqlite3.Connection, policy: Policy) -> None:
        """Other settings: the rows follow them, and what is known of the rows."""
        self.policy = policy
        self.configure(connection)
        rows = {row[0]: row[2:] for row in connection.execute(_OWN).fetchall()}
        for endpoint in list(self.by_id.values()):
            endpoint.wants, endpoint.batch = self._wishes(endpoint.account, own=endpoint.own)
            self.let_go(endpoint)
            if endpoint.own:
                del self._ids[(endpoint.account, True, endpoint.url)]
                endpoint.url, _, enabled, endpoint.failures, endpoint.resume_at = rows[endpoint.id]
                endpoint.enabled = bool(enabled)
                endpoint.not_before = min(endpoint.not_before, endpoint.resume_at)
                self._ids[(endpoint.account, True, endpoint.url)] = endpoint.id
            self.stirred.add(endpoint.id)

    def load(self, connection: sqlite3.Connection, now: int) -> None:
        """Know what the rows say, and no more: of endpoints for which something waits.

        But for pauses that end later than any may, which were written before the clock was set back.
        """
        self._connection = connection
        for known in (self.by_id, self._ids, self.stirred, self.times, self.ready, self.overdue, self.held):
            known.clear()
        self.under_way = self.gathered = 0
        connection.execute(_FREE_THE_BLOCKED)
        for endpoint_id, count, first in connection.execute(_PENDING).fetchall():
            endpoint = self.by_id[endpoint_id]
            endpoint.pending = count
            (endpoint.pending_since,) = connection.execute(
                "SELECT pending_since FROM events WHERE id = ?", (first,)
            ).fetchone()
        for endpoint_id, count in connection.execute(_BLOCKED).fetchall():
            self.by_id[endpoint_id].blocked = count
        for endpoint_id, count in connection.execute(_UNDER_WAY).fetchall():
            self.begun(self.by_id[endpoint_id], count)
        for endpoint_id, due in connection.execute(_WAITING).fetchall():
            self.by_id[endpoint_id].retry_at = due
        at_once.load(self, connection)
        members = sum(row[0] or 0 for sql in _MEMBERS for row in connection.execute(sql).fetchall())
        self.in_delivery = members + len(self.first_tries)
        self.clock_set_back(now)

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

    def let_go(self, endpoint: Endpoint) -> None:
        """What it gathered, as its row has it, is a delivery that waits, like any other."""
        gathering, endpoint.gathering = endpoint.gathering, None
        if gathering is not None:
            self.gathered -= len(gathering.events)
            endpoint.retry_by(gathering.due)
            self.stirred.add(endpoint.id)

    def clock_set_back(self, now: int) -> None:
        """No pause lasts longer than the longest from now on, and what gathers goes when it would have gone."""
        for endpoint in self.by_id.values():
            endpoint.not_before = min(endpoint.not_before, now + WEBHOOK_MOST_MS)
            endpoint.resume_at = min(endpoint.resume_at, max(now + LONGEST_PAUSE_MS, endpoint.not_before))
            endpoint.pending_since = min(endpoint.pending_since, now)
            if endpoint.gathering is not None:
                endpoint.gathering.due = min(endpoint.gathering.due, now + self.policy.linger_ms)
            self.stirred.add(endpoint.id)

    # --- POSTs under way

    def room(self, endpoint: Endpoint) -> int:
        """POSTs that may be begun for it; after failures in a row one at a time probes it."""
        if endpoint.failures:
            return 1 - endpoint.under_way
        # Batches are large, and none of them waits in memory for a connection.
        ahead = endpoint.batch == 1 and self.under_way < _FEW_UNDER_WAY
        each = self.policy.posts_per_connection if ahead else 1
        return self.policy.posts_per_endpoint * each - endpoint.under_way

    def allowance(self, account: str) -> int:
        """An account may begin another POST while it holds fewer than are free, so that whoever holds none finds a
        place. The rule of gateway.webhooks.turns.
        """
        return (MOST_UNDER_WAY - self.under_way - self.held.get(account, 0) + 1) // 2

    def may_begin(self, endpoint: Endpoint) -> bool:
        return self.room(endpoint) > 0 and self.allowance(endpoint.account) > 0

    def begun(self, endpoint: Endpoint, count: int) -> None:
        endpoint.under_way += count
        self.under_way += count
        self.held[endpoint.account] = self.held.get(endpoint.account, 0) + count

    def ended(self, endpoint: Endpoint, count: int = 1) -> None:
        endpoint.under_way -= count
        self.under_way -= count
        self.held[endpoint.account] -= count
        if not self.held[endpoint.account]:
            del self.held[endpoint.account]
        self.stirred.add(endpoint.id)

    # --- whom to look at

    def to_look_at(self, now: int) -> set[int]:
        """Take the endpoints that something happened to, or whose time has come."""
        found, self.stirred = self.stirred, set()
        while self.times and self.times[0][0] <= now:
            at, endpoint_id = heapq.heappop(self.times)
            endpoint = self.by_id.get(endpoint_id)
            if endpoint is not None and endpoint.look_at == at:
                endpoint.look_at = None
                found.add(endpoint_id)
        return found

    def look_again(self, endpoint: Endpoint, at: int) -> None:
        """Look at an endpoint no later than this; when it has to wait for longer, that is seen then."""
        if endpoint.look_at is not None and endpoint.look_at <= at:
            return
        endpoint.look_at = at
        heapq.heappush(self.times, (at, endpoint.id))
        if len(self.times) > 2 * len(self.by_id) + _STALE_TIMES:
            self.times = [(e.look_at, e.id) for e in self.by_id.values() if e.look_at is not None]
            heapq.heapify(self.times)

    def forget(self, endpoint: Endpoint) -> None:
        """Of a webhook_url's origin that has nothing to do only the row is left."""
        del self.by_id[endpoint.id]
        del self._ids[(endpoint.account, endpoint.own, endpoint.url)]

    # --- reading rows

    def _id_of(self, connection: sqlite3.Connection, account: str, url: str, *, own: bool) -> int:
        known = self._ids.get((account, own, url))
        if known is None:
            row = connection.execute(_BY_URL, (account, own, url)).fetchone()
            known = self._remember(*row or connection.execute(_FILE, (account, url, own)).fetchall()[0]).id
        return known

    def _read(self, endpoint_id: int) -> Endpoint:
        row = self._connection.execute(_BY_ID, (endpoint_id,)).fetchone() if self._connection else None
        if row is None:
            raise KeyError(endpoint_id)
        return self._remember(*row)

    def _remember(
        self, id_: int, account: str, url: str, own: int, enabled: int, failures: int, resume_at: int
    ) -> Endpoint:
        wants, batch = self._wishes(account, own=bool(own))
        endpoint = Endpoint(id_, account, url, bool(own), bool(enabled), failures, resume_at, wants, batch)
        # Whose wish a pause was its row does not tell: it is kept to, for it may be the endpoint's.
        endpoint.not_before = resume_at
        self.by_id[id_] = endpoint
        self._ids[(account, bool(own), url)] = id_
        self.stirred.add(id_)
        return endpoint

    def _wishes(self, account: str, *, own: bool) -> tuple[frozenset[str], int]:
        """Which events an endpoint of the account wants, and how many in one POST."""
        policy = self.policy.accounts.get(account)
        return policy.events if policy else frozenset(DEFAULT_EVENTS), policy.batch if policy and own else 1


def pause_ms(failures: int) -> int:
    """How long an endpoint is left alone after so many failures in a row."""
    if failures < FAILURES_BEFORE_PAUSE:
        return 0
    return int(min(_FIRST_PAUSE_MS * 2 ** min(failures - FAILURES_BEFORE_PAUSE, 10), LONGEST_PAUSE_MS))
