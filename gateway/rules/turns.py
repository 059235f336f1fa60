"""Whose turn it is: slots go out by lane (strict priority, with a guaranteed share for the lanes below), then in fair
turns by account and, inside an account, by queue. Which queues a carrier may take is found out before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

from gateway.rules.shares import YIELD_MS, Ledger, Place, Shares
from gateway.rules.taking import Queue

FIRST_PRIORITY = 1
MANY_QUEUES = 32
"""Where more wait, each is given MANY_STEP slots at a time: a claim from a queue costs as much as some messages."""
MANY_STEP = 4


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


class Kind:
    """Queues that the same carriers may take from at the moment, in the same lane and of the same shares."""

    __slots__ = ("left", "number", "one", "queues")

    def __init__(self, number: int, one: Queue) -> None:
        self.number = number
        self.one = one
        """Any of them: what holds for it holds for all."""
        self.queues: list[Queue] = []
        self.left = 0
        """How many of them have any left."""


class Table:
    """The working state of one deal."""

    __slots__ = ("_kind_of", "_lanes", "kinds", "lane_slots", "left", "refused", "share", "shares", "turns")

    def __init__(
        self,
        queues: list[Queue],
        turns: Turns,
        share: int,
        lane_slots: Mapping[str, int],
        now: int,
    ) -> None:
        self.left = {queue.id: queue.ready for queue in queues}
        self.refused: dict[tuple[int, str], Kind] = {}
        """By kind and carrier: what a carrier with room did not get, since others were behind in their shares."""
        self.turns = turns
        self.share = share
        self.shares: Shares | None = None
        """Set where any are kept or owed."""
        self.lane_slots = dict(lane_slots)
        self._kind_of: dict[int, Kind] = {}
        self._lanes: dict[tuple[int, ...], dict[tuple[int, str], _Lane]] = {}
        kinds: dict[tuple[object, ...], Kind] = {}
        for queue in queues:
            # Tiers of one branch are one object, and much longer to look at.
            key = (
                queue.lane, queue.priority, id(queue.tiers), queue.stay, queue.avoid, queue.unfit, queue.branch,
                queue.overflow_ms and queue.overflows(now),
            )  # fmt: skip
            kind = kinds.get(key)
            if kind is None:
                kind = kinds[key] = Kind(len(kinds), queue)
            kind.queues.append(queue)
            kind.left += 1
            self._kind_of[queue.id] = kind
        self.kinds = list(kinds.values())

    def may_have(self, lane: str) -> bool:
        """Whether a lane may have a slot more."""
        return not self.lane_slots or self.lane_slots.get(lane, 1) > 0

    def has_more(self, kind: Kind) -> bool:
        """Whether there is any of it left, and of what its lane may have."""
        return kind.left > 0 and self.may_have(kind.one.lane)

    def may_give(self, kind: Kind, carrier: str) -> bool:
        """Whether this carrier may be given any of it before others are."""
        if not self.has_more(kind):
            return False
        if self.shares is None or self.shares.allowance(kind.one, carrier) != 0:
            return True
        self.refused[kind.number, carrier] = kind
        return False

    def serve(self, carrier: str, room: int, kinds: list[Kind]) -> dict[int, int]:
        """Give room at a carrier out, one slot by one, unless a single queue is all there is, or very many wait; by
        queue, how many."""
        waiting = sum([kind.left for kind in kinds])
        if waiting == 1:
            return self._serve_one(carrier, room, kinds)
        lanes = self._lanes_of(kinds)
        firsts = {place: first for place, lane in lanes.items() if (first := self._first_of(lane)) is not None}
        step = MANY_STEP if waiting > MANY_QUEUES else 1
        given: dict[int, int] = {}
        while room > 0 and firsts:
            top = next(iter(firsts))
            is_shared = len(firsts) > 1 and self.share > 0 and top[0] != FIRST_PRIORITY
            place, most = self._lane_of_next_slot(carrier, firsts) if is_shared else (top, MANY_STEP)
            queue = firsts[place]
            slots = self._most(queue, min(step, most, room, self.left[queue.id]), carrier) if step > 1 else 1
            # Of several slots at a time the first counts for where those begin who come back: nobody is passed over.
            self._give(queue, slots, carrier, 0)
            if is_shared:
                self.turns.passed[carrier] = self.turns.passed.get(carrier, 0) + slots if place == top else 0
            room -= slots
            given[queue.id] = given.get(queue.id, 0) + slots
            following = self._first_of(lanes[place])
            if following is None:
                del firsts[place]
            else:
                firsts[place] = following
            if self.shares is not None and self.shares.allowance(queue, carrier) == 0:
                break  # It has siblings in the same account; the next round looks anew.
        return given

    def _serve_one(self, carrier: str, room: int, kinds: list[Kind]) -> dict[int, int]:
        (queue,) = (queue for kind in kinds if kind.left for queue in kind.queues if self.left[queue.id] > 0)
        slots = self._most(queue, room, carrier)
        self._give(queue, slots, carrier, slots - 1)
        return {queue.id: slots}

    def _first_of(self, lane: "_Lane") -> Queue | None:
        """The queue of the lane's next slot, if it may have one more."""
        return lane.first() if self.may_have(lane.name) else None

    def _most(self, queue: Queue, slots: int, carrier: str) -> int:
        """Of so many slots, what its lane and its shares leave it."""
        slots = min(slots, self.lane_slots.get(queue.lane, slots))
        if self.shares is not None and (most := self.shares.allowance(queue, carrier)) is not None:
            slots = min(slots, most)
        return slots

    def _lanes_of(self, kinds: list[Kind]) -> "dict[tuple[int, str], _Lane]":
        """In the order of their priority. One for all who may take of the same kinds."""
        key = tuple([kind.number for kind in kinds])
        lanes = self._lanes.get(key)
        if lanes is None:
            by_lane: dict[tuple[int, str], list[Queue]] = {}
            for kind in kinds:
                by_lane.setdefault((kind.one.priority, kind.one.lane), []).extend(kind.queues)
            lanes = self._lanes[key] = {place: _Lane(place[1], by_lane[place], self) for place in sorted(by_lane)}
        return lanes

    def _lane_of_next_slot(self, carrier: str, firsts: Mapping[tuple[int, str], Queue]) -> tuple[tuple[int, str], int]:
        """Where lanes below the top one have a share beside it; and how many slots at most the lane may be given before
        it is another's turn."""
        turns, top = self.turns, next(iter(firsts))
        before_share = self.share - 1 - turns.passed.get(carrier, 0)
        if before_share > 0:
            return top, before_share
        last, below = turns.shared.get(carrier, top), list(firsts)[1:]
        turns.shared[carrier] = next((place for place in below if place > last), below[0])
        return turns.shared[carrier], 1

    def account_tag(self, lane: str, account: str) -> float:
        """When it is the account's turn in the lane."""
        turns = self.turns
        return max(turns.lanes.get(lane, 0.0), turns.accounts.get((lane, account), 0.0))

    def queue_tag(self, queue: Queue) -> float:
        """When it is the queue's turn in its account."""
        turns = self.turns
        return max(turns.inside.get((queue.lane, queue.account), 0.0), turns.queues.get(queue.id, 0.0))

    def _give(self, queue: Queue, slots: int, carrier: str, last: int) -> None:
        """The queue is given so many slots. `last`: so many behind the first is where others begin."""
        self.left[queue.id] = left = max(0, self.left[queue.id] - slots)
        if not left:
            self._kind_of[queue.id].left -= 1
        turns, key = self.turns, (queue.lane, queue.account)
        turn, turn_inside = self.account_tag(*key), self.queue_tag(queue)
        turns.lanes[queue.lane], turns.inside[key] = turn + last, turn_inside + last
        turns.accounts[key], turns.queues[queue.id] = turn + slots, turn_inside + slots
        if queue.lane in self.lane_slots:
            self.lane_slots[queue.lane] -= slots
        if self.shares is not None and (counted := self.shares.place(queue, carrier)) is not None:
            self.shares.give(*counted, slots)
            turns.counted[queue.id, carrier] = counted


