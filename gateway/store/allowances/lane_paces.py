"""What lanes with a `rate` may still send: a bucket each, of which the deal is told and which the claims empty.

In memory alone: a start begins with a full bucket.
"""

from collections.abc import Container, Mapping

from gateway.rules.limits import Bucket
from gateway.store.policy import LanePolicy

_TURNS_A_SECOND = 20
"""A second's worth is given in so many turns: evenly, and without a transaction for each message."""


class LanePaces:
    """Of all lanes. Times are wall-clock milliseconds."""

    def __init__(self, lanes: Mapping[str, LanePolicy]) -> None:
        self._rates = {name: lane.rate for name, lane in lanes.items() if lane.rate}
        self._buckets: dict[str, Bucket] = {}
        self._sent: dict[str, int] = {}
        self._now = 0
        self.slots: dict[str, int] = {}
        """What each lane with a rate may be given, as of the last look."""
        self.closed: frozenset[str] = frozenset()
        """Those of them that may be given nothing yet."""

    def take(self, lanes: Mapping[str, LanePolicy]) -> None:
        """Other rates; a bucket whose size stays keeps what it holds."""
        rates = {name: lane.rate for name, lane in lanes.items() if lane.rate}
        self._buckets = {lane: one for lane, one in self._buckets.items() if rates.get(lane) == self._rates.get(lane)}
        self._rates = rates
        self.slots = {}
        self.closed = frozenset()

    def look(self, now: int) -> None:
        """How it stands now."""
        if not self._rates:
            return
        self._now = now
        self.slots = {lane: self._slots(lane, now) for lane in self._rates}
        self.closed = frozenset(lane for lane, slots in self.slots.items() if not slots)

    def _slots(self, lane: str, now: int) -> int:
        bucket, also = self._bucket(lane, now), self._sent.get(lane, 0)
        if bucket.wait_ms(self._turn(lane), now, also):
            return 0
        # A sum of many small times may lack a hair of a whole one.
        return max(1, int(bucket.left(now) - also + 1e-6))

    def opens_at(self, waiting: Container[str], now: int) -> int | None:
        """When the first of these lanes that is closed may be given some; None: none of them is."""
        self.look(now)
        waits = [self._bucket(lane, now).wait_ms(self._turn(lane), now) for lane in self.closed if lane in waiting]
        return now + min(waits) if waits else None

    def _turn(self, lane: str) -> float:
        return max(1.0, self._rates[lane] / _TURNS_A_SECOND)

    def sent(self, lane: str, messages: int) -> None:
        """The running transaction claims so many."""
        if lane in self._rates:
            self._sent[lane] = self._sent.get(lane, 0) + messages

    def commit(self) -> None:
        for lane, count in self._sent.items():
            self._bucket(lane, self._now).take(count, self._now)
        self._sent.clear()

    def roll_back(self) -> None:
        self._sent.clear()

    def _bucket(self, lane: str, now: int) -> Bucket:
        bucket = self._buckets.get(lane)
        if bucket is None:
            rate = self._rates[lane]
            # Somewhat more than a turn, so that one that is taken late costs nothing.
            bucket = self._buckets[lane] = Bucket(rate, now, self._turn(lane) + rate / _TURNS_A_SECOND)
        return bucket
