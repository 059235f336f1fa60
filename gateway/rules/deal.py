"""Who gets the free slots: one pure function from asks and queues to grants.

It decides by lane (strict priority, with a guaranteed share for the lanes below), then in fair turns by account and,
inside an account, by queue; and it lets a carrier take only what its tier, its alphabet, a retry's wish to avoid a
carrier or a long message's need to stay with one allow. Nothing here knows messages, SQL or time beyond what it is
given, so it stays flat at any backlog.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

FIRST_PRIORITY = 1
NO_LIMIT: Mapping[str, int] = {}
TIER_PATIENCE_MS = 1_000
"""A lower tier gets work when every carrier above has been unable to send for this long."""


class Ask(NamedTuple):
    """A bind's room, in PDUs."""

    bind: str
    carrier: str
    room: int


class Queue(NamedTuple):
    """Ready messages of one lane, route, account and campaign; of retries also by the carrier to avoid or stay with."""

    id: int
    lane: str
    priority: int
    account: str
    tiers: tuple[tuple[str, ...], ...]
    stay: str
    avoid: str
    ready: int
    unfit: frozenset[str] = frozenset()
    """Carriers that can't carry its texts: they take none of it, and hold none back from the tiers below."""


class Grant(NamedTuple):
    """Up to `slots` PDUs of a queue for a bind."""

    bind: str
    carrier: str
    queue: int
    slots: int


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

    def copy(self) -> "Turns":
        return Turns(
            dict(self.lanes),
            dict(self.accounts),
            dict(self.inside),
            dict(self.queues),
            dict(self.passed),
            dict(self.shared),
        )

    def charge(self, lane: str, account: str, queue: int, slots: int) -> None:
        """What a grant came to differs by so many PDUs from its slots: long messages overdraw, few leave some."""
        key = (lane, account)
        self.accounts[key] = self.accounts.get(key, 0.0) + slots
        self.queues[queue] = self.queues.get(queue, 0.0) + slots


def may_take(queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int) -> bool:
    """Whether this carrier may take work of this queue now.

    `unable_since` holds the carriers without any bind able to send, and since when; that and `now` in milliseconds.
    """
    if queue.stay:
        return queue.stay == carrier
    if carrier in queue.unfit:
        return False
    if queue.avoid != carrier:
        return _is_reached(queue, carrier, unable_since, now)
    known = {other for tier in queue.tiers for other in tier} - queue.unfit
    others = {other for other in known if other != carrier and other not in unable_since}
    elsewhere = any(_is_reached(queue, other, unable_since, now) for other in others)
    return not elsewhere and _is_reached(queue, carrier, unable_since, now)


def deal(
    asks: Sequence[Ask],
    queues: Iterable[Queue],
    unable_since: Mapping[str, int],
    turns: Turns,
    *,
    now: int,
    share: int,
    lane_slots: Mapping[str, int] = NO_LIMIT,
) -> tuple[list[Grant], Turns]:
    """Grants for these asks, and the turns after them.

    `share`: while a lower lane waits, one slot in so many goes to it; never a slot that priority 1 wants. 0: strict
    priority only. `now` in milliseconds. `lane_slots`: the most that these lanes get now, which have a rate.
    """
    waiting = [queue for queue in queues if queue.ready > 0]
    if not waiting or not asks:
        return [], turns
    table = _Table(waiting, turns.copy(), share, lane_slots)
    takeable: dict[str, list[Queue]] = {}
    grants: list[Grant] = []
    for ask in asks:
        if ask.room <= 0:
            continue
        if ask.carrier not in takeable:
            takeable[ask.carrier] = [queue for queue in waiting if may_take(queue, ask.carrier, unable_since, now)]
        left = [queue for queue in takeable[ask.carrier] if table.left[queue.id] and table.may_have(queue.lane)]
        if left:
            grants += table.serve(ask, left)
    return grants, table.turns


class _Table:
    """The working state of one deal."""

    __slots__ = ("lane_slots", "left", "share", "turns")

    def __init__(self, queues: list[Queue], turns: Turns, share: int, lane_slots: Mapping[str, int]) -> None:
        self.left = {queue.id: queue.ready for queue in queues}
        self.turns = turns
        self.share = share
        self.lane_slots = dict(lane_slots)

    def may_have(self, lane: str) -> bool:
        """Whether a lane may have a slot more."""
        return not self.lane_slots or self.lane_slots.get(lane, 1) > 0

    def serve(self, ask: Ask, queues: list[Queue]) -> list[Grant]:
        """Give the ask's slots out: one by one, unless a single queue is all there is."""
        if len(queues) == 1:
            queue = queues[0]
            room = min(ask.room, self.lane_slots.get(queue.lane, ask.room))
            self.left[queue.id] = max(0, self.left[queue.id] - room)
            self._count(queue, room)
            return [Grant(ask.bind, ask.carrier, queue.id, room)]
        by_lane: dict[tuple[int, str], list[Queue]] = {}
        for queue in queues:
            by_lane.setdefault((queue.priority, queue.lane), []).append(queue)
        lanes = {place: _Lane(by_lane[place], self) for place in sorted(by_lane)}
        given: dict[int, int] = {}
        for _ in range(ask.room):
            if not lanes:
                break
            place = self._lane_of_next_slot(ask.carrier, list(lanes))
            queue = lanes[place].next_slot()
            given[queue.id] = given.get(queue.id, 0) + 1
            if lanes[place].is_empty() or not self.may_have(queue.lane):
                del lanes[place]
        return [Grant(ask.bind, ask.carrier, queue_id, slots) for queue_id, slots in given.items()]

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

    def _count(self, queue: Queue, slots: int) -> None:
        """The queue was given so many slots."""
        turns, key = self.turns, (queue.lane, queue.account)
        turn, turn_inside = self.tags_of(queue)
        turns.lanes[queue.lane], turns.inside[key] = turn + slots - 1, turn_inside + slots - 1
        turns.accounts[key], turns.queues[queue.id] = turn + slots, turn_inside + slots
        if queue.lane in self.lane_slots:
            self.lane_slots[queue.lane] -= slots

    def take(self, queue: Queue) -> bool:
        """One slot for this queue. True: it has more."""
        self._count(queue, 1)
        self.left[queue.id] -= 1
        return self.left[queue.id] > 0


class _Lane:
    """The queues of one lane that an ask may take from, by whose turn it is: accounts, and inside each its queues."""

    __slots__ = ("_accounts", "_queues", "_table")

    def __init__(self, queues: list[Queue], table: _Table) -> None:
        self._table = table
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
        if self._table.take(queue):
            heapreplace(queues, (self._table.tags_of(queue)[1], queue.id, queue))
        else:
            heappop(queues)
        if queues:
            heapreplace(self._accounts, (self._table.tags_of(queue)[0], account))
        else:
            heappop(self._accounts)
        return queue


def _is_reached(queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int) -> bool:
    """Whether the tiers above a carrier let work through to it; a carrier to be avoided holds none back, nor one that
    can't carry the texts."""
    for tier in queue.tiers:
        if carrier in tier:
            return True
        if any(
            above != queue.avoid and above not in queue.unfit and now - unable_since.get(above, now) < TIER_PATIENCE_MS
            for above in tier
        ):
            return False
    return False
