"""Posts the requests of a job, several at a time, until each has its answer; nothing is sent twice.

A request may be repeated because it carries its Idempotency-Key. The gateway's Retry-After holds all requests; a
gateway that does not answer at all is waited for as long as the caller's patience goes.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import NamedTuple, Protocol, TypeVar

from gateway.cli.bulk.job import Slice
from gateway.cli.calls import Answer, Caller, CallError, NotReachableError, RefusedError

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 10.0
_MOST_FAULTS = 5
"""Answers in the 500s, one after the other to one request, that tell of no pause."""
_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
"""Worth another try whoever answered, a proxy for one."""
_LIMITS_OF_ONE_CALL = frozenset({"messages_per_day", "backlog"})
"""Limits of an account that let no call through that asks for more than all of them at once."""
_SLICES_AHEAD = 2
"""Requests made per connection before the oldest one's answer is taken."""


class StoppedError(Exception):
    """The run was interrupted."""


class TooMuchAtOnceError(CallError):
    """Requests of this size will never be taken; its text says what to do."""


class Clock(Protocol):
    """Time, and waiting in it."""

    def now(self) -> float:
        """Seconds."""

    def wait(self, seconds: float) -> bool:
        """True as soon as the run is stopped, else False after these seconds."""


class SystemClock:
    """The machine's; `stop` ends all waiting."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        self._stopped.set()


class Patience:
    """When a call is tried again. Shared by all connections of a run."""

    def __init__(self, seconds: float, clock: Clock, tell: Callable[[str], None]) -> None:
        """`seconds` without any answer are endured, once there was one; `tell` is told in words what is waited for."""
        self._seconds = seconds
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self._away_since: float | None = None
        self._ever_answered = False

    def keep_trying(self, call: Callable[[], T]) -> T:
        """What the call gives once it does. Raises StoppedError, or the CallError that no patience helps against."""
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
            if self._clock.wait(pause):
                raise StoppedError

    def _pass(self) -> None:
        while True:
            with self._lock:
                left = self._closed_until - self._clock.now()
            if self._clock.wait(max(left, 0.0)):
                raise StoppedError
            if left <= 0:
                return

    def _endures(self, pause: float) -> bool:
        with self._lock:
            now = self._clock.now()
            if self._away_since is None:
                self._away_since = now
            return self._ever_answered and now + pause - self._away_since <= self._seconds

    def _answered(self) -> None:
        with self._lock:
            self._ever_answered, self._away_since = True, None

    def _pause_after(self, refusal: RefusedError, tries: int) -> float:
        """Seconds before this call goes out again; raises the refusal where it may not, or has done so too often."""
        told = refusal.headers.get("retry-after", "")
        is_later = refusal.status in _LATER or refusal.problem.get("retryable") is True
        if not is_later or (not told and tries >= _MOST_FAULTS):
            raise refusal
        if not told.isdecimal():
            return _pause(tries)
        seconds = float(told)
        # A request under way concerns nobody else.
        if refusal.status != HTTPStatus.CONFLICT:
            with self._lock:
                is_news = self._closed_until < self._clock.now()
                self._closed_until = max(self._closed_until, self._clock.now() + seconds)
            if is_news:
                self._tell(f"The gateway asks to wait {told} s: {_first_line(refusal)}")
        return seconds


def _pause(tries: int) -> float:
    return float(min(_FIRST_PAUSE_SECONDS * 2 ** min(tries, 10), _LONGEST_PAUSE_SECONDS))


def _first_line(failure: CallError) -> str:
    return str(failure).partition("\n")[0]


class Answered(NamedTuple):
    """A request with what became of it."""

    slice: Slice
    answer: Answer | None
    """None where there was nothing to send."""
    is_erased: bool
    """It was carried out before, so long ago that the gateway does not know the messages any more."""


class Posting:
    """Puts slices over several connections, each a thread; the answers come in the slices' order."""

    def __init__(
        self, make_caller: Callable[[], Caller], patience: Patience, clock: SystemClock, *, at_once: int
    ) -> None:
        self._callers = threading.local()
        self._make_caller = make_caller
        self._patience = patience
        self._clock = clock
        self._at_once = at_once

    def answers(self, slices: Iterable[Slice]) -> Generator[Answered, None, None]:
        """One for each. The second is not sent before the first was taken: what is wrong with all of them shows there.

        Raises StoppedError, or the CallError of the first that failed for good; what is under way is then waited for.
        """
        given = iter(slices)
        first = next(given, None)
        if first is None:
            return
        with ThreadPoolExecutor(self._at_once, "bulk") as pool:
            try:
                yield pool.submit(self._post, first).result()
                waiting: deque[Future[Answered]] = deque()
                for slice_ in given:
                    waiting.append(pool.submit(self._post, slice_))
                    if len(waiting) >= self._at_once * _SLICES_AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:
                # Nothing new is begun, and nobody goes on waiting for a gateway that is away.
                self._clock.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _post(self, slice_: Slice) -> Answered:
        if not slice_.body:
            return Answered(slice_, None, is_erased=False)
        caller: Caller | None = getattr(self._callers, "caller", None)
        if caller is None:
            caller = self._callers.caller = self._make_caller()
        try:
            answer = self._patience.keep_trying(partial(_call, caller, slice_))
        except RefusedError as refusal:
            if refusal.problem.get("code") != "first_answer_erased":
                raise
            return Answered(slice_, None, is_erased=True)
        return Answered(slice_, answer, is_erased=False)


def _call(caller: Caller, slice_: Slice) -> Answer:
    try:
        answer = caller.post_once("/v1/sms/bulk", slice_.body, slice_.key)
    except RefusedError as refusal:
        advice = _advice(refusal, len(slice_.rows))
        if advice is None:
            raise
        raise TooMuchAtOnceError(f"{refusal}\n{advice}") from None
    if not isinstance(answer.json, dict) or not {"submission_id", "entities", "errors"} <= answer.json.keys():
        raise CallError("What answers does not speak like a Sluice gateway. Is the URL right?")
    return answer


def _advice(refusal: RefusedError, rows: int) -> str | None:
    """What to do about a request that is too large for ever; None: it is not that."""
    code, limit = refusal.problem.get("code"), refusal.problem.get("limit")
    if code == "body_too_large":
        return f"Give a smaller --batch than {rows}."
    is_limited = refusal.problem.get("limited_by") in _LIMITS_OF_ONE_CALL
    if isinstance(limit, int) and rows > limit and (code == "too_many_items" or is_limited):
        return f"Give --batch {limit}."
    return None
