"""When the store can't take what a call asks for: who calls is told what to do, and the log why it is so.

Why is its operator's to know: which disk, which setting, how much waits for all accounts together.
"""

import logging
import time
from collections.abc import Callable

from gateway.api import problem_types
from gateway.api.problems import Problem
from gateway.logs import quoted
from gateway.store.interface import StoreBusy, StoreFull

Expected = Problem | StoreFull | StoreBusy
"""What ends a call without its being a fault of ours."""

log = logging.getLogger("sluice.api")
EVERY_SECONDS = 10.0
_FULL = (
    "The gateway can't take more messages at the moment. Nothing was accepted. "
    "Send again after the time in Retry-After."
)
_BUSY = (
    "The gateway can't store anything at the moment. Nothing was changed. "
    "Send again after the time in Retry-After, with the same Idempotency-Key."
)
_RETRY_FULL = {"Retry-After": "10"}
_RETRY_BUSY = {"Retry-After": "1"}


class Refusals:
    """Of one listener. `is_operators`: its callers are told why. `clock`: seconds, of any clock that only goes on."""

    def __init__(self, *, is_operators: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_operators = is_operators
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def problem_of(self, error: Expected) -> Problem:
        """What the caller is told of an end that calls may have."""
        if isinstance(error, Problem):
            return error
        kind, detail, headers = (
            (problem_types.STORE_FULL, _FULL, _RETRY_FULL)
            if isinstance(error, StoreFull)
            else (problem_types.STORE_BUSY, _BUSY, _RETRY_BUSY)
        )
        self._log(kind.code, error)
        return Problem(kind, f"{detail} Why: {error}." if self._is_operators else detail, headers=headers)

    def _log(self, code: str, error: StoreFull | StoreBusy) -> None:
        now, calls = self._clock(), self._untold.get(code, 0) + 1
        if now - self._told_at.get(code, float("-inf")) < EVERY_SECONDS:
            self._untold[code] = calls
            return
        self._told_at[code], self._untold[code] = now, 0
        log.warning("calls are refused, as the store can't take them calls=%d reason=%s", calls, quoted(error))


def draining_problem() -> Problem:
    """A 503 of a call that submits, while an operator has the gateway drain."""
    words = "The gateway takes no new messages: its operator has it finish what it has. Nothing was accepted."
    return Problem(problem_types.DRAINING, words, headers={"Retry-After": "10"})
