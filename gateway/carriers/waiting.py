"""What was given to a bind and may not go yet, in order, and for how long it may wait there.

Window and pace, which decide when it goes, are asked by bind.py.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

WAIT_BEYOND_ANSWER_SECONDS = 30.0
"""A segment waits at most this long and the response_timeout, and is then sent or given back; so it is settled within
twice the response_timeout and this, before the store takes its claim for a lost one."""


class Waiting:
    """A queue of submit_sm: the body of each with its token."""

    def __init__(self, response_timeout: float) -> None:
        """`response_timeout`: the carrier's, in seconds."""
        self._longest = response_timeout + WAIT_BEYOND_ANSWER_SECONDS
        self._given: deque[tuple[tuple[bytes, Any], float]] = deque()

    def retune(self, response_timeout: float) -> None:
        """The carrier's, in seconds, from now on."""
        self._longest = response_timeout + WAIT_BEYOND_ANSWER_SECONDS

    def __len__(self) -> int:
        return len(self._given)

    @property
    def until(self) -> float:
        """When the first is overdue. Only while there is one."""
        return self._given[0][1] + self._longest

    def add(self, submits: Iterable[tuple[bytes, Any]], now: float) -> None:
        """They wait from now on."""
        self._given.extend([(submit, now) for submit in submits])

    def put_in(self, place: int, submits: Sequence[tuple[bytes, Any]], now: float) -> None:
        """They wait before the one at this place, and as if for as long, so that the first is overdue first."""
        given = self._given
        since = given[place][1] if place < len(given) else now
        for submit in reversed(submits):
            given.insert(place, (submit, since))

    def token(self, place: int) -> Any:
        """Of the one at this place, from 0."""
        return self._given[place][0][1]

    def take(self, count: int) -> list[tuple[bytes, Any]]:
        """The first ones; as many there are at least."""
        given = self._given
        return [given.popleft()[0] for _ in range(count)]

    def take_overdue(self, now: float) -> list[Any]:
        """The tokens of those that have waited too long."""
        tokens = []
        while self._given and self.until <= now:
            (_, token), _ = self._given.popleft()
            tokens.append(token)
        return tokens

    def take_all(self) -> list[Any]:
        """The tokens of all."""
        tokens = [token for (_, token), _ in self._given]
        self._given.clear()
        return tokens
