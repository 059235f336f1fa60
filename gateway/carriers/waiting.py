"""What was given to a bind and may not go yet, in order, and for how long it may wait there.

Window and pace, which decide when it goes, are asked by bind.py.
"""

from collections import deque
from typing import Any

import trio

from protocol.pdus import SubmitSm

WAIT_BEYOND_ANSWER_SECONDS = 30.0
"""A segment waits at most this long and the response_timeout, and is then sent or given back; so it is settled within
twice the response_timeout and this, before the store takes its claim for a lost one."""


class Waiting:
    """A queue of submit_sm with their tokens."""

    def __init__(self, response_timeout: float) -> None:
        """`response_timeout`: the carrier's, in seconds."""
        self._longest = response_timeout + WAIT_BEYOND_ANSWER_SECONDS
        self._given: deque[tuple[SubmitSm, Any, float]] = deque()

    def __len__(self) -> int:
        return len(self._given)

    @property
    def until(self) -> float:
        """When the first is overdue. Only while there is one."""
        return self._given[0][2] + self._longest

    def add(self, pdu: SubmitSm, token: Any) -> None:
        """It waits from now on."""
        self._given.append((pdu, token, trio.current_time()))

    def take(self) -> tuple[SubmitSm, Any]:
        """The first."""
        pdu, token, _ = self._given.popleft()
        return pdu, token

    def take_overdue(self, now: float) -> list[Any]:
        """The tokens of those that have waited too long."""
        tokens = []
        while self._given and self.until <= now:
            tokens.append(self._given.popleft()[1])
        return tokens

    def take_all(self) -> list[Any]:
        """The tokens of all."""
        tokens = [token for _, token, _ in self._given]
        self._given.clear()
        return tokens
