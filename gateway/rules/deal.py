"""Who gets the free slots: one pure function from asks and queues to grants.

It decides by lane (strict priority, with a guaranteed share for the lanes below), then in fair turns by account and, inside an account, by
queue; and it lets a carrier take only what its tier, a retry's wish to avoid a carrier or a long message's need to stay with one allow.
Nothing here knows messages, SQL or time beyond what it is given, so it stays flat at any backlog.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

FIRST_PRIORITY = 1
TIER_PATIENCE_MS = 1_000
"""A lower tier gets work when every carrier above has been unable to send for this long."""


class Ask(NamedTuple):
    """A bind's room, in PDUs."""

    bind: str
    carrier: str
    room: int


class Queue(NamedTuple):
    """The ready messages of one lane, route, account and campaign; of retries also by the carrier to avoid or to stay with."""

    id: int
    lane: str
    priority: int
    account: str
    tiers: tuple[tuple[str, ...], ...]
    stay: str
    avoid: str
    ready: int


class Grant(NamedTuple):
    """Up to `slots` PDUs of a queue for a bind."""

    bind: str
    carrier: str
    queue: int
    slots: int


@dataclass(slots=True)
class Turns:
    """Whose turn it is: start-time fair queueing tags and the share counters. The deal returns the next Turns; a rolled-back
    transaction simply keeps the old one."""

    clock: dict[str, float] = field(default_factory=dict)
    """By lane: the tag of the last slot given."""
    accounts: dict[tuple[str, str], float] = field(default_factory=dict)
    """By lane and account: the tag from which its next slot counts."""
    queues: dict[int, float] = field(default_factory=dict)
    share: dict[str, int] = field(default_factory=dict)
    """By carrier: slots given to an upper lane while a lower one waited."""

    def copy(self) -> "Turns":
        return Turns(dict(self.clock), dict(self.accounts), dict(self.queues), dict(self.share))


def may_take(queue: Queue, carrier: str, unable_since: Mapping[str, int], now: int) -> bool:
    """Whether this carrier may take work of this queue now. `unable_since` holds carriers without any bind able to send."""
    if queue.stay:
        return queue.stay == carrier
    if queue.avoid == carrier and _another_is_able(queue, carrier, unable_since):
        return False
    for tier in queue.tiers:
        if carrier in tier:
            return True
        if any(now - unable_since.get(above, now) < TIER_PATIENCE_MS for above in tier):
            return False
    return False


def deal(
    asks: Sequence[Ask], queues: Iterable[Queue], unable_since: Mapping[str, int], turns: Turns, *, now: int, share: int
) -> tuple[list[Grant], Turns]:
    """Grants for these asks, and the turns after them.

    `share`: while a lower lane waits, one slot in so many goes to it; never a slot that priority 1 wants. 0: strict priority only.
    """
    waiting = [queue for queue in queues if queue.ready > 0]
    if not waiting or not asks:
        return [], turns
    table = _Table(waiting, turns.copy(), share)
    grants: list[Grant] = []
    for ask in asks:
        if ask.room > 0:
            takeable = [
                queue for queue in waiting if table.left[queue.id] and may_take(queue, ask.carrier, unable_since, now)
            ]
            if takeable:
                grants += table.serve(ask, takeable)
    return grants, table.turns


class _Table:
    """The working state of one deal."""

    __slots__ = ("left", "share", "turns")

    def __init__(self, queues: list[Queue], turns: Turns, share: int) -> None:
        self.left = {queue.id: queue.ready for queue in queues}
        self.turns = turns
        self.share = share

    def serve(self, ask: Ask, queues: list[Queue]) -> list[Grant]:
        """Give the ask's slots out, one by one unless a single queue is all there is."""
        lanes: dict[tuple[int, str], list[Queue]] = {}
        for queue in queues:
            lanes.setdefault((queue.priority, queue.lane), []).append(queue)
        order = sorted(lanes)
        given: dict[int, int] = {}
        room = ask.room
        if len(queues) == 1:
            room = min(room, self.left[queues[0].id])
            self._give(ask, queues[0], room, given)
            room = 0
        while room > 0 and order:
            lane = self._lane_of_next_slot(ask.carrier, order)
            queue = self._queue_of_next_slot(lanes[lane])
            self._give(ask, queue, 1, given)
            room -= 1
            if not self.left[queue.id]:
                lanes[lane].remove(queue)
                if not lanes[lane]:
                    order.remove(lane)
        return [Grant(ask.bind, ask.carrier, queue_id, slots) for queue_id, slots in given.items()]

    def _lane_of_next_slot(self, carrier: str, order: list[tuple[int, str]]) -> tuple[int, str]:
        top = order[0]
        if len(order) == 1 or top[0] == FIRST_PRIORITY or not self.share:
            return top
        passed = self.turns.share.get(carrier, 0) + 1
        if passed >= self.share:
            self.turns.share[carrier] = 0
            return min(order[1:], key=lambda lane: self.turns.clock.get(lane[1], 0.0))
        self.turns.share[carrier] = passed
        return top

    def _queue_of_next_slot(self, queues: list[Queue]) -> Queue:
        if len(queues) == 1:
            return queues[0]
        turns = self.turns
        floor = turns.clock.get(queues[0].lane, 0.0)
        return min(
            queues,
            key=lambda q: (max(floor, turns.accounts.get((q.lane, q.account), 0.0)), turns.queues.get(q.id, 0.0), q.id),
        )

    def _give(self, ask: Ask, queue: Queue, slots: int, given: dict[int, int]) -> None:
        turns, key = self.turns, (queue.lane, queue.account)
        start = max(turns.clock.get(queue.lane, 0.0), turns.accounts.get(key, 0.0))
        turns.clock[queue.lane] = start
        turns.accounts[key] = start + slots
        turns.queues[queue.id] = turns.queues.get(queue.id, 0.0) + slots
        self.left[queue.id] -= slots
        given[queue.id] = given.get(queue.id, 0) + slots


def _another_is_able(queue: Queue, carrier: str, unable_since: Mapping[str, int]) -> bool:
    return any(other != carrier and other not in unable_since for tier in queue.tiers for other in tier)