class _Lane:
    """The queues of one lane by whose turn it is: accounts, and inside each its queues.

    Tags only grow, whoever takes: what stands in a heap may be too small, and is set right once it comes first.
    """

    __slots__ = ("_accounts", "_queues", "_table", "name")

    def __init__(self, name: str, queues: list[Queue], table: Table) -> None:
        self.name = name
        self._table = table
        found: dict[str, list[tuple[float, int, Queue]]] = {}
        known = table.turns.queues.get
        for queue in queues:
            account = queue.account
            entry = (known(queue.id, 0.0), queue.id, queue)
            if account in found:
                found[account].append(entry)
            else:
                found[account] = [entry]
        self._queues = found
        tags, least = table.turns.accounts.get, table.turns.lanes.get(name, 0.0)
        self._accounts = [(max(least, tags((name, account), 0.0)), account) for account in found]
        heapify(self._accounts)
        for of_account in found.values():
            if len(of_account) > 1:
                heapify(of_account)

    def first(self) -> Queue | None:
        """The queue of the next slot; None: none has any left."""
        table, accounts = self._table, self._accounts
        while accounts:
            tag, account = accounts[0]
            now = table.account_tag(self.name, account)
            if now > tag:
                heapreplace(accounts, (now, account))
                continue
            queue = self._first_of(self._queues[account])
            if queue is not None:
                return queue
            heappop(accounts)
        return None

    def _first_of(self, queues: list[tuple[float, int, Queue]]) -> Queue | None:
        table = self._table
        while queues:
            tag, number, queue = queues[0]
            if table.left[number] <= 0:
                heappop(queues)
            elif (now := table.queue_tag(queue)) > tag:
                heapreplace(queues, (now, number, queue))
            else:
                return queue
        return None
