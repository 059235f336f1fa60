"""The limits of accounts on the way in and out: a call too many is refused, and every answer tells what is left.

Of what is accepted the store decides, in its transaction (store/allowances/usage.py); requests are counted here.
"""

import time
from collections.abc import Callable, Mapping
from math import ceil
from typing import NamedTuple, Protocol

from gateway.api.problem_types import TOO_MANY_REQUESTS
from gateway.api.problems import Problem
from gateway.identifiers import now_ms
from gateway.metrics import LIMITED
from gateway.rules.limits import DAY_MS, AccountLimit, Bucket, LimitReached, to_next_day
from gateway.settings import AccountLimits
from gateway.store.allowances.interface import AccountUse

NO_HEADERS: Mapping[str, str] = {}
_WORDS = {
    AccountLimit.REQUESTS: "requests a second",
    AccountLimit.MESSAGES: "messages a second",
    AccountLimit.DAY: "messages a UTC day",
    AccountLimit.BACKLOG: "messages that wait for a free slot",
}
_SPAN_SECONDS = {AccountLimit.REQUESTS: 1, AccountLimit.MESSAGES: 1, AccountLimit.DAY: DAY_MS // 1000}
_NAMES = {AccountLimit.REQUESTS: "requests", AccountLimit.MESSAGES: "messages", AccountLimit.DAY: "messages_per_day"}
"""In headers."""


class UsedStore(Protocol):
    """What limits ask of a store."""

    def account_use(self, account: str) -> AccountUse: ...


class _Limited(NamedTuple):
    """An account with limits."""

    limits: AccountLimits
    policy: str
    """The header that never changes."""
    requests: Bucket | None


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class LimitsOfAll:
    """Those of one listener. An account without limits costs a look into a dictionary."""

    def __init__(
        self,
        limits: Mapping[str, AccountLimits],
        store: UsedStore,
        *,
        clock: Callable[[], int] = monotonic_ms,
        wall_clock: Callable[[], int] = now_ms,
    ) -> None:
        """`clock` tells the milliseconds of any clock that only goes on; `wall_clock` those of the UTC day."""
        self._store = store
        self.clock = clock
        self._wall_clock = wall_clock
        self._limited: dict[str, _Limited] = {}
        self.reconfigure(limits)

    def reconfigure(self, limits: Mapping[str, AccountLimits]) -> None:
        """Other limits; what an account has used of those that stay is still counted."""
        known, now = self._limited, self.clock()
        self._limited = {
            name: known[name] if name in known and known[name].limits == one else _limited(one, now)
            for name, one in limits.items()
            if _policy(one) or one.backlog
        }

    def admit(self, account: str) -> None:
        """Count a call. Raises a Problem 429, of a call that is counted for nothing."""
        limited = self._limited.get(account)
        if limited is None or limited.requests is None:
            return
        now = self.clock()
        if wait := limited.requests.wait_ms(1, now):
            reached = LimitReached(AccountLimit.REQUESTS, limited.limits.requests_per_second, 1, wait)
            LIMITED.labels(account, reached.limit.value).inc()
            raise limit_problem(reached)
        limited.requests.take(1, now)

    def headers(self, account: str) -> Mapping[str, str]:
        """What every answer to an account tells of its limits."""
        limited = self._limited.get(account)
        if limited is None or not limited.policy:
            return NO_HEADERS
        limits, told = limited.limits, []
        if limited.requests is not None:
            bucket, now = limited.requests, self.clock()
            told.append(_item(AccountLimit.REQUESTS, bucket.left(now), bucket.wait_ms(bucket.most, now)))
        if limits.messages_per_second or limits.messages_per_day:
            use = self._store.account_use(account)
            if use.messages_left is not None:
                told.append(_item(AccountLimit.MESSAGES, use.messages_left, use.full_in_ms))
            if limits.messages_per_day:
                left = limits.messages_per_day - use.messages_today
                told.append(_item(AccountLimit.DAY, left, to_next_day(self._wall_clock())))
        return {"RateLimit-Policy": limited.policy, "RateLimit": ", ".join(told)}

    def requests_left(self, account: str) -> int | None:
        """Of this second; None: there is no limit."""
        limited = self._limited.get(account)
        return None if limited is None or limited.requests is None else int(limited.requests.left(self.clock()))


def limit_problem(reached: LimitReached) -> Problem:
    """A 429."""
    allowed = f"The account may have {reached.most:,} {_WORDS[reached.limit]}."
    members = {"limit": reached.most, "limited_by": reached.limit.value}
    if reached.is_for_ever:
        detail = f"{allowed} {reached.asked:,} at once are more than that. Nothing was accepted: send fewer."
        return Problem(TOO_MANY_REQUESTS, detail, members=members, retryable=False)
    done = "done" if reached.limit is AccountLimit.REQUESTS else "accepted"
    detail = f"{allowed} Nothing was {done}. Send again after the time in Retry-After."
    headers = {"Retry-After": str(max(1, ceil(reached.retry_after_ms / 1000)))}
    return Problem(TOO_MANY_REQUESTS, detail, members=members, headers=headers)


def _limited(limits: AccountLimits, now: int) -> _Limited:
    rate = limits.requests_per_second
    return _Limited(limits, _policy(limits), Bucket(rate, now) if rate else None)


def _policy(limits: AccountLimits) -> str:
    most = {
        AccountLimit.REQUESTS: limits.requests_per_second,
        AccountLimit.MESSAGES: limits.messages_per_second,
        AccountLimit.DAY: limits.messages_per_day,
    }
    return ", ".join(f'"{_NAMES[name]}";q={most[name]};w={span}' for name, span in _SPAN_SECONDS.items() if most[name])


def _item(limit: AccountLimit, left: float, full_in_ms: int) -> str:
    return f'"{_NAMES[limit]}";r={max(0, int(left))};t={ceil(full_in_ms / 1000)}'
