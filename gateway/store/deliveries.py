"""Claiming events for webhooks, in turns of the accounts: due retries first, then what is pending.

Single events, or batches that keep their members for good. Where nothing can be claimed nothing is asked of the rows.
"""

import struct
from collections.abc import Iterable

from gateway.identifiers import BATCH, EVENT, public
from gateway.store.endpoints import Endpoint, Endpoints
from gateway.store.interface import Delivery
from gateway.store.message_events import IN_DELIVERY, PENDING
from gateway.store.work import STUCK_MS, Work

MOST_UNDER_WAY = 512
"""POSTs under way for all endpoints together: bounds memory and connections."""
_TAKE = (
    f"UPDATE events SET state = {IN_DELIVERY}, delivery = ? "
    f"WHERE endpoint = ? AND state = {PENDING} AND id BETWEEN ? AND ?"
)


def claim(work: Work) -> list[Delivery]:
    """Deliveries for every endpoint that has something and room for it; the writer comes back for what has to wait."""
    endpoints = work.endpoints
    for endpoint_id in endpoints.to_look_at(work.now):
        _look(work, endpoints.by_id[endpoint_id])
    taken: list[Delivery] = []
    while (account := _next_account(endpoints)) is not None:
        taken += _serve(work, account)
    if endpoints.times:
        work.wake(endpoints.times[0][0])
    return taken


def pack(members: Iterable[int]) -> bytes:
    ids = list(members)
    return struct.pack(f">{len(ids)}q", *ids)


def unpack(members: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(members) // 8}q", members)


def _look(work: Work, endpoint: Endpoint) -> None:
    """Put an endpoint in its account's queue, note when to look again, or forget it."""
    endpoints = work.endpoints
    if endpoint.is_idle:
        if not endpoint.own:
            endpoints.forget(endpoint)
        return
    if (not endpoint.enabled or endpoint.failures) and (endpoint.pending or endpoint.retry_at is not None):
        if endpoint.overdue_at <= work.now:
            endpoints.overdue[endpoint.id] = None
        else:
            endpoints.look_again(endpoint, endpoint.overdue_at)
    at = _claims_at(work, endpoint)
    if at is None:
        return
    if at > work.now:
        endpoints.look_again(endpoint, at)
    else:
        endpoints.ready.setdefault(endpoint.account, {})[endpoint.id] = None


def _claims_at(work: Work, endpoint: Endpoint) -> int | None:
    """From when on there is something to claim; None: not before something happens to the endpoint."""
    if not endpoint.enabled or _room(work, endpoint) <= 0:
        return None
    resume_at = max(endpoint.resume_at, work.endpoints.put_off.get(endpoint.id, 0))
    if not endpoint.pending:
        return None if endpoint.retry_at is None else max(endpoint.retry_at, resume_at)
    at = endpoint.pending_since + work.policy.linger_ms if _is_thin(endpoint) else work.now
    if endpoint.retry_at is not None and endpoint.retry_at < at:
        at = endpoint.retry_at
    return max(at, resume_at)


def _next_account(endpoints: Endpoints) -> str | None:
    """Of the accounts that wait for a place and may take one, the one that holds fewest."""
    if not endpoints.ready:
        return None
    poorest = min(endpoints.ready, key=lambda account: endpoints.held.get(account, 0))
    return poorest if _allowance(endpoints, poorest) > 0 else None


def _allowance(endpoints: Endpoints, account: str) -> int:
    """An account may begin another POST while it holds fewer than are free, so that whoever holds none finds a place.

    The rule of gateway.webhooks.turns.
    """
    return (MOST_UNDER_WAY - endpoints.under_way - endpoints.held.get(account, 0) + 1) // 2


def _serve(work: Work, account: str) -> list[Delivery]:
    """The account's first endpoint takes what it may; if that was not all, it goes to the end of the queue."""
    endpoints = work.endpoints
    queue = endpoints.ready[account]
    endpoint_id = next(iter(queue))
    del queue[endpoint_id]
    if not queue:
        del endpoints.ready[account]
    endpoint = endpoints.by_id[endpoint_id]
    at = _claims_at(work, endpoint)
    if at is None or at > work.now:
        _look(work, endpoint)
        return []
    room = min(_room(work, endpoint), _allowance(endpoints, account))
    found: list[Delivery] = []
    with work.apart(f"claiming for endpoint {endpoint_id}") as failed:
        found = _retries(work, endpoint, room)
        found += _pending(work, endpoint, room - len(found))
        endpoints.begun(endpoint, len(found))
    if failed:
        endpoints.put_off[endpoint_id] = work.now + STUCK_MS
        work.wake(work.now + STUCK_MS)
        return []
    _look(work, endpoint)
    return found


def _room(work: Work, endpoint: Endpoint) -> int:
    """After failures in a row one POST at a time probes the endpoint."""
    return (1 if endpoint.failures else work.policy.posts_per_endpoint) - endpoint.under_way


def _is_thin(endpoint: Endpoint) -> bool:
    return endpoint.pending < endpoint.batch and endpoint.batch > 1


def _retries(work: Work, endpoint: Endpoint, room: int) -> list[Delivery]:
    if endpoint.retry_at is None or endpoint.retry_at > work.now:
        return []
    rows = work.execute(
        "SELECT id, batched, members, created_at, tries, due FROM deliveries "
        "WHERE endpoint = ? AND due IS NOT NULL ORDER BY due LIMIT ?",
        (endpoint.id, room + 1),
    ).fetchall()
    found: list[Delivery] = []
    endpoint.retry_at = None
    for delivery_id, batched, members, created_at, tries, due in rows:
        if len(found) == room or due > work.now:
            endpoint.retry_at = due
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
    if _is_thin(endpoint) and work.now - endpoint.pending_since < work.policy.linger_ms:
        return []
    batched = endpoint.batch > 1
    if batched:
        room = max(1, min(room, endpoint.pending // endpoint.batch))
    limit = endpoint.batch * room
    rows = work.execute(
        f"SELECT id, pending_since, body, url FROM events WHERE endpoint = ? AND state = {PENDING} ORDER BY id LIMIT ?",
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
        work.endpoints.in_delivery += len(ids)
        # The pending ones of this range are those that were read just now.
        work.execute(_TAKE, (delivery_id, endpoint.id, ids[0], ids[-1]))
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
