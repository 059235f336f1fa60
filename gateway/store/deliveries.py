"""Claiming events for webhooks: due retries first, then what is pending.

Single events, or batches that keep their members for good.
"""

import struct
from collections.abc import Iterable

from gateway.identifiers import BATCH, EVENT, public
from gateway.store.endpoints import Endpoint
from gateway.store.interface import Delivery
from gateway.store.work import IN_DELIVERY, Work

MOST_UNDER_WAY = 512
"""POSTs under way for all endpoints together: bounds memory and connections."""
_TAKE = f"UPDATE events SET state = {IN_DELIVERY}, delivery = ? WHERE id = ?"


def claim(work: Work) -> list[Delivery]:
    """Deliveries for every endpoint that has something and room for it; the writer comes back for what has to wait."""
    taken: list[Delivery] = []
    free = MOST_UNDER_WAY - sum(endpoint.under_way for endpoint in work.endpoints.by_id.values() if endpoint.under_way)
    for endpoint_id in list(work.endpoints.stirred):
        endpoint = work.endpoints.by_id[endpoint_id]
        if not endpoint.enabled:
            work.endpoints.stirred.discard(endpoint_id)
            continue
        if endpoint.resume_at > work.now:
            work.wake(endpoint.resume_at)
            continue
        room = min(_room(work, endpoint), free)
        if room <= 0:
            continue  # a POST that ends stirs it again
        found = _retries(work, endpoint, room)
        found += _pending(work, endpoint, room - len(found))
        endpoint.under_way += len(found)
        free -= len(found)
        taken += found
        if not endpoint.pending and not endpoint.retries:
            work.endpoints.stirred.discard(endpoint_id)
    return taken


def pack(members: Iterable[int]) -> bytes:
    ids = list(members)
    return struct.pack(f">{len(ids)}q", *ids)


def unpack(members: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(members) // 8}q", members)


def _room(work: Work, endpoint: Endpoint) -> int:
    """After failures in a row one POST at a time probes the endpoint."""
    return (1 if endpoint.failures else work.policy.posts_per_endpoint) - endpoint.under_way


def _retries(work: Work, endpoint: Endpoint, room: int) -> list[Delivery]:
    if not endpoint.retries:
        return []
    rows = work.execute(
        "SELECT id, batched, members, created_at, tries, due FROM deliveries "
        "WHERE endpoint = ? AND due IS NOT NULL ORDER BY due LIMIT ?",
        (endpoint.id, room + 1),
    ).fetchall()
    endpoint.retries = bool(rows)
    found = []
    for delivery_id, batched, members, created_at, tries, due in rows[:room]:
        if due > work.now:
            work.wake(due)
            break
        work.execute("UPDATE deliveries SET under_way = 1, due = NULL WHERE id = ?", (delivery_id,))
        ids = unpack(members)
        bodies = [work.execute("SELECT body, url FROM events WHERE id = ?", (event,)).fetchone() for event in ids]
        found.append(_delivery(endpoint, delivery_id, bool(batched), ids, bodies, tries, created_at))
    return found


def _pending(work: Work, endpoint: Endpoint, room: int) -> list[Delivery]:
    """New deliveries of pending events; a batched endpoint's events wait a moment for company."""
    if room <= 0 or not endpoint.pending:
        return []
    batched = endpoint.batch > 1
    if batched and endpoint.pending < endpoint.batch and work.now - endpoint.pending_since < work.policy.linger_ms:
        work.wake(endpoint.pending_since + work.policy.linger_ms)
        return []
    if batched:
        room = max(1, min(room, endpoint.pending // endpoint.batch))
    limit = endpoint.batch * room
    rows = work.execute(
        "SELECT id, pending_since, body, url FROM events WHERE endpoint = ? AND state = 1 ORDER BY id LIMIT ?",
        (endpoint.id, limit),
    ).fetchall()
    found = []
    for start in range(0, len(rows), endpoint.batch):
        group = rows[start : start + endpoint.batch]
        ids = tuple(row[0] for row in group)
        delivery_id = work.ids.next()
        since = min(row[1] for row in group)
        work.execute(
            "INSERT INTO deliveries (id, endpoint, batched, members, created_at, under_way) VALUES (?, ?, ?, ?, ?, 1)",
            (delivery_id, endpoint.id, batched, pack(ids), since),
        )
        work.executemany(_TAKE, [(delivery_id, event) for event in ids])
        found.append(_delivery(endpoint, delivery_id, batched, ids, [row[2:] for row in group], 0, since))
    endpoint.pending = endpoint.pending - len(rows) if len(rows) == limit else 0
    endpoint.pending_since = work.now
    return found


def _delivery(
    endpoint: Endpoint,
    delivery_id: int,
    batched: bool,
    ids: tuple[int, ...],
    bodies: list[tuple[bytes, str | None]],
    tries: int,
    since: int,
) -> Delivery:
    webhook_id = public(BATCH, delivery_id) if batched else public(EVENT, ids[0])
    url = bodies[0][1] or endpoint.url
    return Delivery(
        delivery_id,
        endpoint.id,
        endpoint.account,
        url,
        endpoint.own,
        webhook_id,
        batched,
        [body for body, _ in bodies],
        tries,
        since,
    )
