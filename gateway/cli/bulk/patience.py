"""When a call is tried again: after the time that the gateway asks for, or once one answers again.

A gateway that does not answer at all is waited for as long as the caller's patience goes.
"""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol, TypeVar

from gateway.cli.calls import CallError, NotReachableError, RefusedError

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
_MOST_FAULTS = 5
"""Answers in the 500s, one after the other to one request, that tell of no pause."""
_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
"""Worth another try whoever answered, a proxy for one, unless the answer says that it is not."""


class Clock(Protocol):
    """Time, and waiting in it."""

    def now(self) -> float:
        """Seconds."""

    def wait(self, seconds: float) -> None:
        """For so long."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


class Patience:
    """When a call is tried again. Shared by all calls of a run."""

    def __init__(self, seconds: float, clock: Clock, tell: Callable[[str], None]) -> None:
        """`seconds` without any answer are endured, once there was one; `tell` is told in words what is waited for."""
        self._seconds = seconds
        self._clock = clock
        self._tell = tell
        self._closed_until = 0.0
        self._away_since: float | None = None
        self._ever_answered = False

    def keep_trying(self, call: Callable[[], T]) -> T:
        """What the call gives once it does. Raises the CallError that no patience helps against."""
        tries = 0
        while True:
            self._pass()
            try:
                found = call()
            except NotReachableError as failure:
                pause = _pause(tries)
                if not self._endures(pause):
                    raise
                if tries == 0:
                    self._tell(f"The gateway does not answer; waiting for it. {_first_line(failure)}")
            except RefusedError as refusal:
                self._answered()
                pause = self._pause_after(refusal, tries)
            else:
                self._answered()
                return found
            tries += 1
            self._clock.wait(pause)

    def _pass(self) -> None:
        while (left := self._closed_until - self._clock.now()) > 0:
            self._clock.wait(left)

    def _endures(self, pause: float) -> bool:
        now = self._clock.now()
        if self._away_since is None:
            self._away_since = now
        return self._ever_answered and now + pause - self._away_since <= self._seconds

    def _answered(self) -> None:
        self._ever_answered, self._away_since = True, None

    def _pause_after(self, refusal: RefusedError, tries: int) -> float:
        """Seconds before this call goes out again; raises the refusal where it may not, or has done so too often."""
        told = refusal.headers.get("retry-after", "")
        is_later = refusal.problem.get("retryable", refusal.status in _LATER) is True
        if not is_later or (not told and tries >= _MOST_FAULTS):
            raise refusal
        if not told.isdecimal():
            return _pause(tries)
        seconds = float(told)
        # A request under way concerns nobody else.
        if refusal.status != HTTPStatus.CONFLICT:
            now = self._clock.now()
            is_news, self._closed_until = self._closed_until < now, max(self._closed_until, now + seconds)
            if is_news:
                self._tell(f"The gateway asks to wait {told} s: {_first_line(refusal)}")
        return seconds


def _pause(tries: int) -> float:
    return float(min(_FIRST_PAUSE_SECONDS * 2 ** min(tries, 10), _LONGEST_PAUSE_SECONDS))


def _first_line(failure: CallError) -> str:
    return str(failure).partition("\n")[0]
