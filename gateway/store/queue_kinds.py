"""Which queues there are: rows by what is alike of their messages. How much is ready in each is queues.py's."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from gateway.rules.branches import route_of
from gateway.rules.ways import carrier_of
from gateway.store.policy import Policy
from gateway.store.strays import Strays

NOBODY: frozenset[str] = frozenset()


class Kind(NamedTuple):
    """What its messages have in common; the order is that of the table."""

    lane: str
    route: str
    """A branch: see gateway.rules.branches."""
    account: str
    stay: str
    avoid: str
    """Names joined by a blank."""
    unfit: str
    campaign: int
    held: int = 0
    """The hold since which nothing of it is dealt; 0: it is dealt."""


class QueueKinds:
    """All queues of a store by their kinds; a queue is made by the first message of its kind."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.of_campaigns: dict[int, int] = {}
        """By queue, of those of campaigns: whose it is."""
        self._keys: dict[int, Kind] = {}
        self._ids: dict[tuple[str, str, str, str, str, str, int, int], int] = {}
        self._by_campaign: dict[int, list[int]] = {}
        self._new: list[int] = []
        """Made by the running transaction."""
        self._strays = Strays(policy)
        self.holds: frozenset[int] = frozenset()
        """Those in force."""
        self._held: set[int] = set()
        """Queues of theirs."""
        self.has_orders = False
        """An operator has ordered something to be done with what is held."""
        self.orders_at = 0
        """The first queue that the order at hand has not looked at yet."""

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
        held: int = 0,
    ) -> int:
        """The queue of that kind; made when it is the first of its kind. `campaign` 0: of none."""
        key = (lane, route, account, stay, avoid, unfit, campaign, held)
        known = self._ids.get(key)
        if known is not None:
            return known
        cursor = connection.execute(
            "INSERT INTO queues (lane, route, account, stay, avoid, unfit, campaign, held) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            key,
        )
        queue_id = int(cursor.lastrowid or 0)
        self._remember(queue_id, Kind._make(key))
        self._new.append(queue_id)
        return queue_id

    def lane_and_campaign(self, queue_id: int) -> tuple[str, int]:
        """`lane` and `campaign` at once, for what is told of each message."""
        key = self._keys[queue_id]
        return key.lane, key.campaign

    def lane(self, queue_id: int) -> str:
        return self._keys[queue_id].lane

    def branch(self, queue_id: int) -> str:
        return self._keys[queue_id].route

    def route(self, queue_id: int) -> str:
        """Its name, whatever the branch."""
        return route_of(self._keys[queue_id].route)

    def is_begun(self, queue_id: int) -> bool:
        """Whether carriers have parts of its messages."""
        return bool(self._keys[queue_id].stay)

    def campaign(self, queue_id: int) -> int:
        """Whose messages these are; 0: of no campaign."""
        return self._keys[queue_id].campaign

    def elsewhere(self, connection: sqlite3.Connection, queue_id: int, *, stay: str = "", avoid: str = "") -> int:
        """The queue of the same lane, route, account, campaign and texts with another wish about carriers."""
        return self.id_of(connection, *self._keys[queue_id]._replace(stay=stay, avoid=avoid))

    def let_go(self, connection: sqlite3.Connection, queue_id: int) -> int:
        """The queue of the same kind that is dealt."""
        return self.id_of(connection, *self._keys[queue_id]._replace(held=0))

    def held(self) -> list[int]:
        """Those of which nothing is dealt."""
        return sorted(self._held)

    def kind(self, queue_id: int) -> Kind:
        return self._keys[queue_id]

    def hold(self, holds: frozenset[int]) -> None:
        """These holds are in force: of their queues nothing is dealt. Before queues are loaded, or after a commit."""
        self.holds = holds
        self._held = {queue_id for queue_id, key in self._keys.items() if key.held and key.held in holds}

    def unfit(self, queue_id: int) -> frozenset[str]:
        """The carriers that take none of its messages."""
        marks = self._keys[queue_id].unfit
        return self._unfit(marks) if marks else NOBODY

    def on_route(self, connection: sqlite3.Connection, queue_id: int, route: str) -> int:
        """The queue of the same kind under another branch."""
        return self.id_of(connection, *self._keys[queue_id]._replace(route=route))

    def unfit_for(self, connection: sqlite3.Connection, queue_id: int, carriers: Iterable[str]) -> int:
        """The queue of the same kind for messages that these carriers can't carry."""
        marks = sorted(map(self.policy.mark_of, carriers))
        return self.id_of(connection, *self._keys[queue_id]._replace(unfit=" ".join(marks)))

    def not_begun_of(self, campaign: int) -> list[int]:
        """A campaign's queues of messages none of which any carrier has a part of."""
        return [queue_id for queue_id in self._by_campaign.get(campaign, ()) if not self.is_begun(queue_id)]

    def queues_of(self, campaign: int) -> list[int]:
        return list(self._by_campaign.get(campaign, ()))

    def _unfit(self, marks: str) -> frozenset[str]:
        """The carriers among them that still take messages the way they did: what they take otherwise now is tried."""
        known = ((carrier_of(mark), mark) for mark in marks.split())
        return frozenset(carrier for carrier, mark in known if mark == self.policy.mark_of(carrier))

    def _remember(self, queue_id: int, key: Kind) -> None:
        self._keys[queue_id] = key
        self._ids[key] = queue_id
        self._strays.look(queue_id, key.route, key.stay)
        if key.held and key.held in self.holds:
            self._held.add(queue_id)
        if campaign := key.campaign:
            self.of_campaigns[queue_id] = campaign
            self._by_campaign.setdefault(campaign, []).append(queue_id)

    def _forget(self, queue_id: int) -> None:
        kind = self._keys.pop(queue_id)
        del self._ids[kind]
        self._strays.forget(queue_id)
        self._held.discard(queue_id)
        if self.of_campaigns.pop(queue_id, None) is not None:
            of_campaign = self._by_campaign[kind.campaign]
            of_campaign.remove(queue_id)
            if not of_campaign:
                del self._by_campaign[kind.campaign]
