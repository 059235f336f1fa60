"""Things that come from other threads, and waiting for one of them: every wait of the whole-daemon tests is here."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
"""For what takes milliseconds on an idle machine."""
_LAST = 12
_POLL_SECONDS = 0.01


class Arrivals(Generic[T]):
    """A list that grows from one thread and is waited on by another."""

    def __init__(self, of_what: str) -> None:
        self._of_what = of_what
        self._items: list[T] = []
        self._condition = threading.Condition()
        self._is_over = False

    def add(self, item: T) -> None:
        with self._condition:
            self._items.append(item)
            self._condition.notify_all()

    def end(self) -> None:
        """Nothing comes any more: those who wait are told at once."""
        with self._condition:
            self._is_over = True
            self._condition.notify_all()

    def all(self, match: Callable[[T], bool] = lambda item: True) -> list[T]:
        """What came so far."""
        with self._condition:
            return [item for item in self._items if match(item)]

    def __len__(self) -> int:
        return len(self._items)

    def wait(
        self, match: Callable[[T], bool] = lambda item: True, *, after: int = 0, seconds: float = PATIENCE_SECONDS
    ) -> T:
        """The first that matches among those that came as number `after` or later."""
        return self.wait_for(1, match, after=after, seconds=seconds)[0]

    def wait_for(
        self,
        count: int,
        match: Callable[[T], bool] = lambda item: True,
        *,
        after: int = 0,
        seconds: float = PATIENCE_SECONDS,
    ) -> list[T]:
        """The first `count` that match. Raises AssertionError, with what came last, when they don't come."""
        found: list[T] = []
        seen = after
        deadline = time.monotonic() + seconds
        with self._condition:
            while True:
                found += [item for item in self._items[seen:] if match(item)]
                seen = max(seen, len(self._items))
                if len(found) >= count:
                    return found[:count]
                left = deadline - time.monotonic()
                if self._is_over or left <= 0:
                    break
                self._condition.wait(left)
            why = "no more can come" if self._is_over else f"waited {seconds} s"
            last = "\n  ".join(str(item) for item in self._items[-_LAST:])
            raise AssertionError(
                f"{self._of_what}: {len(found)} of {count} came ({why}); {len(self._items)} in all, at last:\n  {last}"
            )


def wait_until(condition: Callable[[], T | None], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """What `condition` gives once that is true. For what nobody tells; where something arrives, wait for that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(_POLL_SECONDS)
    return found
