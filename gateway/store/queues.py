"""The queues: rows with a `ready` count, kept in the transactions that change it, and their mirror in memory.

The mirror makes gauges, the backlog limit and the deal cost nothing; it changes only when a transaction commits.
"""

import logging
import sqlite3
from collections.abc import Callable, Container, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

from gateway.rules.branches import route_of
from gateway.rules.deal import Queue, Turns
from gateway.store.ages import Ages, QueueAge, look_every
from gateway.store.allowances.lane_paces import LanePaces
from gateway.store.policy import Policy
from gateway.store.queue_kinds import NOBODY, Kind, QueueKinds
from gateway.store.views import QueueRow

log = logging.getLogger("sluice.store")
Mark: TypeAlias = tuple[dict[int, int], int]
"""Changes of counts, and how many queues are new."""
LOWEST_PRIORITY = 1_000_000
"""Of a lane that was taken out of the settings while messages waited in it."""
_COUNT = "SELECT count(*) FROM messages WHERE queue = ? AND state = 1"


class Queues(QueueKinds):
    """All queues of a store: changes, then `save` inside the transaction; `commit` or `roll_back` after it."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.turns = Turns()
        self._ready: dict[int, int] = {}
        self._filled: set[int] = set()
        """Those with ready messages as of the last commit: campaigns leave many queues behind."""
        self._all_ready = 0
        self.paces = LanePaces(policy.lanes)
        self._delta: dict[int, int] = {}
        self._put_off: dict[int, int] = {}
        self._dealt: dict[int, Queue] = {}
        """As for_deal last gave them, of those that are filled."""
        self.ages = Ages()
        self.next_turns = self.turns
        self.next_holds: frozenset[int] | None = None
        """Those in force from the commit on, if the running transaction changes them."""

    def take(self, policy: Policy) -> None:
        """Other settings; between two transactions."""
        self.policy = policy
        self._dealt = {}
        self.paces.take(policy.lanes)
        self._strays.take(policy)
        self._look_for_strays()
        routes = policy.tierings
        self.turns.shares = self.turns.shares.kept(lambda place: place.carrier in routes.carriers_of(place.route))

    def carrier_gone(self, carrier: str) -> None:
        """One that was taken out of the settings has drained."""
        self._strays.gone(carrier)
        self._look_for_strays()

    def strays(self, now: int) -> list[int]:
        """Queues of a route or carrier that is no more, in which something waits: as of the last commit."""
        return [queue for queue in self._strays.among(self._filled) if self._put_off.get(queue, 0) <= now]

    def _look_for_strays(self) -> None:
        for queue_id, key in self._keys.items():
            self._strays.look(queue_id, key.route, key.stay)

    def load(self, connection: sqlite3.Connection) -> None:
        for queue_id, *key, ready in connection.execute(
            "SELECT id, lane, route, account, stay, avoid, unfit, campaign, held, ready FROM queues ORDER BY id"
        ):
            self._remember(queue_id, Kind._make(key))
            self._ready[queue_id] = ready
            if ready and queue_id not in self._held:
                self._all_ready += ready
                self._filled.add(queue_id)

    def hold(self, holds: frozenset[int]) -> None:
        super().hold(holds)
        self._filled = {queue_id for queue_id, ready in self._ready.items() if ready and queue_id not in self._held}
        self._all_ready = sum([self._ready[queue_id] for queue_id in self._filled])

    def add(self, queue_id: int, count: int) -> None:
        self._delta[queue_id] = self._delta.get(queue_id, 0) + count

    def charge(self, queue_id: int, carrier: str, slots: int) -> None:
        """A grant of this queue to a carrier came to so many PDUs more, or fewer, than its slots."""
        if slots:
            key = self._keys[queue_id]
            self.next_turns.charge(key.lane, key.account, queue_id, slots, carrier)

    def ready(self) -> int:
        """Messages that a free slot could take, as of the last commit."""
        return self._all_ready

    def going(self, stopped: Container[int]) -> dict[int, int]:
        """`ready` by queue, of all that are not held; `stopped`: as for the deal."""
        begun = [id_ for id_, key in list(self._keys.items()) if key.stay or key.campaign not in stopped]
        return {id_: self._ready.get(id_, 0) for id_ in begun if id_ not in self._held}

    def ready_in_transaction(self) -> int:
        """The same with the running transaction's changes."""
        delta = self._delta
        if self._held:
            delta = {queue_id: count for queue_id, count in delta.items() if queue_id not in self._held}
        return self._all_ready + sum(delta.values())

    def ready_in(self, queue_id: int) -> int:
        """The same of one queue."""
        return self._ready[queue_id] + self._delta.get(queue_id, 0)

    def ready_of(self, campaign: int) -> int:
        """The same of one campaign."""
        return sum([self.ready_in(q) for q in self._by_campaign.get(campaign, ()) if q not in self._held])

    def ready_of_account(self, account: str) -> int:
        """The same of one account."""
        queues = [q for q in self._filled | self._delta.keys() if self._keys[q].account == account]
        return sum([self.ready_in(queue_id) for queue_id in queues if queue_id not in self._held])

    def ready_by_lane(self, account: str) -> dict[str, int]:
        """Of one account, as of the last commit; every lane of the settings, and others where there are any."""
        found = dict.fromkeys(self.policy.lanes, 0)
        for queue_id in list(self._filled):
            if (ready := self._ready.get(queue_id, 0)) and self._keys[queue_id].account == account:
                lane = self.lane(queue_id)
                found[lane] = found.get(lane, 0) + ready
        return found

    def look_at_ages(self, execute: Callable[..., Any], stopped: Container[int] = ()) -> None:
        """Since when the oldest of filled queues waits. `stopped`: as for the deal."""
        campaigns = self.of_campaigns
        idle = {q for q in self._filled if campaigns.get(q, 0) in stopped and not self.is_begun(q)} if stopped else ()
        self.ages.look(execute, self._filled, idle)

    def look_every(self) -> int | None:
        """Milliseconds between such looks; None: there is nothing to look at."""
        return look_every(self.policy.tierings.least_overflow_ms) if self._filled else None

    def waiting(self, now: int) -> list[QueueAge]:
        """By lane and route, what is ready and for how long; as of the last commit, and of the last looks."""
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for queue_id in list(self._filled):
            if ready := self._ready.get(queue_id, 0):
                place = (self.lane(queue_id), self.route(queue_id))
                oldest, so_far = found.get(place, (now, 0))
                found[place] = min(oldest, self.ages.since(queue_id) or now), so_far + ready
        return [QueueAge(*place, now - oldest, ready) for place, (oldest, ready) in sorted(found.items())]

    def has_dry_route(self, campaign: int) -> bool:
        """Whether a route that its messages have taken has none ready."""
        by_route: dict[str, int] = {}
        for queue_id in self._by_campaign.get(campaign, ()):
            if queue_id in self._held:
                continue
            route = self.route(queue_id)
            by_route[route] = by_route.get(route, 0) + self.ready_in(queue_id)
        return 0 in by_route.values()

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
        ready, delta, put_off, known, closed = self._ready, self._delta, self._put_off, self._dealt, self.paces.closed
        tiering_of = self.policy.tierings.of
        filled = self._filled | delta.keys() if delta else self._filled
        if self._held and delta:
            filled = filled - self._held
        for queue_id in sorted(filled):
            now_ready = ready[queue_id] + delta.get(queue_id, 0)
            if now_ready <= 0 or (put_off and put_off.get(queue_id, 0) > now):
                continue
            last = known.get(queue_id)
            if last is None:
                last = known[queue_id] = self._to_deal(queue_id)
            if (stopped and not last.stay and self._keys[queue_id].campaign in stopped) or last.lane in closed:
                continue
            tiers, overflow_ms = tiering_of(last.branch)
            since = self.ages.since(queue_id) if overflow_ms else 0
            if now_ready != last.ready or tiers is not last.tiers or since != last.since:
                last = last._replace(ready=now_ready, tiers=tiers, since=since, overflow_ms=overflow_ms)
                known[queue_id] = last
            yield last

    def _to_deal(self, queue_id: int) -> Queue:
        """A queue as the deal sees it, but for what changes."""
        lane, route, account, stay, avoid, unfit, *_ = self._keys[queue_id]
        policy = self.policy.lanes.get(lane)
        priority = policy.priority if policy else LOWEST_PRIORITY
        tiers, overflow_ms = self.policy.tierings.of(route)
        unfit_for = self._unfit(unfit) if unfit else NOBODY
        avoided = _names(avoid) if avoid else NOBODY
        return Queue(queue_id, lane, priority, account, tiers, stay, avoided, 0, unfit_for, 0, overflow_ms, route)

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
            if self._held and queue_id in self._held:
                continue
            self._all_ready += count
            if self._ready[queue_id]:
                self._filled.add(queue_id)
            else:
                self._filled.discard(queue_id)
                self._dealt.pop(queue_id, None)
                self.ages.forget(queue_id)
        if self.next_holds is not None:
            self.hold(self.next_holds)
            self.next_holds = None
        self.turns = self.next_turns
        self.paces.commit()
        self._delta.clear()
        self._new.clear()

    def roll_back(self) -> None:
        self.back_to(({}, 0))
        self.next_holds = None
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

    def put_off(self, queue_id: int, until: int) -> None:
        """Nothing of it is dealt before that: its messages can't be claimed for a fault of ours."""
        self._put_off[queue_id] = until

    def rows(self) -> list[QueueRow]:
        """All but the empty ones of campaigns, and what is held."""
        found = []
        for queue_id, ready in list(self._ready.items()):
            key = self._keys[queue_id]
            if (key.campaign and not ready) or queue_id in self._held:
                continue
            carriers = " ".join(sorted(self._unfit(key.unfit)))
            found.append(QueueRow(key.lane, route_of(key.route), *key[2:5], ready, carriers, key.campaign))
        return found

    def _remember(self, queue_id: int, key: Kind) -> None:
        super()._remember(queue_id, key)
        self._ready[queue_id] = 0

    def _forget(self, queue_id: int) -> None:
        super()._forget(queue_id)
        del self._ready[queue_id]
        self._dealt.pop(queue_id, None)
        self._filled.discard(queue_id)
        self.ages.forget(queue_id)


@lru_cache(maxsize=4096)
def _names(joined: str) -> frozenset[str]:
    return frozenset(joined.split())
