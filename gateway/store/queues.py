"""The queues: rows with a `ready` count, kept in the transactions that change it, and their mirror in memory.

The mirror makes gauges, the backlog limit and the deal cost nothing; it changes only when a transaction commits.
"""

import logging
import sqlite3
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from gateway.rules.deal import Queue, Turns
from gateway.rules.ways import carrier_of
from gateway.store.allowances.lane_paces import LanePaces
from gateway.store.policy import Policy
from gateway.store.views import QueueRow

log = logging.getLogger("sluice.store")
Mark: TypeAlias = tuple[dict[int, int], int]
"""Changes of counts, and how many queues are new."""
LOWEST_PRIORITY = 1_000_000
"""Of a lane that was taken out of the settings while messages waited in it."""
_NONE: frozenset[str] = frozenset()
_COUNT = "SELECT count(*) FROM messages WHERE queue = ? AND state = 1"


class _Key(NamedTuple):
    """What kind of queue it is; the order is that of the table."""

    lane: str
    route: str
    account: str
    stay: str
    avoid: str
    unfit: str
    campaign: int


class Queues:
    """All queues of a store: changes, then `save` inside the transaction; `commit` or `roll_back` after it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.turns = Turns()
        self._keys: dict[int, _Key] = {}
        self._ids: dict[tuple[str, str, str, str, str, str, int], int] = {}
        self._ready: dict[int, int] = {}
        self._filled: set[int] = set()
        """Those with ready messages as of the last commit: campaigns leave many queues behind."""
        self._all_ready = 0
        self.paces = LanePaces(policy.lanes)
        self.of_campaigns: dict[int, int] = {}
        """By queue, of those of campaigns: whose it is."""
        self._by_campaign: dict[int, list[int]] = {}
        self._delta: dict[int, int] = {}
        self._new: list[int] = []
        self._put_off: dict[int, int] = {}
        self.next_turns = self.turns

    def load(self, connection: sqlite3.Connection) -> None:
        for queue_id, *key, ready in connection.execute(
            "SELECT id, lane, route, account, stay, avoid, unfit, campaign, ready FROM queues ORDER BY id"
        ):
            self._remember(queue_id, _Key._make(key))
            self._ready[queue_id] = ready
            self._all_ready += ready
            if ready:
                self._filled.add(queue_id)

    def id_of(
        self,
        connection: sqlite3.Connection,
        lane: str,
        route: str,
        account: str,
        stay: str = "",
        avoid: str = "",
        unfit: str = "",
        campaign: int = 0,
    ) -> int:
        """The queue of that kind; made when it is the first of its kind. `campaign` 0: of none."""
        key = (lane, route, account, stay, avoid, unfit, campaign)
        known = self._ids.get(key)
        if known is not None:
            return known
        cursor = connection.execute(
            "INSERT INTO queues (lane, route, account, stay, avoid, unfit, campaign) VALUES (?, ?, ?, ?, ?, ?, ?)", key
        )
        queue_id = int(cursor.lastrowid or 0)
        self._remember(queue_id, _Key._make(key))
        self._ready[queue_id] = 0
        self._new.append(queue_id)
        return queue_id

    def lane(self, queue_id: int) -> str:
        return self._keys[queue_id].lane

    def route(self, queue_id: int) -> str:
        return self._keys[queue_id].route

    def is_begun(self, queue_id: int) -> bool:
        """Whether carriers have parts of its messages."""
        return bool(self._keys[queue_id].stay)

    def campaign(self, queue_id: int) -> int:
        """Whose messages these are; 0: of no campaign."""
        return self._keys[queue_id].campaign

    def elsewhere(self, connection: sqlite3.Connection, queue_id: int, *, stay: str = "", avoid: str = "") -> int:
        """The queue of the same lane, route, account, campaign and texts with another wish about carriers."""
        return self.id_of(connection, *self._keys[queue_id]._replace(stay=stay, avoid=avoid))

    def unfit_for(self, connection: sqlite3.Connection, queue_id: int, carriers: Iterable[str]) -> int:
        """The queue of the same kind for messages that these carriers can't carry."""
        marks = sorted(map(self.policy.mark_of, carriers))
        return self.id_of(connection, *self._keys[queue_id]._replace(unfit=" ".join(marks)))

    def add(self, queue_id: int, count: int) -> None:
        self._delta[queue_id] = self._delta.get(queue_id, 0) + count

    def charge(self, queue_id: int, slots: int) -> None:
        """A grant to this queue came to so many PDUs more, or fewer, than its slots."""
        if slots:
            key = self._keys[queue_id]
            self.next_turns.charge(key.lane, key.account, queue_id, slots)

    def ready(self) -> int:
        """Messages that a free slot could take, as of the last commit."""
        return self._all_ready

    def ready_in_transaction(self) -> int:
        """The same with the running transaction's changes."""
        return self._all_ready + sum(self._delta.values())

    def ready_in(self, queue_id: int) -> int:
        """The same of one queue."""
        return self._ready[queue_id] + self._delta.get(queue_id, 0)

    def ready_of(self, campaign: int) -> int:
        """The same of one campaign."""
        return sum([self.ready_in(queue_id) for queue_id in self._by_campaign.get(campaign, ())])

    def ready_of_account(self, account: str) -> int:
        """The same of one account."""
        queues = self._filled | self._delta.keys()
        return sum([self.ready_in(queue_id) for queue_id in queues if self._keys[queue_id].account == account])

    def ready_by_lane(self, account: str) -> dict[str, int]:
        """Of one account, as of the last commit; every lane of the settings, and others where there are any."""
        found = dict.fromkeys(self.policy.lanes, 0)
        for queue_id in list(self._filled):
            if (ready := self._ready.get(queue_id, 0)) and self._keys[queue_id].account == account:
                lane = self.lane(queue_id)
                found[lane] = found.get(lane, 0) + ready
        return found

    def has_dry_route(self, campaign: int) -> bool:
        """Whether a route that its messages have taken has none ready."""
        by_route: dict[str, int] = {}
        for queue_id in self._by_campaign.get(campaign, ()):
            route = self.route(queue_id)
            by_route[route] = by_route.get(route, 0) + self.ready_in(queue_id)
        return 0 in by_route.values()

    def not_begun_of(self, campaign: int) -> list[int]:
        """A campaign's queues of messages none of which any carrier has a part of."""
        return [queue_id for queue_id in self._by_campaign.get(campaign, ()) if not self.is_begun(queue_id)]

    def stirred_campaigns(self) -> set[int]:
        """Of the queues that the running transaction changes."""
        return {self.of_campaigns[queue_id] for queue_id in self._delta.keys() & self.of_campaigns.keys()}

    def opens_at(self, now: int) -> int | None:
        """When a lane that was given what its rate lets through may have more; None: none waits for that."""
        if not self.paces.closed:
            return None
        waiting = {self.lane(queue_id) for queue_id in self._filled}
        return self.paces.opens_at(waiting, now)

    def for_deal(self, now: int, stopped: Container[int] = ()) -> Iterator[Queue]:
        """What the deal chooses from, with the running transaction's changes.

        `stopped`: campaigns of which nothing is begun; a message that a carrier has a part of goes on.
        """
        self.paces.look(now)
        for queue_id in sorted(self._filled | self._delta.keys()):
            now_ready = self._ready[queue_id] + self._delta.get(queue_id, 0)
            if now_ready > 0 and self._put_off.get(queue_id, 0) <= now:
                lane, route, account, stay, avoid, unfit, campaign = self._keys[queue_id]
                if campaign and not stay and campaign in stopped:
                    continue
                if lane in self.paces.closed:
                    continue
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
            self._all_ready += count
            if self._ready[queue_id]:
                self._filled.add(queue_id)
            else:
                self._filled.discard(queue_id)
        self.turns = self.next_turns
        self.paces.commit()
        self._delta.clear()
        self._new.clear()

    def roll_back(self) -> None:
        self.back_to(({}, 0))
        self.next_turns = self.turns
        self.paces.roll_back()

    def mark(self) -> Mark:
        """Where a step begins that may be undone without its transaction."""
        return dict(self._delta), len(self._new)

    def back_to(self, mark: Mark) -> None:
        self._delta, known = dict(mark[0]), mark[1]
        for queue_id in self._new[known:]:
            self._forget(queue_id)
        del self._new[known:]

    def settled(self, campaign: int) -> None:
        """Its queues stay empty: they take no turns any more. After the commit that says so."""
        for queue_id in self._by_campaign.get(campaign, ()):
            self.turns.queues.pop(queue_id, None)
            self._put_off.pop(queue_id, None)

    def erased(self, campaign: int) -> None:
        """Nothing names its queues any more, and their rows are gone. After the commit that says so."""
        for queue_id in self.queues_of(campaign):
            self._forget(queue_id)

    def queues_of(self, campaign: int) -> list[int]:
        return list(self._by_campaign.get(campaign, ()))

    def put_off(self, queue_id: int, until: int) -> None:
        """Nothing of it is dealt before that: its messages can't be claimed for a fault of ours."""
        self._put_off[queue_id] = until

    def rows(self) -> list[QueueRow]:
        """All but the empty ones of campaigns."""
        found = []
        for queue_id, ready in list(self._ready.items()):
            key = self._keys[queue_id]
            if key.campaign and not ready:
                continue
            carriers = " ".join(sorted(self._unfit(key.unfit)))
            found.append(QueueRow(*key[:5], ready, carriers, key.campaign))
        return found

    def _unfit(self, marks: str) -> frozenset[str]:
        """The carriers among them that still take messages the way they did: what they take otherwise now is tried."""
        known = ((carrier_of(mark), mark) for mark in marks.split())
        return frozenset(carrier for carrier, mark in known if mark == self.policy.mark_of(carrier))

    def _remember(self, queue_id: int, key: _Key) -> None:
        self._keys[queue_id] = key
        self._ids[key] = queue_id
        if campaign := key.campaign:
            self.of_campaigns[queue_id] = campaign
            self._by_campaign.setdefault(campaign, []).append(queue_id)

    def _forget(self, queue_id: int) -> None:
        key = self._keys.pop(queue_id)
        del self._ids[key]
        del self._ready[queue_id]
        self._filled.discard(queue_id)
        if self.of_campaigns.pop(queue_id, None) is not None:
            of_campaign = self._by_campaign[key.campaign]
            of_campaign.remove(queue_id)
            if not of_campaign:
                del self._by_campaign[key.campaign]
