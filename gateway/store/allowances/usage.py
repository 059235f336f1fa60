"""How much each account was accepted today, and what its limits let through: kept in the transactions that accept.

Changes lie beside what is known until the transaction commits; `save` writes them inside it, one row an account and
day. The buckets by the second live in memory alone.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.rules.limits import AccountLimit, Bucket, LimitReached, day_of, to_next_day
from gateway.settings import AccountLimits

BACKLOG_RETRY_MS = 5_000
"""When a backlog has room again depends on carriers; so soon it is worth a try."""
_LOAD = "SELECT account, day, messages, segments FROM usage WHERE day >= ?"
_ADD = (
    "INSERT INTO usage (day, account, messages, segments) VALUES (?, ?, ?, ?) ON CONFLICT (day, account) "
    "DO UPDATE SET messages = messages + excluded.messages, segments = segments + excluded.segments"
)
_NOTHING = (0, 0)
_Counted = dict[tuple[str, int], tuple[int, int]]  # account and day -> messages, segments


class Mark(NamedTuple):
    counted: _Counted
    taken: dict[str, int]


class Usage:
    """Of all accounts. Times are wall-clock milliseconds."""

    def __init__(self, limits: Mapping[str, AccountLimits]) -> None:
        self._limits = limits
        self._known: _Counted = {}
        self._buckets: dict[str, Bucket] = {}
        self._counted: _Counted = {}
        self._taken: dict[str, int] = {}

    def limit(self, limits: Mapping[str, AccountLimits]) -> None:
        """Other limits; a bucket whose size stays keeps what it holds."""
        for account in list(self._buckets):
            was, is_now = self._limits[account], limits.get(account)
            if is_now is None or is_now.messages_per_second != was.messages_per_second:
                del self._buckets[account]
        self._limits = limits

    def load(self, connection: sqlite3.Connection, now: int) -> None:
        """Know what the rows say; a clock that goes back over midnight finds its day again."""
        rows = connection.execute(_LOAD, (day_of(now) - 1,))
        self._known = {(account, day): (messages, segments) for account, day, messages, segments in rows}

    def refusal(self, account: str, count: int, ready: Callable[[str], int], now: int) -> LimitReached | None:
        """Why so many more messages are not accepted now; `ready`: how many of an account wait for a slot."""
        limits = self._limits.get(account)
        if limits is None or not count:
            return None
        if limits.backlog and ready(account) + count > limits.backlog:
            return LimitReached(AccountLimit.BACKLOG, limits.backlog, count, BACKLOG_RETRY_MS)
        if limits.messages_per_day and self.today(account, now)[0] + count > limits.messages_per_day:
            return LimitReached(AccountLimit.DAY, limits.messages_per_day, count, to_next_day(now))
        if limits.messages_per_second:
            wait = self._bucket(account, now).wait_ms(count, now, self._taken.get(account, 0))
            if wait:
                return LimitReached(AccountLimit.MESSAGES, limits.messages_per_second, count, wait)
        return None

    def lends_none(self, account: str, count: int, now: int) -> bool:
        """Whether the limit by the second has so many whole, as it is asked for them one by one."""
        limits = self._limits.get(account)
        if limits is None or not limits.messages_per_second:
            return True
        return self._bucket(account, now).left(now) - self._taken.get(account, 0) >= count

    def take(self, account: str, count: int) -> None:
        """So many are accepted, which is what the limit by the second counts."""
        if (limits := self._limits.get(account)) is not None and limits.messages_per_second:
            self._taken[account] = self._taken.get(account, 0) + count

    def add(self, account: str, messages: int, segments: int, now: int) -> None:
        """So many are filed, accepted or of a campaign."""
        key = (account, day_of(now))
        counted = self._counted.get(key, _NOTHING)
        self._counted[key] = (counted[0] + messages, counted[1] + segments)

    def today(self, account: str, now: int) -> tuple[int, int]:
        """Messages and segments of this UTC day, with the running transaction's."""
        key = (account, day_of(now))
        known, counted = self._known.get(key, _NOTHING), self._counted.get(key, _NOTHING)
        return known[0] + counted[0], known[1] + counted[1]

    def left_today(self, account: str, now: int) -> int | None:
        """Messages that the account may still add; None: there is no limit."""
        limits = self._limits.get(account)
        if limits is None or not limits.messages_per_day:
            return None
        return max(0, limits.messages_per_day - self.today(account, now)[0])

    def this_second(self, account: str, now: int) -> tuple[int | None, int]:
        """What the limit by the second has left, and the milliseconds until it is whole; None: there is no limit."""
        limits = self._limits.get(account)
        if limits is None or not limits.messages_per_second:
            return None, 0
        bucket = self._bucket(account, now)
        return int(bucket.left(now)), bucket.wait_ms(bucket.most, now)

    def _bucket(self, account: str, now: int) -> Bucket:
        bucket = self._buckets.get(account)
        if bucket is None:
            bucket = self._buckets[account] = Bucket(self._limits[account].messages_per_second, now)
        return bucket

    def save(self, connection: sqlite3.Connection) -> None:
        """Write what was counted: part of the transaction."""
        for (account, day), counted in self._counted.items():
            connection.execute(_ADD, (day, account, *counted))

    def commit(self, now: int) -> None:
        """What the transaction counted is so."""
        for key, (messages, segments) in self._counted.items():
            known = self._known.get(key)
            if known is None:
                self._forget_before(day_of(now) - 1)
                known = _NOTHING
            self._known[key] = (known[0] + messages, known[1] + segments)
        for account, count in self._taken.items():
            self._bucket(account, now).take(count, now)
        self.roll_back()

    def _forget_before(self, day: int) -> None:
        self._known = {key: counted for key, counted in self._known.items() if key[1] >= day}

    def roll_back(self) -> None:
        self._counted, self._taken = {}, {}

    def mark(self) -> Mark:
        """Where a step begins that may be undone without its transaction."""
        return Mark(dict(self._counted), dict(self._taken))

    def back_to(self, mark: Mark) -> None:
        self._counted, self._taken = dict(mark.counted), dict(mark.taken)
