"""The work that a carrier's binds have in advance where they share its pace, counted in PDUs over all of them.

Each by itself would ask for one message at least, and a long one is all its parts: what the carrier takes in seconds
would be dealt at a time, and what is urgent would wait behind it. When PDUs go is pacing.py's.
"""

from typing import Protocol

from gateway.carriers.restraint import AHEAD_SECONDS


class Asking(Protocol):
    """A bind's feed."""

    @property
    def can_send(self) -> bool:
        """Whether it asks at all."""

    @property
    def at_hand(self) -> int:
        """PDUs asked for, or waiting for the pace alone."""

    def ask(self) -> None:
        """Ask for what is free, as `Ahead.room` allows."""


class Ahead:
    """Of one carrier: no more at hand than its pace takes in AHEAD_SECONDS, but for the rest of a message."""

    def __init__(self, rate: float) -> None:
        """`rate`: PDU/s of the carrier."""
        self.retune(rate)
        self._feeds: list[Asking] = []

    def retune(self, rate: float) -> None:
        """Another pace of the carrier."""
        self._most = max(1, int(rate * AHEAD_SECONDS))

    def join(self, feed: Asking) -> None:
        """A bind that can send."""
        self._feeds.append(feed)

    def leave(self, feed: Asking) -> None:
        """It is gone; what it had asked for the others may."""
        self._feeds.remove(feed)
        self.freed()

    def room(self) -> int:
        """How many PDUs more may be asked for; negative while a long message is worked off."""
        return self._most - sum(feed.at_hand for feed in self._feeds)

    def share(self) -> int:
        """Of `room`, what one bind may have at hand: as many have the same as can send at the moment."""
        able = sum(feed.can_send for feed in self._feeds)
        return max(1, -(-self._most // max(1, able)))

    def freed(self) -> None:
        """Something went, or will not go: let them ask in turns, whoever asked last at the end."""
        feeds = self._feeds
        for _ in range(len(feeds)):
            if self.room() <= 0:
                return
            feeds.append(feeds.pop(0))
            feeds[-1].ask()
