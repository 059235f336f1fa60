"""Events that are handed out in the transaction that files them, for endpoints that can take them: no event is then
written as pending and claimed.

A single event is its own delivery, without a row in deliveries while its first try is under way; one for a batch joins
the delivery that the endpoint gathers, which is tried like a retry once it is due. After a crash both are told again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.identifiers import BATCH, public
from gateway.store.interface import Delivery
from gateway.store.many_rows import Insert
from gateway.store.members import pack

if TYPE_CHECKING:
    import sqlite3

    from gateway.store.endpoints import Endpoint, Endpoints
    from gateway.store.work import Work

MOST_GATHERED = 20_000
"""Events whose bodies wait in memory for their batch to be full, of all endpoints: beyond that they wait on disk."""
ADVANCE_MS = 10_000
"""How often it is written down since when there may be first tries: a start looks through the events from there on."""
_NEW = (
    "INSERT INTO deliveries (id, endpoint, batched, members, created_at, under_way, due) VALUES (?, ?, 1, ?, ?, ?, ?)"
)
_MORE = "UPDATE deliveries SET members = ?, under_way = ?, due = ? WHERE id = ?"
UNDER_WAY = Insert("deliveries", "id, endpoint, batched, members, created_at, under_way", fixed="1")
_SINCE = "SELECT since FROM first_tries WHERE id = 1"
_ADVANCE = "UPDATE first_tries SET since = ? WHERE id = 1"
_FIRST_TRIES = (
    "FROM events WHERE id >= (SELECT since FROM first_tries WHERE id = 1) AND state = 2 AND delivery = id "
    "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.id = events.id)"
)
_FOUND = f"SELECT id, endpoint, pending_since {_FIRST_TRIES}"
_PENDING_AGAIN = f"UPDATE events SET state = 1, delivery = NULL WHERE id IN (SELECT id {_FIRST_TRIES})"


@dataclass(slots=True)
class Gathering:
    """The batch that an endpoint's next events join. Its row is a delivery that waits until `due`."""

    delivery: int
    since: int
    due: int
    events: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    written: int = 0
    """Events of it that its row has."""


class Hands:
    """What one endpoint can take at once of the events that are filed together."""

    __slots__ = ("_endpoint", "_endpoints", "_known", "_work")

    def __init__(self, work: Work, endpoint: Endpoint) -> None:
        self._work = work
        self._endpoint = endpoint
        self._endpoints = work.endpoints
        self._known = (endpoint.id, work.now)

    def take(self, event: int, public_id: str, body: bytes, url: str | None) -> int:
        """The delivery that an event is part of; 0: it has to wait."""
        endpoint, endpoints = self._endpoint, self._endpoints
        if endpoint.batch > 1:
            return self._gather(endpoint, event, body)
        if not endpoints.may_begin(endpoint):
            return 0
        self._work.deliveries.append(
            Delivery(
                event,
                endpoint.id,
                endpoint.account,
                url or endpoint.url,
                endpoint.own,
                public_id,
                False,
                [body],
                0,
                self._work.now,
            )
        )
        endpoints.first_tries[event] = self._known
        endpoints.in_delivery += 1
        endpoints.begun(endpoint, 1)
        return event

    def close(self) -> None:
        """Write down what the events themselves don't tell."""
        gathering = self._endpoint.gathering
        if gathering is not None and gathering.written < len(gathering.events):
            _write(self._work, self._endpoint, gathering, gathering.due)
            self._endpoints.stirred.add(self._endpoint.id)

    def _gather(self, endpoint: Endpoint, event: int, body: bytes) -> int:
        gathering, endpoints = endpoint.gathering, self._endpoints
        if gathering is None:
            if endpoints.gathered >= MOST_GATHERED or not endpoints.may_begin(endpoint):
                return 0
            now = self._work.now
            gathering = endpoint.gathering = Gathering(self._work.ids.next(), now, now + self._work.policy.linger_ms)
        gathering.events.append(event)
        gathering.bodies.append(body)
        endpoints.gathered += 1
        if len(gathering.events) >= endpoint.batch:
            if endpoints.may_begin(endpoint):
                self._work.deliveries.append(hand_out(self._work, endpoint, gathering))
                endpoints.begun(endpoint, 1)
            else:
                gathering.due = self._work.now
                seal(self._work, endpoint)
        return gathering.delivery


