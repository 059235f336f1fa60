"""Waits until the accepted messages of a job have ended, by look-ups of whole submissions at a bounded pace."""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from gateway.cli.bulk.patience import Clock, Patience
from gateway.cli.calls import Caller
from gateway.cli.timeline_lines import FINAL

_PAGE = 500
_SECONDS_PER_MESSAGE = 0.1 / _PAGE
_SHORTEST_PAUSE_SECONDS = 0.01
"""Between two look-ups, of whatever submissions: the more a look-up shows, the longer."""
_SOONEST_SECONDS = 0.5
_SELDOM_SECONDS = 30.0
_SLOWER = 1.5


class Waiting:
    """Counts statuses; a submission whose messages have all ended is not asked for again."""

    def __init__(self, caller: Caller, patience: Patience, clock: Clock, submissions: Mapping[str, int]) -> None:
        """`submissions`: how many messages each accepted, by their public ids."""
        self._caller = caller
        self._patience = patience
        self._clock = clock
        self._accepted = submissions
        self._latest: dict[str, Counter[str]] = {}
        """Of the submissions that have not ended."""
        self._found: Counter[str] = Counter()
        """Of all that were looked at."""

    def until_ended(self, show: Callable[[int], None], at_most_seconds: float | None) -> bool:
        """False when the time was over first. `show` is told how many messages have ended. Raises CallError."""
        begun_at = self._clock.now()
        due = [(begun_at, at, id_, _SOONEST_SECONDS) for at, id_ in enumerate(self._accepted)]
        while due:
            at, order, id_, interval = heapq.heappop(due)
            now = self._clock.now()
            if at_most_seconds is not None and max(at, now) - begun_at > at_most_seconds:
                return False
            pause = max(self._accepted[id_] * _SECONDS_PER_MESSAGE, _SHORTEST_PAUSE_SECONDS)
            self._clock.wait(max(at - now, pause))
            if not self._look(id_):
                longer = min(interval * _SLOWER, _SELDOM_SECONDS)
                heapq.heappush(due, (self._clock.now() + interval, order, id_, longer))
            show(self.ended)
        return True

    @property
    def ended(self) -> int:
        """How many messages have ended, as far as was seen."""
        return sum(count for status, count in self.outcomes().items() if status in FINAL)

    def outcomes(self) -> Counter[str]:
        """Messages by the status that was seen last; those that were not looked at yet are `queued`."""
        found = Counter(self._found)
        found["queued"] += sum(self._accepted.values()) - found.total()
        return +found

    def _look(self, id_: str) -> bool:
        """Whether all messages of a submission have ended."""
        statuses: Counter[str] = Counter()
        cursor: str | None = None
        while True:
            path = f"/v1/sms?submission_id={quote(id_)}&limit={_PAGE}" + (f"&cursor={quote(cursor)}" if cursor else "")
            page: Any = self._patience.keep_trying(partial(self._caller.get, path))
            statuses.update(message["status"] for message in page["entities"])
            cursor = page["next_cursor"]
            if cursor is None:
                break
        # What the gateway has erased meanwhile had ended long before.
        statuses["no longer kept"] = max(self._accepted[id_] - statuses.total(), 0)
        self._found.subtract(self._latest.pop(id_, None))
        self._found.update(statuses)
        if any(status not in FINAL and count for status, count in statuses.items() if status != "no longer kept"):
            self._latest[id_] = statuses
            return False
        return True
