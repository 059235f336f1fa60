"""Requests in flight: who waits for which sequence_number, since when, until when. Bytes and PDUs are the session's."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.errors import WindowFull

OVERDUE_PER_SLOT = 10
"""How many expired requests are remembered for each slot, so that their late answers still find them."""


@dataclass(slots=True)
class Slot:
    """One request in flight; times are seconds of the caller's monotonic clock."""

    sequence: int
    token: Any
    sent_at: float
    deadline: float


class Window:
    """At most `capacity` requests in flight. Deadlines must be added in rising order: all share one time-out."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._slots: dict[int, Slot] = {}
        self._overdue: OrderedDict[int, Slot] = OrderedDict()

    def __contains__(self, sequence: int) -> bool:
        """Whether an answer to this sequence number would still find its request."""
        return sequence in self._slots or sequence in self._overdue

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return len(self._slots)

    @property
    def free(self) -> int:
        """How many requests may be added now."""
        return max(0, self.capacity - len(self._slots))

    @property
    def oldest(self) -> Slot | None:
        """The request that waits longest."""
        return next(iter(self._slots.values()), None)

    @property
    def next_deadline(self) -> float | None:
        """When `expire` will have something to do."""
        slot = self.oldest
        return None if slot is None else slot.deadline

    def add(self, sequence: int, token: Any, now: float, deadline: float) -> None:
        """Take a slot. Raises WindowFull."""
        self.demand_free()
        self._slots[sequence] = Slot(sequence, token, now, deadline)

    def add_all(self, requests: Iterable[tuple[int, Any]], now: float, deadline: float) -> None:
        """Take a slot for each sequence number with its token, of which `demand_free` knows that there is one."""
        slots = self._slots
        for sequence, token in requests:
            slots[sequence] = Slot(sequence, token, now, deadline)

    def demand_free(self, count: int = 1) -> None:
        """Raises WindowFull unless so many requests may be added now."""
        if len(self._slots) + count > self.capacity:
            raise WindowFull(f"{len(self._slots)} of {self.capacity} requests wait for their answer")

    def settle(self, sequence: int) -> Slot | None:
        """Give the request that this answer ends and free its slot, or None if none in flight has this number."""
        return self._slots.pop(sequence, None)

    def settle_overdue(self, sequence: int) -> Slot | None:
        """Give the expired request that this late answer ends, once."""
        return self._overdue.pop(sequence, None)

    def expire(self, now: float) -> list[Slot]:
        """Free the slots whose deadline has come, oldest first, and remember them for a late answer."""
        expired: list[Slot] = []
        for slot in self._slots.values():
            if slot.deadline > now:
                break
            expired.append(slot)
        for slot in expired:
            del self._slots[slot.sequence]
            self._overdue[slot.sequence] = slot
        while len(self._overdue) > OVERDUE_PER_SLOT * self.capacity:
            self._overdue.popitem(last=False)
        return expired

    def overdue(self, since: float) -> int:
        """How many requests expired after this moment and still have no answer, not even a late one."""
        return sum(1 for slot in self._overdue.values() if slot.deadline > since)

    def abandon(self) -> list[Slot]:
        """Give up all requests in flight, oldest first, and forget the overdue ones: the link is gone."""
        abandoned = list(self._slots.values())
        self._slots.clear()
        self._overdue.clear()
        return abandoned