def hands_of(work: Work, endpoint_id: int) -> Hands | None:
    """None: its events have to wait, for it is left in peace, or something waits for it already."""
    endpoints = work.endpoints
    endpoint = endpoints.by_id[endpoint_id]
    if (
        not work.hands_out
        or work.stale
        or not endpoint.enabled
        or endpoint.failures
        or endpoint.resume_at > work.now
        or endpoint.pending
        or (endpoint.retry_at is not None and endpoint.retry_at <= work.now)
        or endpoints.ready
        or endpoints.put_off.get(endpoint_id, 0) > work.now
    ):
        return None
    return Hands(work, endpoint)


def hand_out(work: Work, endpoint: Endpoint, gathering: Gathering) -> Delivery:
    """What the endpoint has gathered is under way; `begun` is the caller's to say."""
    _write(work, endpoint, gathering, None)
    endpoint.gathering = None
    work.endpoints.gathered -= len(gathering.events)
    return Delivery(
        gathering.delivery,
        endpoint.id,
        endpoint.account,
        endpoint.url,
        endpoint.own,
        public(BATCH, gathering.delivery),
        True,
        gathering.bodies,
        0,
        gathering.since,
    )


def seal(work: Work, endpoint: Endpoint) -> None:
    """Nothing joins what the endpoint has gathered any more: it is a delivery that waits, like any other."""
    gathering = endpoint.gathering
    if gathering is None:
        return
    if gathering.written < len(gathering.events):
        _write(work, endpoint, gathering, gathering.due)
    work.endpoints.let_go(endpoint)


def _write(work: Work, endpoint: Endpoint, gathering: Gathering, due: int | None) -> None:
    """`due` None: it is under way."""
    members, under_way = pack(gathering.events), int(due is None)
    if gathering.written:
        work.execute(_MORE, (members, under_way, due, gathering.delivery))
    else:
        work.execute(_NEW, (gathering.delivery, endpoint.id, members, gathering.since, under_way, due))
    work.endpoints.in_delivery += len(gathering.events) - gathering.written
    gathering.written = len(gathering.events)


# --- first tries


def lay_out(work: Work, event: int) -> None:
    """Give the delivery of a first try a row, for it needs more to be told than an event can."""
    endpoint, created_at = work.endpoints.first_tries.pop(event)
    work.execute(UNDER_WAY.one, (event, endpoint, 0, pack([event]), created_at))


def advance(work: Work) -> None:
    """Now and then, so that a start need not look far back; first tries that take long get a row."""
    endpoints = work.endpoints
    if endpoints.advanced_at + ADVANCE_MS > work.now or endpoints.first_tries_since == work.ids.last:
        return
    endpoints.advanced_at = work.now
    for event, (_, created_at) in list(endpoints.first_tries.items()):
        if created_at <= work.now - ADVANCE_MS:
            lay_out(work, event)
    endpoints.first_tries_since = min(endpoints.first_tries, default=work.ids.next())
    work.execute(_ADVANCE, (endpoints.first_tries_since,))


def load(endpoints: Endpoints, connection: sqlite3.Connection) -> None:
    """Know the first tries that are under way."""
    endpoints.first_tries.clear()
    (endpoints.first_tries_since,) = connection.execute(_SINCE).fetchone()
    for event, endpoint, created_at in connection.execute(_FOUND).fetchall():
        endpoints.first_tries[event] = (endpoint, created_at)
        endpoints.begun(endpoints.by_id[endpoint], 1)


def recover(connection: sqlite3.Connection, last_id: int) -> int:
    """After a start none is under way: they are pending again. How many they are."""
    found = connection.execute(_PENDING_AGAIN).rowcount
    connection.execute(_ADVANCE, (last_id,))
    return found
