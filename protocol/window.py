"""Requests in flight: who waits for which sequence_number, since when, until when, and who holds a slot meanwhile.

Bytes and PDUs are the session's, how long an overtaken request is waited for is patience.py's.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from protocol.errors import WindowFull
from protocol.patience import Patience

OVERDUE_PER_SLOT = 10
"""How many expired requests are remembered for each slot, so that their late answers still find them."""
OVERTAKEN_PER_SLOT = 3
"""So many answers per slot that came since a request was sent mean that it was overtaken. Up to one window of them may
be to requests sent before it, so at least two windows of later ones have theirs."""
GIVEN_BACK_PER_SLOT = 100
"""How many requests may wait without a slot, for each slot: all that a link lost now leaves in doubt, and what the
memory holds. At 1 % of answers lost and a time-out of 60 s the flow comes to this bound with answers in 6 ms."""

_NEVER = float("inf")


@dataclass(slots=True)
class Slot:
    """One request in flight; times are seconds of the caller's monotonic clock."""

    sequence: int
    token: Any
    sent_at: float
    deadline: float
    overtaken_by: int
    """Once so many requests of the window were answered in all, later ones have overtaken this one."""
    was_given_back: bool = False
    """It waits for its answer without a slot."""


class Window:
    """At most `capacity` requests in flight. Deadlines must be added in rising order: all share one time-out.

    Where answers get lost, `give_back` lets those requests wait on without a slot that later ones have overtaken. They
    are settled, expire and are abandoned as before. They are always older than any that holds a slot.
    """

    def __init__(self, capacity: int, patience: Patience | None = None) -> None:
        """`patience`: one that knows the peer already; one of its own where not said."""
        self.capacity = capacity
        self.limit = capacity
        """How much of the capacity is used at present: what the driver says, from 1 up to it."""
        self.give_back_at = _NEVER
        """When `give_back` will have something to do, if nothing is answered before."""
        self._patience = Patience() if patience is None else patience
        self._slots: dict[int, Slot] = {}
        self._given_back: dict[int, Slot] = {}
        self._overdue: OrderedDict[int, Slot] = OrderedDict()
        self._answered = 0
        self._look_from = _NEVER if self._patience.is_endless else OVERTAKEN_PER_SLOT * capacity

    def __contains__(self, sequence: int) -> bool:
        """Whether an answer to this sequence number would still find its request."""
        return sequence in self._slots or sequence in self._overdue or sequence in self._given_back

    @property
    def in_flight(self) -> int:
        """How many requests hold a slot until they are answered."""
        return len(self._slots)

    @property
    def given_back(self) -> int:
        """How many requests wait for their answer without a slot."""
        return len(self._given_back)

    @property
    def has_overtaken(self) -> bool:
        """Whether the oldest request in flight may be overtaken. Cheap, for `give_back` is seldom worth a call."""
        return self._answered >= self._look_from

    @property
    def free(self) -> int:
        """How many requests may be added now; none while more are in flight than a limit that has shrunk."""
        return max(0, self.limit - len(self._slots))

    def resize(self, capacity: int) -> None:
        """So many may be in flight from now on. More that are stay, and none is added until enough were answered."""
        was_whole = self.limit == self.capacity
        self.capacity = capacity
        self.limit = capacity if was_whole else min(self.limit, capacity)

    @property
    def oldest(self) -> Slot | None:
        """The request that waits longest."""
        return next(iter((self._given_back or self._slots).values()), None)

    @property
    def next_deadline(self) -> float | None:
        """When `expire` will have something to do."""
        slot = self.oldest
        return None if slot is None else slot.deadline

    def add(self, sequence: int, token: Any, now: float, deadline: float) -> None:
        """Take a slot. Raises WindowFull."""
        self.demand_free()
        self._slots[sequence] = Slot(sequence, token, now, deadline, self._overtaken_by())

    def add_all(self, requests: Iterable[tuple[int, Any]], now: float, deadline: float) -> None:
        """Take a slot for each sequence number with its token, of which `demand_free` knows that there is one."""
        slots, overtaken_by = self._slots, self._overtaken_by()
        for sequence, token in requests:
            slots[sequence] = Slot(sequence, token, now, deadline, overtaken_by)

    def demand_free(self, count: int = 1) -> None:
        """Raises WindowFull unless so many requests may be added now."""
        if len(self._slots) + count > self.capacity:
            raise WindowFull(f"{len(self._slots)} of {self.capacity} requests wait for their answer")

    def settle(self, sequence: int) -> Slot | None:
        """Give the request that this answer ends and free its slot, or None if none with a slot has this number."""
        slot = self._slots.pop(sequence, None)
        if slot is not None:
            self._answered += 1
        return slot

    def settle_late(self, sequence: int, now: float) -> Slot | None:
        """Give the request without a slot, expired or not, that this late answer ends, once."""
        slot = self._given_back.pop(sequence, None)
        if slot is not None:
            self._patience.given_back -= 1
        else:
            slot = self._overdue.pop(sequence, None)
        if slot is not None:
            self._patience.answered_late(now - slot.sent_at, slot.deadline - slot.sent_at)
        return slot

    def give_back(self, now: float, usual_seconds: float) -> int:
        """Free the slots of those that were overtaken and waited for long enough, and count them.

        `usual_seconds`: what an answer usually takes. Nothing is given back before its time would be over anyway.
        """
        patience = self._patience.seconds(usual_seconds)
        room = GIVEN_BACK_PER_SLOT * self.capacity - len(self._given_back)
        self.give_back_at = _NEVER
        given: list[Slot] = []
        for slot in self._slots.values():
            self._look_from = slot.overtaken_by
            if self._answered < slot.overtaken_by or len(given) >= room:
                break
            at = slot.sent_at + patience
            if at > now or at >= slot.deadline:
                self.give_back_at = at
                break
            given.append(slot)
        else:
            self._look_from = self._overtaken_by()
        for slot in given:
            del self._slots[slot.sequence]
            slot.was_given_back = True
            self._given_back[slot.sequence] = slot
        self._patience.given_back += len(given)
        return len(given)

    def expire(self, now: float) -> list[Slot]:
        """Give up the requests whose deadline has come, oldest first, and remember them for a late answer."""
        expired: list[Slot] = []
        for waiting in (self._given_back, self._slots):
            for slot in waiting.values():
                if slot.deadline > now:
                    break
                expired.append(slot)
        self._patience.given_back -= sum(slot.was_given_back for slot in expired)
        for slot in expired:
            del (self._given_back if slot.was_given_back else self._slots)[slot.sequence]
            self._overdue[slot.sequence] = slot
            self._patience.unanswered()
        while len(self._overdue) > OVERDUE_PER_SLOT * self.capacity:
            self._overdue.popitem(last=False)
        return expired

    def overdue(self, since: float) -> int:
        """How many requests that held their slot to the end expired after this moment and still have no answer."""
        return sum(1 for slot in self._overdue.values() if slot.deadline > since and not slot.was_given_back)

    def abandon(self) -> list[Slot]:
        """Give up all that wait, with a slot or without, oldest first, and forget the overdue: the link is gone."""
        abandoned = [*self._given_back.values(), *self._slots.values()]
        self._patience.given_back -= len(self._given_back)
        self._given_back.clear()
        self._slots.clear()
        self._overdue.clear()
        self.give_back_at = _NEVER
        return abandoned

    def _overtaken_by(self) -> int:
        return self._answered + OVERTAKEN_PER_SLOT * self.capacity
