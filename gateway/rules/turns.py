"""Whose turn it is: slots go out by lane (strict priority, with a guaranteed share for the lanes below), then in fair
turns by account and, inside an account, by queue. Which queues a carrier may take is found out before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

from gateway.rules.shares import YIELD_MS, Ledger, Place, Shares
from gateway.rules.taking import Queue

FIRST_PRIORITY = 1


@dataclass(slots=True)
class Turns:
    """Whose turn it is: tags of start-time fair queueing, and the shares.

    The deal returns the next Turns; a transaction that is undone keeps the old one.
    """

    lanes: dict[str, float] = field(default_factory=dict)
    """By lane: the account tag of the last slot given. Who comes back after a pause starts there, not where it was."""
    accounts: dict[tuple[str, str], float] = field(default_factory=dict)
    """By lane and account: the tag of its next slot."""
    inside: dict[tuple[str, str], float] = field(default_factory=dict)
    """By lane and account: the queue tag of the last slot given."""
    queues: dict[int, float] = field(default_factory=dict)
    """The tag of a queue's next slot."""
    passed: dict[str, int] = field(default_factory=dict)
    """By carrier: slots given to an upper lane while a lower one waited."""
    shared: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By carrier: the lane (priority, name) that was given the last share; the next is another's turn."""
    shares: Ledger = field(default_factory=Ledger)
    """Of carriers of tiers with weights; replaced, never changed, but by the deal that made it."""
    counted: dict[tuple[int, str], tuple[Place, float]] = field(default_factory=dict)
    """Of the last deal: by queue and carrier, whose share was charged, and its weight."""

    def copy(self) -> "Turns":
        return Turns(
            dict(self.lanes),
            dict(self.accounts),
            dict(self.inside),
            dict(self.queues),
            dict(self.passed),
            dict(self.shared),
            self.shares,
        )

    def charge(self, lane: str, account: str, queue: int, slots: int, carrier: str = "") -> None:
        """What a grant came to differs by so many PDUs from its slots: long messages overdraw, few leave some."""
        key = (lane, account)
        self.accounts[key] = self.accounts.get(key, 0.0) + slots
        self.queues[queue] = self.queues.get(queue, 0.0) + slots
        counted = self.counted.get((queue, carrier))
        if counted is not None:
            place, weight = counted
            self.shares.given[place] += slots / weight

    def patience_ends_at(self) -> int | None:
        """When those who hold others back yield; None: nobody does."""
        owing = self.shares.owing
        return min(since for since, _ in owing.values()) + YIELD_MS if owing else None

    def nobody_owes(self) -> "Turns":
        """Nothing waits, so nobody is held back."""
        if not self.shares.owing:
            return self
        turns = self.copy()
        turns.shares = Ledger(turns.shares.given, {}, turns.shares.yielding)
        return turns


