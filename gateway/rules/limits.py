"""What an account may ask: buckets that fill by the second, and UTC days. Pure; times in milliseconds.

Who keeps the buckets, and what is told of them, is store/allowances/usage.py's and api/account/limits.py's.
"""

from enum import StrEnum
from math import ceil
from typing import NamedTuple

DAY_MS = 86_400_000


class AccountLimit(StrEnum):
    """Which limit; the values are their names in the settings."""

    REQUESTS = "requests_per_second"
    MESSAGES = "messages_per_second"
    DAY = "messages_per_day"
    BACKLOG = "backlog"


class LimitReached(NamedTuple):
    """Why something is not taken now."""

    limit: AccountLimit
    most: int
    asked: int
    retry_after_ms: int
    """When it may be taken, as far as that can be known."""

    @property
    def is_for_ever(self) -> bool:
        """More is asked for at once than the limit ever lets through."""
        return self.limit in (AccountLimit.DAY, AccountLimit.BACKLOG) and self.asked > self.most


class Bucket:
    """Fills by `rate` a second, and holds `most` (a second's worth unless said).

    It lends: what is more than it holds is given where it is full, and what comes after waits until that is paid back.
    """

    __slots__ = ("_at", "_left", "most", "rate")

    def __init__(self, rate: float, now: int, most: float | None = None) -> None:
        self.rate = rate
        self.most = max(1.0, rate if most is None else most)
        self._left = self.most
        self._at = now

    def left(self, now: int) -> float:
        """What is in it; below 0 what is lent. A clock that goes back costs nothing but the time it goes back by."""
        self._at = min(self._at, now)
        return min(self.most, self._left + (now - self._at) * self.rate / 1000)

    def take(self, count: int, now: int) -> None:
        """Without a look whether it is there."""
        self._left = self.left(now) - count
        self._at = now

    def wait_ms(self, count: float, now: int, also: float = 0) -> int:
        """Until so many may be taken; 0: now. `also`: so many are about to be taken."""
        missing = min(count, self.most) - self.left(now) + also
        # A sum of many small times may lack a hair of a whole one.
        return ceil(missing * 1000 / self.rate - 1e-6) if missing > 1e-6 else 0


def day_of(now: int) -> int:
    """The UTC day, counted from 1970."""
    return now // DAY_MS


def to_next_day(now: int) -> int:
    """Milliseconds until the next UTC day begins."""
    return DAY_MS - now % DAY_MS
