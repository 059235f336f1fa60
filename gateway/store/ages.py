"""Since when the oldest ready message of each filled queue waits: looked at now and then, for overflow, gauges, alarms.

One row of an index a queue and look, and at most so many queues in a transaction: no statement a message.
"""

from collections.abc import Callable, Collection, Iterable
from heapq import nsmallest
from typing import Any, NamedTuple

from gateway.identifiers import created_at_ms
from gateway.messages import MessageState

LOOK_MS = 1_000
"""How often; oftener where messages overflow sooner."""
LEAST_LOOK_MS = 100
MOST_QUEUES = 200
"""In one look, in turn."""
_OLDEST = (
    f"SELECT id, scheduled_at FROM messages WHERE queue = ? AND state = {int(MessageState.QUEUED)} ORDER BY id LIMIT 1"
)


class QueueAge(NamedTuple):
    """What waits in a lane under a route."""

    lane: str
    route: str
    oldest_ms: int
    """How long the oldest ready message has waited."""
    ready: int


def look_every(overflow_ms: int) -> int:
    """Milliseconds between looks where the most impatient route overflows after so many; 0: none does."""
    return max(LEAST_LOOK_MS, min(LOOK_MS, overflow_ms // 2)) if overflow_ms else LOOK_MS


class Ages:
    """By queue. Not undone with a transaction: it is looked at again soon."""

    def __init__(self) -> None:
        self._oldest: dict[int, int] = {}
        self._last = 0

    def since(self, queue: int) -> int:
        """Wall-clock milliseconds; 0: not known."""
        return self._oldest.get(queue, 0)

    def forget(self, queue: int) -> None:
        """It has become empty."""
        self._oldest.pop(queue, None)

    def look(self, execute: Callable[..., Any], filled: Iterable[int], idle: Collection[int]) -> None:
        """At the next of the filled queues; of those that are idle nothing is to be dealt, so nothing waits there."""
        for queue in idle:
            self.forget(queue)
        filled = [queue for queue in filled if queue not in idle]
        turn = nsmallest(MOST_QUEUES, (queue for queue in filled if queue > self._last))
        if len(turn) < MOST_QUEUES:
            turn += nsmallest(MOST_QUEUES - len(turn), (queue for queue in filled if queue <= self._last))
        for queue in turn:
            row = execute(_OLDEST, (queue,)).fetchone()
            if row is None:
                self.forget(queue)
            else:
                self._oldest[queue] = max(created_at_ms(row[0]), row[1] or 0)
        self._last = turn[-1] if turn else 0
