"""The queues: rows with a `ready` count, kept in the transactions that change it, and their mirror in memory.

The mirror makes gauges, the backlog limit and the deal cost nothing; it changes only when a transaction commits.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from gateway.rules.deal import Queue, Turns
from gateway.rules.ways import carrier_of
from gateway.store.policy import Policy
from gateway.store.views import QueueRow

log = logging.getLogger("sluice.store")
_Key = tuple[str, str, str, str, str, str]  # lane, route, account, stay, avoid, unfit
Mark: TypeAlias = tuple[dict[int, int], int]
"""Changes of counts, and how many queues are new."""
LOWEST_PRIORITY = 1_000_000
"""Of a lane that was taken out of the settings while messages waited in it."""
_NONE: frozenset[str] = frozenset()
_COUNT = "SELECT count(*) FROM messages WHERE queue = ? AND state = 1"


class Queues:
    """All queues of a store: changes, then `save` inside the transaction; `commit` or `roll_back` after it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.turns = Turns()
        self._keys: dict[int, _Key] = {}
        self._ids: dict[_Key, int] = {}
        self._ready: dict[int, int] = {}
        self._delta: dict[int, int] = {}
        self._new: list[int] = []
        self._put_off: dict[int, int] = {}
        self.next_turns = self.turns

    def load(self, connection: sqlite3.Connection) -> None:
        for queue_id, lane, route, account, stay, avoid, unfit, ready in connection.execute(
            "SELECT id, lane, route, account, stay, avoid, unfit, ready FROM queues ORDER BY id"
        ):
            self._remember(queue_id, (lane, route, account, stay, avoid, unfit))
            self._ready[queue_id] = ready

    def id_of(
        self,
        connection: sqlite3.Connection,
        lane: str,
        route: str,
        account: str,
        stay: str = "",
        avoid: str = "",
        unfit: str = "",
    ) -> int:
        """The queue of that kind; made when it is the first of its kind."""
        key = (lane, route, account, stay, avoid, unfit)
        known = self._ids.get(key)
        if known is not None:
            return known
        cursor = connection.execute(
            "INSERT INTO queues (lane, route, account, stay, avoid, unfit) VALUES (?, ?, ?, ?, ?, ?)", key
        )
        queue_id = int(cursor.lastrowid or 0)
        self._remember(queue_id, key)
        self._ready[queue_id] = 0
        self._new.append(queue_id)
        return queue_id

    def lane(self, queue_id: int) -> str:
        return self._keys[queue_id][0]

    def route(self, queue_id: int) -> str:
        return self._keys[queue_id][1]

    def elsewhere(self, connection: sqlite3.Connection, queue_id: int, *, stay: str = "", avoid: str = "") -> int:
        """The queue of the same lane, route, account and texts with another wish about carriers."""
        lane, route, account, _, _, unfit = self._keys[queue_id]
        return self.id_of(connection, lane, route, account, stay, avoid, unfit)

    def unfit_for(self, connection: sqlite3.Connection, queue_id: int, carriers: Iterable[str]) -> int:
        """The queue of the same kind for messages that these carriers can't carry."""
        lane, route, account, stay, avoid, _ = self._keys[queue_id]
        marks = sorted(map(self.policy.mark_of, carriers))
        return self.id_of(connection, lane, route, account, stay, avoid, " ".join(marks))

    def add(self, queue_id: int, count: int) -> None:
        self._delta[queue_id] = self._delta.get(queue_id, 0) + count

    def charge(self, queue_id: int, slots: int) -> None:
        """A grant to this queue came to so many PDUs more, or fewer, than its slots."""
        if slots:
            lane, _, account, *_ = self._keys[queue_id]
            self.next_turns.charge(lane, account, queue_id, slots)

    def ready(self) -> int:
        """Messages that a free slot could take, as of the last commit."""
        return sum(self._ready.values())

    def ready_in_transaction(self) -> int:
        """The same with the running transaction's changes."""
        return sum(self._ready.values()) + sum(self._delta.values())

    def for_deal(self, now: int) -> Iterator[Queue]:
        """What the deal chooses from, with the running transaction's changes."""
        for queue_id, ready in self._ready.items():
            now_ready = ready + self._delta.get(queue_id, 0)
            if now_ready > 0 and self._put_off.get(queue_id, 0) <= now:
                lane, route, account, stay, avoid, unfit = self._keys[queue_id]
                policy = self.policy.lanes.get(lane)
                priority = policy.priority if policy else LOWEST_PRIORITY
                yield Queue(
                    queue_id,
                    lane,
                    priority,
                    account,
                    self.policy.tiers.get(route, ()),
                    stay,
                    avoid,
                    now_ready,
                    self._unfit(unfit) if unfit else _NONE,
                )

    def recount(self, connection: sqlite3.Connection, queue_id: int) -> None:
        """Set a count right that is not what the rows say."""
        (counted,) = connection.execute(_COUNT, (queue_id,)).fetchone()
        self._delta[queue_id] = counted - self._ready[queue_id]

    def save(self, connection: sqlite3.Connection) -> None:
        """Write the changed counts: part of the transaction that changed them."""
        for queue_id, count in list(self._delta.items()):
            if self._ready[queue_id] + count < 0:
                log.error("a queue's count of ready messages was too small; it is set right")
                self.recount(connection, queue_id)
        changed = [(count, queue_id) for queue_id, count in self._delta.items() if count]
        if changed:
            connection.executemany("UPDATE queues SET ready = ready + ? WHERE id = ?", changed)

    def commit(self) -> None:
        for queue_id, count in self._delta.items():
            self._ready[queue_id] += count
        self.turns = self.next_turns
        self._delta.clear()
        self._new.clear()

    def roll_back(self) -> None:
        self.back_to(({}, 0))
        self.next_turns = self.turns

    def mark(self) -> Mark:
        """Where a step begins that may be undone without its transaction."""
        return dict(self._delta), len(self._new)

    def back_to(self, mark: Mark) -> None:
        self._delta, known = dict(mark[0]), mark[1]
        for queue_id in self._new[known:]:
            del self._ids[self._keys.pop(queue_id)]
            del self._ready[queue_id]
        del self._new[known:]

    def put_off(self, queue_id: int, until: int) -> None:
        """Nothing of it is dealt before that: its messages can't be claimed for a fault of ours."""
        self._put_off[queue_id] = until

    def rows(self) -> list[QueueRow]:
        found = []
        for queue_id, ready in list(self._ready.items()):
            lane, route, account, stay, avoid, unfit = self._keys[queue_id]
            found.append(QueueRow(lane, route, account, stay, avoid, ready, " ".join(sorted(self._unfit(unfit)))))
        return found

    def _unfit(self, marks: str) -> frozenset[str]:
        """The carriers among them that still take messages the way they did: what they take otherwise now is tried."""
        known = ((carrier_of(mark), mark) for mark in marks.split())
        return frozenset(carrier for carrier, mark in known if mark == self.policy.mark_of(carrier))

    def _remember(self, queue_id: int, key: _Key) -> None:
        self._keys[queue_id] = key
        self._ids[key] = queue_id
