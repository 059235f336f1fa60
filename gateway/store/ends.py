"""What a transaction ended, for who counts it: messages, events, receipts that named nobody.

Gathered while it runs, told once it is on disk (telling.py); what is undone is not told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gateway.messages import MessageState
    from gateway.store.work import Cause, Found


class Ended(NamedTuple):
    """A message that has ended, or, `rerouted`, would have by a carrier's word and goes by another instead."""

    lane: str
    country: str | None
    """Of its number; None: of no country."""
    state: int
    """MessageState; of one that is rerouted, the end that was told of it."""
    carrier: str | None
    """Who told of its end; None: nobody did, it ended here."""
    error: str | None
    """ErrorCode."""
    sent_at: int | None
    """ms."""
    done_at: int
    """ms."""
    rerouted: bool = False


class EventsEnded(NamedTuple):
    """Events of one account that an endpoint has taken, or never will have."""

    account: str
    is_told: bool
    events: int
    waited_ms: int
    """Of the oldest of them, since it could have been told."""


_End: TypeAlias = "tuple[Found, MessageState, Cause, int]"
Mark: TypeAlias = tuple[int, int, int, int]


@dataclass(slots=True)
class Tally:
    """Of one transaction."""

    ended: list[_End] = field(default_factory=list)
    rerouted: list[_End] = field(default_factory=list)
    events: list[EventsEnded] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    """The carriers of receipts that were parked."""

    def mark(self) -> Mark:
        return len(self.ended), len(self.rerouted), len(self.events), len(self.unmatched)

    def back_to(self, mark: Mark) -> None:
        """Forget what has been undone."""
        ended, rerouted, events, unmatched = mark
        del self.ended[ended:], self.rerouted[rerouted:], self.events[events:], self.unmatched[unmatched:]

    def ends(self, lane_of: Callable[[int], str]) -> list[Ended]:
        """`lane_of`: of a queue."""
        # Not Ended(...), which costs three times as much.
        new = tuple.__new__
        return [
            new(
                Ended,
                (lane_of(of.queue), of.country, int(state), said.carrier, said.error, of.sent_at, done_at, rerouted),
            )
            for ends, rerouted in ((self.ended, False), (self.rerouted, True))
            for of, state, said, done_at in ends
        ]
