"""Claiming events for webhooks, in turns of the accounts: due retries first, then what is pending.

Single events, or batches that keep their members for good. Where nothing can be claimed nothing is asked of the rows.
"""

from typing import Any

from gateway.identifiers import BATCH, EVENT, public
from gateway.store import at_once
from gateway.store.endpoints import Endpoint, Endpoints
from gateway.store.interface import Delivery
from gateway.store.members import pack, unpack
from gateway.store.message_events import IN_DELIVERY, PENDING
from gateway.store.work import STUCK_MS, Work

_TAKE = (
    f"UPDATE events SET state = {IN_DELIVERY}, delivery = {{}} "
    f"WHERE endpoint = ? AND state = {PENDING} AND id BETWEEN ? AND ?"
)
_TAKE_FOR = _TAKE.format("?")
_TAKE_SINGLE = _TAKE.format("id")
_ANEW = "UPDATE events SET delivery = ? WHERE id = ?"
_DUE = (
    "SELECT id, batched, members, created_at, tries, due FROM deliveries "
    "WHERE endpoint = ? AND due IS NOT NULL AND id <> ? ORDER BY due LIMIT ?"
)
_PENDING = (
    f"SELECT id, pending_since, body, url, delivery FROM events WHERE endpoint = ? AND state = {PENDING} "
    "ORDER BY id LIMIT ?"
)


def claim(work: Work) -> None:
    """Deliveries of every endpoint that has something and room for it; the writer comes back for what has to wait."""
    endpoints = work.endpoints
    at_once.advance(work)
    for endpoint_id in endpoints.to_look_at(work.now):
        _look(work, endpoints.by_id[endpoint_id])
    while (account := _next_account(endpoints)) is not None:
        work.deliveries += _serve(work, account)
    if endpoints.times:
        work.wake(endpoints.times[0][0])


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
    if not endpoint.enabled or work.endpoints.room(endpoint) <= 0:
        return None
    at = endpoint.retry_at
    if endpoint.pending:
        pending_at = endpoint.pending_since + work.policy.linger_ms if _is_thin(endpoint) else work.now
        at = pending_at if at is None else min(at, pending_at)
    if endpoint.gathering is not None:
        at = endpoint.gathering.due if at is None else min(at, endpoint.gathering.due)
    return None if at is None else max(at, endpoint.resume_at, work.endpoints.put_off.get(endpoint.id, 0))


def _next_account(endpoints: Endpoints) -> str | None:
    """Of the accounts that wait for a place and may take one, the one that holds fewest."""
    if not endpoints.ready:
        return None
    poorest = min(endpoints.ready, key=lambda account: endpoints.held.get(account, 0))
    return poorest if endpoints.allowance(poorest) > 0 else None


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
    room = min(endpoints.room(endpoint), endpoints.allowance(account))
    found: list[Delivery] = []
    with work.apart(f"claiming for endpoint {endpoint_id}") as failed:
        found = _retries(work, endpoint, room)
        found += _gathered(work, endpoint, room - len(found))
        found += _pending(work, endpoint, room - len(found))
        endpoints.begun(endpoint, len(found))
    if failed:
        endpoints.put_off[endpoint_id] = work.now + STUCK_MS
        work.wake(work.now + STUCK_MS)
        return []
    _look(work, endpoint)
    return found


def _is_thin(endpoint: Endpoint) -> bool:
    return endpoint.pending < endpoint.batch and endpoint.batch > 1


def _retries(work: Work, endpoint: Endpoint, room: int) -> list[Delivery]:
    if endpoint.retry_at is None or endpoint.retry_at > work.now:
        return []
    # What it still gathers has a due row too, for a crash; it is handed out as what it is, once.
    gathered = endpoint.gathering.delivery if endpoint.gathering is not None else 0
    rows = work.execute(_DUE, (endpoint.id, gathered, room + 1)).fetchall()
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


def _gathered(work: Work, endpoint: Endpoint, room: int) -> list[Delivery]:
    """What has waited for company long enough."""
    gathering = endpoint.gathering
    if gathering is None or room <= 0 or gathering.due > work.now:
        return []
    return [at_once.hand_out(work, endpoint, gathering)]


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
    rows = work.execute(_PENDING, (endpoint.id, limit)).fetchall()
    if batched:
        groups = [rows[start : start + endpoint.batch] for start in range(0, len(rows), endpoint.batch)]
        found = [_batch(work, endpoint, group) for group in groups]
    else:
        found = _singles(work, endpoint, rows)
    work.endpoints.in_delivery += len(rows)
    endpoint.pending = endpoint.pending - len(rows) if len(rows) == limit else 0
    endpoint.pending_since = work.now
    return found


def _batch(work: Work, endpoint: Endpoint, rows: list[tuple[Any, ...]]) -> Delivery:
    ids = tuple(row[0] for row in rows)
    delivery_id, since = work.ids.next(), min(row[1] for row in rows)
    work.execute(at_once.UNDER_WAY.one, (delivery_id, endpoint.id, 1, pack(ids), since))
    # The pending ones of this range are those that were read just now.
    work.execute(_TAKE_FOR, (delivery_id, endpoint.id, ids[0], ids[-1]))
    return _delivery(endpoint, delivery_id, True, ids, [row[2:4] for row in rows], 0, since)


def _singles(work: Work, endpoint: Endpoint, rows: list[tuple[Any, ...]]) -> list[Delivery]:
    """Those that were never handed out are their own deliveries; of what a start would not find a row is written."""
    found, with_row, anew = [], [], []
    for event, since, body, url, before in rows:
        delivery_id = event
        if before is not None:
            delivery_id = work.ids.next()
            anew.append((delivery_id, event))
        if delivery_id == event >= work.endpoints.first_tries_since:
            work.endpoints.first_tries[event] = (endpoint.id, since)
        else:
            with_row.append((delivery_id, endpoint.id, 0, bytearray(pack([event])), since))
        found.append(_delivery(endpoint, delivery_id, False, (event,), [(body, url)], 0, since))
    if rows:
        work.execute(_TAKE_SINGLE, (endpoint.id, rows[0][0], rows[-1][0]))
    at_once.UNDER_WAY.rows(work, with_row)
    work.each(_ANEW, anew)
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
