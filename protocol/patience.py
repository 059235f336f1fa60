"""How long a request that others have overtaken is waited for before its slot goes to the next; times in seconds.

Which requests those are is window.py's. One may serve several windows of the same peer, and outlive them.
"""

SHORTEST_SECONDS = 0.25
"""However quickly a peer answers: it may stop to think for so long, say to collect its garbage."""
TIMES_USUAL = 10
"""At 1 % of answers lost, slots held for ten times the usual latency cost a tenth of the flow."""
TIMES_LATE = 2
SHARE_AFTER_SILENCE = 0.9
"""What is left of what late answers taught, for each request that has none at all."""
OTHER_REASONS_SECONDS = 600.0
"""A peer that throttled while nothing was given back has other reasons; for so long its throttles teach nothing."""

_NEVER = float("inf")


class Patience:
    """Late answers prove a peer that is slow rather than silent, and raise it at once, as do throttles by a peer that
    counts what was given back; answers that never come let it sink slowly to where the usual latency puts it."""

    __slots__ = ("_taught", "_throttled_anyway_at", "given_back", "is_endless")

    def __init__(self, *, is_endless: bool = False) -> None:
        """`is_endless`: nothing is ever given back."""
        self.is_endless = is_endless
        self.given_back = 0
        """How many requests of all its windows wait without a slot; theirs to count."""
        self._taught = 0.0
        self._throttled_anyway_at = -_NEVER

    def seconds(self, usual_seconds: float) -> float:
        """How long, where answers usually take `usual_seconds`."""
        if self.is_endless:
            return _NEVER
        return max(SHORTEST_SECONDS, TIMES_USUAL * usual_seconds, self._taught)

    def answered_late(self, age_seconds: float, limit_seconds: float) -> None:
        """An answer came after all, to a request of this age, where none is waited for longer than the limit."""
        self._taught = max(self._taught, min(TIMES_LATE * age_seconds, limit_seconds))

    def unanswered(self) -> None:
        """A request ended without an answer."""
        self._taught *= SHARE_AFTER_SILENCE

    def throttled(self, now: float, limit_seconds: float) -> None:
        """The peer said to slow down. While requests wait without a slot that may say that it counts them."""
        if not self.given_back:
            self._throttled_anyway_at = now
        elif now - self._throttled_anyway_at > OTHER_REASONS_SECONDS:
            self._taught = max(self._taught, limit_seconds)
