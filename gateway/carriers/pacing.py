"""When the next PDU may go, when a throttled bind goes on, and when a lost one is tried again: pure, `now` in seconds.

Nothing here sleeps or knows of binds; bind.py and carrier.py ask, and tell what happened.
"""

import random
from collections import deque
from collections.abc import Callable

GRID = 1.008
"""PDUs are due so much further apart than the rate says: a network may bring them closer together than they were sent,
and 99 of 100 a second are still kept on average."""
WINDOW = 1.004
"""No more than the rate goes in a second counted so much longer. Less than GRID, so that what came late and was made
good comes a little less late in each following second, and bunches dissolve."""
CATCH_UP_SECONDS = 0.25
"""How late a backlogged sender may come and still make good what it missed; longer was idleness and earns nothing."""
CATCH_UP_RATE = 2
"""What was missed is made good at no more than so many times the rate: in small steps, not all at once."""
STRETCH_SECONDS = 0.02
"""A timer that comes late by no more than so much costs nothing: what CATCH_UP_RATE would have let go goes then."""
STEP_SECONDS = 0.002
"""Between two wake-ups of a quick pace: each costs as much as several PDUs."""
PAUSE_CEILING_SECONDS = 30.0
PAUSE_JITTER = 0.25
HOPELESS_SECONDS = 900.0
"""After wrong credentials: carriers lock accounts that keep trying, and an operator can ask for a try at any time."""

Random = Callable[[], float]
"""Draws from 0 to 1."""


class Went:
    """PDUs that went together, and when."""

    __slots__ = ("at", "count", "unwritten")

    def __init__(self, at: float, count: int) -> None:
        self.at = at
        self.count = count
        self.unwritten = 0
        """How many of them are still to be handed to the network; till then they count, however long it takes."""

    def written(self, count: int, now: float) -> None:
        """So many of them were handed to the network only now: their second begins here."""
        self.at = max(self.at, now)
        self.unwritten -= count


class Pace:
    """At most `rate` PDUs in any second, evenly spread. One paces a bind, or all binds of a carrier together.

    PDUs are due on an even grid, so that a late timer costs no throughput; and what went within the last second is
    counted, so that catching up never exceeds the rate.
    """

    __slots__ = ("_due", "_gap", "_last", "_limit", "_period", "_sent", "_sent_count", "_spacing", "_stretch")

    def __init__(self, rate: float) -> None:
        """`rate`: PDUs a second, above 0; of one that is no whole number the whole ones in the time that they take."""
        self._limit = max(1, int(rate))
        self._period = self._limit / rate * WINDOW
        self._spacing = GRID / rate
        self._stretch = self._spacing / CATCH_UP_RATE
        self._gap = max(self._stretch, STEP_SECONDS)
        self._due = self._last = float("-inf")
        self._sent: deque[Went] = deque()
        self._sent_count = 0

    def room(self, now: float) -> int:
        """How many PDUs may go now."""
        sent, period = self._sent, self._period
        while sent and sent[0].at + period <= now:
            went = sent.popleft()
            if went.unwritten:
                went.at = now
                sent.append(went)
            else:
                self._sent_count -= went.count
        late = now - self._due
        if late < 0:
            return 0
        if late > CATCH_UP_SECONDS:
            self._due, late = now, 0.0
        overdue = int(late / self._spacing)
        if overdue:
            overdue = min(overdue, int(min(now - self._last, STRETCH_SECONDS) / self._stretch))
        # More may have gone within the period at a rate from before that was higher.
        return max(0, min(1 + overdue, self._limit - self._sent_count))

    def take(self, now: float, count: int) -> "Went":
        """So many PDUs go; `count` is at most what `room` said for the same `now`. To be told when they are written."""
        went = Went(now, count)
        self._due += count * self._spacing
        self._last = now
        self._sent.append(went)
        self._sent_count += count
        return went

    def at_rate(self, rate: float) -> "Pace":
        """Another pace that goes on from here: what went within the last second is counted."""
        other = Pace(rate)
        other._due, other._last = self._due, self._last
        other._sent, other._sent_count = self._sent.copy(), self._sent_count
        return other

    def next_at(self) -> float:
        """When `room` says at least 1 again (now or before: at once)."""
        at = max(self._due, self._last + self._gap)
        return max(at, self._sent[0].at + self._period) if self._sent_count >= self._limit else at


def retuned(pace: Pace | None, rate: float) -> Pace | None:
    """The pace for a rate that may have changed; 0: none."""
    if not rate:
        return None
    return Pace(rate) if pace is None else pace.at_rate(rate)


class ThrottlePause:
    """How long a throttled bind sends nothing: twice as long each time its return meets a throttle, until a success."""

    __slots__ = ("_base", "_random", "_step", "until")

    def __init__(self, base: float, rand: Random = random.random) -> None:
        """`base`: seconds of the first pause; above 30 it is also the longest."""
        self._base = base
        self._step = base
        self._random = rand
        self.until = float("-inf")
        """When the pause ends, or ended."""

    def rebase(self, base: float) -> None:
        """Begin with so many seconds from the next pause on."""
        self._base = self._step = base

    def throttled(self, now: float) -> bool:
        """Whether this begins a pause; throttles that were on their way when one began belong to it."""
        if now < self.until:
            return False
        # Never shorter than asked, and not the same on every bind, lest they all return at once.
        self.until = now + self._step * (1 + PAUSE_JITTER * self._random())
        self._step = min(self._step * 2, max(self._base, PAUSE_CEILING_SECONDS))
        return True

    def succeeded(self, now: float) -> None:
        """A PDU was taken; what was answered within a pause had been sent before it and proves nothing."""
        if now >= self.until:
            self._step = self._base


class Backoff:
    """How long to wait before a lost or refused bind is tried again: exponential, with full jitter above a floor."""

    __slots__ = ("_ceiling", "_failures", "_floor", "_random")

    def __init__(self, floor: float, ceiling: float, rand: Random = random.random) -> None:
        self._floor = floor
        self._ceiling = max(floor, ceiling)
        self._random = rand
        self._failures = 0

    def failed(self) -> float:
        """Seconds to wait after one more failure in a row."""
        # The exponent is capped because a float overflows long before a night of failures is over.
        self._failures = min(self._failures + 1, 30)
        return self._between(self._floor, min(self._ceiling, self._floor * 2**self._failures))

    def occupied(self, inactivity_timeout: float) -> float:
        """Seconds to wait while the carrier still holds an earlier session: its inactivity timer has to run out."""
        longer = inactivity_timeout * (1 + PAUSE_JITTER)
        return self._between(max(self._floor, inactivity_timeout * (1 + PAUSE_JITTER / 5)), max(self._floor, longer))

    def hopeless(self) -> float:
        """Seconds to wait when trying again changes nothing until someone changes the settings, here or there."""
        least = max(self._ceiling, HOPELESS_SECONDS)
        return self._between(least, least * (1 + PAUSE_JITTER))

    def steady(self) -> None:
        """A bind has lasted: the next loss is a first one."""
        self._failures = 0

    def _between(self, least: float, most: float) -> float:
        return least + (most - least) * self._random()
