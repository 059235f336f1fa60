"""When a link is sick: too many of the answers that a bind waits for are overdue. Pure, `now` in seconds.

What is done about it is bind.py's; docs/architecture.md tells why the rule is as it is.
"""

from protocol.window import Window

FEWEST_OVERDUE = 2
"""A single answer that does not come proves nothing, however small the window."""
OWED_LIMIT_SECONDS = 5.0
"""How long a sick link is listened to for the answers it still owes, late ones too; at most the response_timeout. Where
nothing at all was answered for a response_timeout that is how long: the carrier may stand still as a whole, and what it
answers then need not be sent again."""


class Silence:
    """Sick is a link whose overdue answers would fill more than half of its window.

    An expired submit held its slot for a whole response_timeout. So more than half a window of them within one says
    that most of the window waits in vain, and a new link may find a better end. They count on until an answer comes; a
    late answer strikes its own off. Those without a slot don't count: overtaken, they say that the link answers.
    """

    __slots__ = ("_answered_at", "_is_still", "_response_timeout", "_since", "_window")

    def __init__(self, window: Window, response_timeout: float) -> None:
        """`response_timeout`: the carrier's, in seconds."""
        self._window = window
        self._response_timeout = response_timeout
        self._answered_at = float("-inf")
        self._since = float("inf")
        self._is_still = False

    def retune(self, response_timeout: float) -> None:
        """The carrier's, in seconds, from now on."""
        self._response_timeout = response_timeout

    @property
    def listening_seconds(self) -> float:
        """How long a sick link is still listened to."""
        return self._response_timeout if self._is_still else min(OWED_LIMIT_SECONDS, self._response_timeout)

    @property
    def owed(self) -> int:
        """Overdue answers that a link known as sick may still give; 0 of a sound one."""
        return self._window.overdue(self._since)

    def broken(self, now: float) -> None:
        """The carrier answered something."""
        self._answered_at = now

    def sickness(self, now: float) -> str | None:
        """In words, what makes the link sick; None: it is sound. To be asked when submits expire."""
        since = min(now - self._response_timeout, self._answered_at)
        overdue, limit = self._window.overdue(since), self._window.limit
        if overdue < FEWEST_OVERDUE or 2 * overdue <= limit:
            return None
        self._since = since
        self._is_still = self._answered_at <= now - self._response_timeout
        return f"{overdue} answers are overdue, of a window of {limit}"
