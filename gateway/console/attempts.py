"""Wrong tokens at the sign-in, counted by address, so that nobody tries many."""

from collections import deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from math import ceil

import trio

from gateway.api.addresses import Address

MOST_WRONG = 10
WITHIN_SECONDS = 60.0
MOST_ADDRESSES = 10_000
"""Those that come when so many are remembered share one count."""


class Attempts:
    """Times of wrong tokens, in seconds of a clock that only rises."""

    def __init__(self, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self._wrong: dict[str, deque[float]] = {}

    def wait_seconds(self, address: Address | None) -> int:
        """How long nobody there may try; 0: now."""
        now = self._clock()
        times = self._times(address, now)
        return ceil(times[0] + WITHIN_SECONDS - now) if times is not None and len(times) >= MOST_WRONG else 0

    def wrong(self, address: Address | None) -> None:
        """One more from there."""
        now = self._clock()
        times = self._times(address, now)
        if times is None:
            if len(self._wrong) >= MOST_ADDRESSES:
                self._forget(now)
            times = self._wrong.setdefault(self._place(address), deque(maxlen=MOST_WRONG))
        times.append(now)

    def _times(self, address: Address | None, now: float) -> deque[float] | None:
        times = self._wrong.get(self._place(address))
        while times and now - times[0] >= WITHIN_SECONDS:
            times.popleft()
        return times

    def _place(self, address: Address | None) -> str:
        place = _network(address)
        return place if place in self._wrong or len(self._wrong) < MOST_ADDRESSES else ""

    def _forget(self, now: float) -> None:
        for place in [place for place, times in self._wrong.items() if not times or now - times[-1] >= WITHIN_SECONDS]:
            del self._wrong[place]


def _network(address: Address | None) -> str:
    """One machine has as many addresses of IPv6 as it likes: its network counts."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)
