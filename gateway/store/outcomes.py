"""Outcomes of webhook tries: taken, to be tried again, given up, or the endpoint is gone; the next event follows."""

from collections.abc import Sequence

from gateway.store.deliveries import unpack
from gateway.store.endpoints import Endpoint, pause_ms
from gateway.store.ends import EventsEnded
from gateway.store.interface import DeliveryOutcome
from gateway.store.many_rows import as_json
from gateway.store.message_events import BLOCKED, GIVEN_UP, PENDING, TOLD
from gateway.store.work import STUCK_MS, Work

GONE = "answered 410 Gone"
_TRY = "INSERT INTO webhook_tries (delivery, attempt, at, http_status, latency_ms, error) VALUES (?, ?, ?, ?, ?, ?)"
_UNBLOCK = (
    f"UPDATE events SET state = {PENDING}, pending_since = max(pending_since, ?) "
    f"WHERE endpoint = ? AND prior = ? AND state = {BLOCKED}"
)
_ENDED = "UPDATE events SET state = ? WHERE id IN (SELECT value FROM json_each(?))"
_UNDER_WAY = "SELECT members, tries, created_at FROM deliveries WHERE id = ? AND under_way = 1"
_WAITING = "SELECT id, members, created_at FROM deliveries WHERE endpoint = ? AND due IS NOT NULL ORDER BY due LIMIT ?"
_FIRST_DUE = "SELECT min(due) FROM deliveries WHERE endpoint = ? AND due IS NOT NULL"
_PENDING = f"SELECT id, pending_since FROM events WHERE endpoint = ? AND state = {PENDING} ORDER BY id LIMIT ?"
_PUT_OFF = "UPDATE deliveries SET under_way = 0, due = ? WHERE id = ? AND under_way = 1"
_WAIT = "UPDATE deliveries SET under_way = 0, due = ?, tries = ? WHERE id = ?"


def record(work: Work, outcome: DeliveryOutcome) -> None:
    """Record a try; one that was recorded before changes nothing."""
    row = work.execute(_UNDER_WAY, (outcome.id,)).fetchone()
    if row is None:
        return
    endpoint = work.endpoints.by_id[outcome.endpoint]
    work.endpoints.ended(endpoint)
    members, tries, created_at = unpack(row[0]), row[1] + 1, row[2]
    work.execute(_TRY, (outcome.id, tries, outcome.at, outcome.http_status, outcome.latency_ms, outcome.error))
    _health(work, endpoint, outcome)
    if outcome.gone and endpoint.own:
        _disable(work, endpoint)
        _wait(work, endpoint, outcome.id, outcome.at, tries, created_at)
    elif outcome.taken:
        _end(work, endpoint, outcome.id, members, TOLD, waited_ms=outcome.at - created_at)
    elif outcome.retry_at is None or outcome.gone:
        _end(work, endpoint, outcome.id, members, GIVEN_UP)
    else:
        _wait(work, endpoint, outcome.id, outcome.retry_at, tries, created_at)


def put_off(work: Work, delivery: int, endpoint: int) -> None:
    """How a try ended can't be written: it is as if it were still to be made, in a while."""
    due = work.now + STUCK_MS
    if work.execute(_PUT_OFF, (due, delivery)).rowcount:
        known = work.endpoints.by_id[endpoint]
        work.endpoints.ended(known)
        if known.retry_at is None or due < known.retry_at:
            known.retry_at = due


def give_up_overdue(work: Work, endpoint: Endpoint, most: int) -> int:
    """Give up what an endpoint that takes nothing was not told within the horizon; about how many events.

    `most` bounds them, but that a delivery is given up with all its members.
    """
    count = 0
    oldest_kept = work.now - work.policy.horizon_ms
    overdue_at = work.now + work.policy.horizon_ms
    for delivery, members, created_at in work.execute(_WAITING, (endpoint.id, most)).fetchall():
        if count >= most:
            return count
        if created_at <= oldest_kept:
            events = unpack(members)
            _end(work, endpoint, delivery, events, GIVEN_UP, pending_since=0)
            count += len(events)
        else:
            overdue_at = min(overdue_at, created_at + work.policy.horizon_ms)
    if count:
        endpoint.retry_at = work.execute(_FIRST_DUE, (endpoint.id,)).fetchone()[0]
    if count >= most:
        return count
    rows = work.execute(_PENDING, (endpoint.id, most - count + 1)).fetchall()
    overdue = [event for event, since in rows if since <= oldest_kept]
    endpoint.pending -= len(overdue)
    _settle(work, endpoint, overdue, GIVEN_UP, pending_since=0)
    if not overdue:
        endpoint.overdue_at = min([overdue_at, *(since + work.policy.horizon_ms for _, since in rows)])
    return count + len(overdue)


def _end(
    work: Work,
    endpoint: Endpoint,
    delivery: int,
    members: Sequence[int],
    state: int,
    pending_since: int | None = None,
    waited_ms: int = 0,
) -> None:
    _settle(work, endpoint, members, state, work.now if pending_since is None else pending_since, waited_ms)
    work.endpoints.in_delivery -= len(members)
    work.execute("DELETE FROM deliveries WHERE id = ?", (delivery,))


def _settle(
    work: Work, endpoint: Endpoint, events: Sequence[int], state: int, pending_since: int, waited_ms: int = 0
) -> None:
    """End events; those that waited for them are pending now, at the earliest since they were filed."""
    work.execute(_ENDED, (state, as_json(events)))
    if events:
        work.tally.events.append(EventsEnded(endpoint.account, state == TOLD, len(events), max(0, waited_ms)))
    if endpoint.blocked:
        unblocked = work.executemany(_UNBLOCK, [(pending_since, endpoint.id, event) for event in events]).rowcount
        endpoint.blocked -= unblocked
        if unblocked:
            work.stir(endpoint.id, unblocked)


def _wait(work: Work, endpoint: Endpoint, delivery: int, until: int, tries: int, created_at: int) -> None:
    work.execute(_WAIT, (until, tries, delivery))
    endpoint.retry_at = until if endpoint.retry_at is None else min(endpoint.retry_at, until)
    endpoint.overdue_at = min(endpoint.overdue_at, created_at + work.policy.horizon_ms)


def _health(work: Work, endpoint: Endpoint, outcome: DeliveryOutcome) -> None:
    if outcome.taken:
        endpoint.failures, endpoint.resume_at = 0, 0
        work.execute(
            "UPDATE endpoints SET failures = 0, resume_at = 0, last_success_at = ? WHERE id = ?",
            (outcome.at, endpoint.id),
        )
        return
    if endpoint.resume_at <= work.now:
        endpoint.failures += 1
        pause = pause_ms(endpoint.failures)
        endpoint.resume_at = work.now + pause if pause else 0
    # Else it was on its way when the pause began: what fails side by side is one failure, not as many in a row.
    work.execute(
        "UPDATE endpoints SET failures = ?, resume_at = ?, last_failure_at = ? WHERE id = ?",
        (endpoint.failures, endpoint.resume_at, outcome.at, endpoint.id),
    )


def _disable(work: Work, endpoint: Endpoint) -> None:
    """What is undelivered waits for the account to enable the endpoint again, until its horizon ends."""
    endpoint.enabled = False
    work.execute("UPDATE endpoints SET enabled = 0, disabled_reason = ? WHERE id = ?", (GONE, endpoint.id))