class Table:
    """The working state of one deal."""

    __slots__ = ("lane_slots", "left", "refused", "share", "shares", "turns")

    def __init__(
        self, queues: list[Queue], turns: Turns, share: int, lane_slots: Mapping[str, int], shares: Shares | None
    ) -> None:
        self.left = {queue.id: queue.ready for queue in queues}
        self.refused: dict[tuple[int, str], Queue] = {}
        """By queue and carrier: what a carrier with room did not get, since others were behind in their shares."""
        self.turns = turns
        self.share = share
        self.shares = shares
        self.lane_slots = dict(lane_slots)

    def may_have(self, lane: str) -> bool:
        """Whether a lane may have a slot more."""
        return not self.lane_slots or self.lane_slots.get(lane, 1) > 0

    def has_more(self, queue: Queue) -> bool:
        """Whether there is any of it left, and of what its lane may have."""
        return self.left[queue.id] > 0 and self.may_have(queue.lane)

    def may_give(self, queue: Queue, carrier: str) -> bool:
        """Whether this carrier may be given any of it before others are."""
        if not self.has_more(queue):
            return False
        if self.shares is None or self.shares.allowance(queue, carrier) != 0:
            return True
        self.refused[queue.id, carrier] = queue
        return False

    def serve(self, carrier: str, room: int, queues: list[Queue]) -> dict[int, int]:
        """Give room at a carrier out, one slot by one, unless a single queue is all there is; by queue, how many."""
        if len(queues) == 1:
            queue = queues[0]
            slots = min(room, self.lane_slots.get(queue.lane, room))
            if self.shares is not None and (most := self.shares.allowance(queue, carrier)) is not None:
                slots = min(slots, most)
            self.left[queue.id] = max(0, self.left[queue.id] - slots)
            self._count(queue, slots, carrier)
            return {queue.id: slots}
        by_lane: dict[tuple[int, str], list[Queue]] = {}
        for queue in queues:
            by_lane.setdefault((queue.priority, queue.lane), []).append(queue)
        lanes = {place: _Lane(by_lane[place], self, carrier) for place in sorted(by_lane)}
        given: dict[int, int] = {}
        for _ in range(room):
            if not lanes:
                break
            place = self._lane_of_next_slot(carrier, list(lanes))
            queue = lanes[place].next_slot()
            given[queue.id] = given.get(queue.id, 0) + 1
            if lanes[place].is_empty() or not self.may_have(queue.lane):
                del lanes[place]
            if self.shares is not None and self.shares.allowance(queue, carrier) == 0:
                break  # It has siblings in the same account; the next round looks anew.
        return given

    def _lane_of_next_slot(self, carrier: str, order: list[tuple[int, str]]) -> tuple[int, str]:
        top = order[0]
        if len(order) == 1 or top[0] == FIRST_PRIORITY or not self.share:
            return top
        turns = self.turns
        turns.passed[carrier] = turns.passed.get(carrier, 0) + 1
        if turns.passed[carrier] < self.share:
            return top
        turns.passed[carrier] = 0
        last = turns.shared.get(carrier, top)
        turns.shared[carrier] = next((place for place in order[1:] if place > last), order[1])
        return turns.shared[carrier]

    def tags_of(self, queue: Queue) -> tuple[float, float]:
        """When it is the turn of the queue's account in the lane, and of the queue in the account."""
        turns, key = self.turns, (queue.lane, queue.account)
        return (
            max(turns.lanes.get(queue.lane, 0.0), turns.accounts.get(key, 0.0)),
            max(turns.inside.get(key, 0.0), turns.queues.get(queue.id, 0.0)),
        )

    def _count(self, queue: Queue, slots: int, carrier: str) -> None:
        """The queue was given so many slots."""
        turns, key = self.turns, (queue.lane, queue.account)
        turn, turn_inside = self.tags_of(queue)
        turns.lanes[queue.lane], turns.inside[key] = turn + slots - 1, turn_inside + slots - 1
        turns.accounts[key], turns.queues[queue.id] = turn + slots, turn_inside + slots
        if queue.lane in self.lane_slots:
            self.lane_slots[queue.lane] -= slots
        if self.shares is not None and (counted := self.shares.place(queue, carrier)) is not None:
            self.shares.give(*counted, slots)
            turns.counted[queue.id, carrier] = counted

    def take(self, queue: Queue, carrier: str) -> bool:
        """One slot for this queue. True: it has more."""
        self._count(queue, 1, carrier)
        self.left[queue.id] -= 1
        return self.left[queue.id] > 0


class _Lane:
    """The queues of one lane that an ask may take from, by whose turn it is: accounts, and inside each its queues."""

    __slots__ = ("_accounts", "_carrier", "_queues", "_table")

    def __init__(self, queues: list[Queue], table: Table, carrier: str) -> None:
        self._table = table
        self._carrier = carrier
        self._queues: dict[str, list[tuple[float, int, Queue]]] = {}
        self._accounts: list[tuple[float, str]] = []
        for queue in queues:
            turn, turn_inside = table.tags_of(queue)
            if queue.account not in self._queues:
                self._queues[queue.account] = []
                self._accounts.append((turn, queue.account))
            self._queues[queue.account].append((turn_inside, queue.id, queue))
        heapify(self._accounts)
        for of_account in self._queues.values():
            heapify(of_account)

    def is_empty(self) -> bool:
        return not self._accounts

    def next_slot(self) -> Queue:
        """Give the next slot; to which queue."""
        account = self._accounts[0][1]
        queues = self._queues[account]
        queue = queues[0][2]
        if self._table.take(queue, self._carrier):
            heapreplace(queues, (self._table.tags_of(queue)[1], queue.id, queue))
        else:
            heappop(queues)
        if queues:
            heapreplace(self._accounts, (self._table.tags_of(queue)[0], account))
        else:
            heappop(self._accounts)
        return queue
