"""What is to be done when: a heap of times and items. It waits for nothing; the clock is the caller's."""

from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Agenda(Generic[T]):
    """Items by the second they are due; those of one time come out in the order they were put in."""

    __slots__ = ("_entries", "_entry_count")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, T]] = []
        self._entry_count = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def next_due(self) -> float | None:
        """When to come again, or None while there is nothing to do."""
        return self._entries[0][0] if self._entries else None

    def add(self, due: float, item: T) -> bool:
        """True if the item is now the first, so that whoever waits for `next_due` must look again."""
        self._entry_count += 1
        entry = (due, self._entry_count, item)
        heappush(self._entries, entry)
        return self._entries[0] is entry

    def take_due(self, now: float, limit: int = 1000) -> list[T]:
        """The items whose time has come, at most `limit` of them, so that a flood of timers leaves room for reading."""
        entries = self._entries
        due: list[T] = []
        while entries and entries[0][0] <= now and len(due) < limit:
            due.append(heappop(entries)[2])
        return due
