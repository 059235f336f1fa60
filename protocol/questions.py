"""query_sm and cancel_sm in flight: few, beside the window of submits, so that no question ever takes a slot of it.

How many are asked at a time, and how often, is the driver's to say. Bytes and PDUs are the session's.
"""

from typing import Any


class Questions:
    """Who waits for which sequence_number, and until when: seconds of the caller's monotonic clock.

    Deadlines must be added in rising order: all share one time-out. A late answer finds nobody.
    """

    def __init__(self) -> None:
        self.waiting: dict[int, tuple[Any, float]] = {}
        """By sequence_number, the oldest first."""

    def __contains__(self, sequence: int) -> bool:
        return sequence in self.waiting

    @property
    def next_deadline(self) -> float | None:
        """When `expire` will have something to do."""
        return next((deadline for _, deadline in self.waiting.values()), None)

    def add(self, sequence: int, token: Any, deadline: float) -> None:
        self.waiting[sequence] = (token, deadline)

    def settle(self, sequence: int) -> Any:
        """The token of the question that this answer ends. Raises KeyError."""
        return self.waiting.pop(sequence)[0]

    def expire(self, now: float) -> list[Any]:
        """Give up the questions whose deadline has come: their tokens, oldest first."""
        expired = [sequence for sequence, (_, deadline) in self.waiting.items() if deadline <= now]
        return [self.settle(sequence) for sequence in expired]

    def abandon(self) -> list[Any]:
        """Give up all: the link is gone."""
        asked, self.waiting = self.waiting, {}
        return [token for token, _ in asked.values()]
