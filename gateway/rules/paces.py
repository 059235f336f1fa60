"""How many messages of a campaign may be made now, so that no more than its own rate go out. Pure; times in seconds."""


class Pace:
    """A bucket that fills at the rate; what is asked of it comes in quarters of a second, not one by one."""

    __slots__ = ("_at", "_left", "most", "rate")

    def __init__(self, rate: float, most: int, now: float) -> None:
        """`rate` a second, 0: no limit; `most`: at a time."""
        self.rate = rate
        self.most = most
        self._left = self._quantum
        self._at = now

    @property
    def _quantum(self) -> float:
        return max(1.0, min(float(self.most), self.rate / 4))

    def allowed(self, now: float) -> int:
        """How many may be made now; 0: wait for `wait` seconds."""
        if not self.rate:
            return self.most
        self._left = min(max(1.0, self.rate), self._left + max(0.0, now - self._at) * self.rate)
        self._at = now
        # A sum of many small times may lack a hair of a whole message.
        return min(self.most, int(self._left + 1e-6)) if self._left + 1e-6 >= self._quantum else 0

    def made(self, count: int) -> None:
        if self.rate:
            self._left -= count

    def wait(self, now: float) -> float:
        """Seconds until some may be made."""
        if not self.rate:
            return 0.0
        return max(0.0, (self._quantum - self._left) / self.rate - (now - self._at))
