"""How long a request that others have overtaken is waited for before its slot goes to the next; times in seconds.

Which requests those are is window.py's.
"""

SHORTEST_SECONDS = 0.25
"""However quickly a peer answers: it may stop to think for so long, say to collect its garbage."""
TIMES_USUAL = 10
"""At 1 % of answers lost, slots held for ten times the usual latency cost a tenth of the flow."""
TIMES_LATE = 2
SHARE_AFTER_SILENCE = 0.9
"""What is left of what late answers taught, for each request that has none at all."""


class Patience:
    """Late answers prove a peer that is slow rather than silent, and raise it at once; answers that never come let it
    sink slowly to where the usual latency puts it."""

    __slots__ = ("_taught",)

    def __init__(self) -> None:
        self._taught = 0.0

    def seconds(self, usual_seconds: float) -> float:
        """How long, where answers usually take `usual_seconds`."""
        return max(SHORTEST_SECONDS, TIMES_USUAL * usual_seconds, self._taught)

    def answered_late(self, age_seconds: float, limit_seconds: float) -> None:
        """An answer came after all, to a request of this age, where none is waited for longer than the limit."""
        self._taught = max(self._taught, min(TIMES_LATE * age_seconds, limit_seconds))

    def unanswered(self) -> None:
        """A request ended without an answer."""
        self._taught *= SHARE_AFTER_SILENCE
