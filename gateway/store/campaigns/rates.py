"""How fast campaigns go: messages that left their queue in the last minute, by seconds. Lives in memory alone."""

from collections import deque

SPAN_SECONDS = 60
_SECOND_MS = 1_000


class Rates:
    """Of each campaign a row of at most 61 seconds."""

    def __init__(self) -> None:
        self._seconds: dict[int, deque[tuple[int, int]]] = {}
        self._since: dict[int, int] = {}

    def add(self, campaign: int, count: int, now: int) -> None:
        """So many of its messages left their queue; `now` in wall-clock ms, as everywhere here."""
        second = now // _SECOND_MS
        seconds = self._seconds.setdefault(campaign, deque(maxlen=SPAN_SECONDS + 1))
        self._since.setdefault(campaign, second)
        if seconds and seconds[-1][0] == second:
            count += seconds.pop()[1]
        seconds.append((second, count))

    def per_second(self, campaign: int, now: int) -> float:
        """Over the last minute, or since its first message if that is less."""
        last = now // _SECOND_MS
        first = last - SPAN_SECONDS
        counted = sum(count for second, count in tuple(self._seconds.get(campaign, ())) if first < second <= last)
        span = min(SPAN_SECONDS, last - self._since.get(campaign, last) + 1)
        return counted / max(1, span)

    def forget(self, campaign: int) -> None:
        self._seconds.pop(campaign, None)
        self._since.pop(campaign, None)
