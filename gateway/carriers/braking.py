"""The pace of a bind after its carrier said to slow down: half of what went before, then climbing. Pure.

How long it pauses first, and the pace that was agreed with the carrier, are pacing.py's. `now` in seconds.
"""

CUT = 0.5
CLIMB_PAUSES = 5
"""So many throttle_pauses later the pace before the throttle is reached again, and so on: that finds a carrier's limit
with about one throttle in a hundred PDUs. In pauses, because who shortens them wants to be back soon."""
LONGEST_SCALE_SECONDS = 1.0
"""A longer throttle_pause makes pauses longer, not the climb slower."""
LEAST_RATE = 10.0
"""PDU/s. It goes no slower: where throttles have nothing to do with our pace (the queue of one subscriber is full),
cuts would follow each other down to nothing."""
LEAST_SHARE = 0.25
"""Of the configured pace, where that is slow."""
RELEASE_PAUSES = 60
"""Without a throttle for so long it is over; by then it would be at six times the pace that was too much."""
CATCH_UP_SECONDS = 0.1
"""How late a timer may come and still make good what it missed."""
_METER_SECONDS = 1.0
_NEVER = float("-inf")


class Meter:
    """How many PDUs a second were answered lately: what went in the running second, and a share of the one before."""

    __slots__ = ("_before", "_count", "_since", "started_at")

    def __init__(self) -> None:
        self.start(_NEVER)

    def start(self, now: float) -> None:
        """Forget all; what comes before `now` is not counted."""
        self.started_at = self._since = now
        self._count = self._before = 0

    def add(self, now: float, count: int) -> None:
        """So many were answered."""
        passed = now - self._since
        if passed >= _METER_SECONDS:
            self._before = self._count if passed < 2 * _METER_SECONDS else 0
            self._count = 0
            self._since = self._since + _METER_SECONDS if self._before else now
        elif passed < 0:
            return
        self._count += count

    def rate(self, now: float) -> float:
        """PDU/s."""
        passed = (now - self._since) / _METER_SECONDS
        if passed < 1:
            return self._count + self._before * (1 - max(0.0, passed))
        return self._count * max(0.0, 2 - passed)


class Brake:
    """A pace like `pacing.Pace`, in force from a throttle until the bind is back at its configured pace, or was not
    throttled for long. Its grid is loose: it is nobody's contract."""

    __slots__ = ("_due", "_least", "_meter", "_most", "_over_at", "_resumes_at", "_scale", "_start", "_step", "is_on")

    def __init__(self, most: float, pause: float) -> None:
        """`most`: PDU/s that the settings allow the bind; infinite without a rate. `pause`: the throttle_pause."""
        self._most = most
        self._scale = min(pause, LONGEST_SCALE_SECONDS)
        self._least = min(LEAST_RATE, LEAST_SHARE * most)
        self._meter = Meter()
        self._start = self._step = 0.0
        self._resumes_at = self._over_at = self._due = _NEVER
        self.is_on = False
        """Whether it is in force."""

    def answered(self, now: float, count: int) -> None:
        """So many PDUs were answered."""
        self._meter.add(now, count)
        if self.is_on and (now >= self._over_at or self.rate(now) >= self._most):
            self.is_on = False

    def throttled(self, now: float, resumes_at: float) -> None:
        """The carrier said to slow down; the bind pauses until `resumes_at`."""
        before = max(self._went(now), self._least / CUT)
        self._start = before * CUT
        self._step = (before - self._start) / (CLIMB_PAUSES * self._scale)
        self._resumes_at = self._due = resumes_at
        self._over_at = resumes_at + RELEASE_PAUSES * self._scale
        self._meter.start(resumes_at)
        self.is_on = True

    def regained(self, away_since: float, now: float) -> None:
        """Another connection goes on at the pace at which the last was lost: nothing was learned in between. But what
        was learned does not outlast its time."""
        self._meter.start(now)
        self._resumes_at = max(self._resumes_at, min(self._resumes_at + now - away_since, now))
        self.is_on = self.is_on and now < self._over_at

    def rate(self, now: float) -> float:
        """PDU/s that it allows."""
        return self._start + self._step * max(0.0, now - self._resumes_at)

    def room(self, now: float) -> int:
        """How many PDUs may go now."""
        if now < self._due:
            return 0
        if now - self._due > CATCH_UP_SECONDS:
            self._due = now
        return 1 + int((now - self._due) * self.rate(now))

    def take(self, now: float, count: int) -> None:
        """So many PDUs went."""
        self._due += count / self.rate(now)

    def next_at(self) -> float:
        """When `room` says at least 1 again (now or before: at once)."""
        return self._due

    def _went(self, now: float) -> float:
        """PDU/s before this throttle: measured, for the bind may have had less to send than it was allowed to."""
        if not self.is_on:
            return min(self._meter.rate(now), self._most)
        if now - self._meter.started_at < _METER_SECONDS:
            return self.rate(now)
        return min(self._meter.rate(now), self.rate(now))
