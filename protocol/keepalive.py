"""When to send enquire_link and when a link counts as dead. Pure timers: the session sends and closes."""

import math
from enum import Enum


class KeepaliveStep(Enum):
    """What a tick asks of the session."""

    WAIT = "wait"
    ENQUIRE = "enquire"
    DEAD = "dead"


class Keepalive:
    """Any received octet is life, so a busy link is never enquired.

    `idle`: seconds of silence before an enquire_link; `timeout`: seconds to wait for any octet after it;
    `misses`: how many enquiries in a row may stay unanswered, the last of which makes the link dead.
    """

    def __init__(self, *, idle: float, timeout: float, misses: int) -> None:
        self._idle = idle
        self._timeout = timeout
        self._misses = misses
        self._enquiries = 0
        self.deadline = math.inf
        """When the next tick has something to do: never, before anything was heard or sent."""

    def retune(self, *, idle: float, timeout: float, misses: int) -> None:
        """As at the beginning; what runs already runs by what was said before."""
        self._idle = idle
        self._timeout = timeout
        self._misses = misses

    def heard(self, now: float) -> None:
        """Octets came in."""
        self._enquiries = 0
        self.deadline = now + self._idle

    def enquired(self, now: float) -> None:
        """An enquire_link was sent, asked for by a tick or by the caller."""
        self._enquiries += 1
        self.deadline = now + self._timeout

    def tick(self, now: float) -> KeepaliveStep:
        """What to do now; after ENQUIRE the caller sends one and tells it by `enquired`."""
        if now < self.deadline:
            return KeepaliveStep.WAIT
        return KeepaliveStep.DEAD if self._enquiries >= self._misses else KeepaliveStep.ENQUIRE
