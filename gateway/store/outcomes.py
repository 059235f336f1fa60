"""Outcomes of webhook tries: taken, to be tried again, given up, or the endpoint is gone; the next event follows."""

from collections import Counter
from collections.abc import Sequence

from gateway.store import at_once
from gateway.store.endpoints import LONGEST_PAUSE_MS, Endpoint, pause_ms
from gateway.store.ends import EventsEnded
from gateway.store.interface import DeliveryOutcome
from gateway.store.many_rows import Update, as_json
from gateway.store.members import unpack
from gateway.store.message_events import BLOCKED, GIVEN_UP, IN_DELIVERY, PENDING, TOLD
from gateway.store.work import STUCK_MS, Work

GONE = "answered 410 Gone"
_TRY = "INSERT INTO webhook_tries (delivery, attempt, at, http_status, latency_ms, error) VALUES (?, ?, ?, ?, ?, ?)"
_UNBLOCK = (
    f"UPDATE events SET state = {PENDING}, pending_since = max(pending_since, ?) "
    f"WHERE endpoint = ? AND prior IN (SELECT value FROM json_each(?)) AND state = {BLOCKED}"
)
_TOLD_AT_FIRST = Update(
    "events",
    "id",
    "told_at, http_status, latency_ms, state",
    {"state": str(TOLD), "account": "''", "endpoint": "0", "type": "''", "pending_since": "0", "body": "x''"},
    only=f"events.state = {IN_DELIVERY}",
)
_PENDING_AGAIN = f"UPDATE events SET state = {PENDING}, delivery = NULL WHERE id = ? AND state = {IN_DELIVERY}"
_SUCCESS = "UPDATE endpoints SET failures = 0, resume_at = ?, last_success_at = ? WHERE id = ?"
SUCCESS_WRITTEN_MS = 1_000
"""How often an endpoint that takes what it is sent is said to: a crash may lose so much of `last_success_at`, which
decides nothing. An end of its failures is written at once."""
_ENDED = "UPDATE events SET state = ? WHERE id IN (SELECT value FROM json_each(?))"
_UNDER_WAY = "SELECT members, tries, created_at FROM deliveries WHERE id = ? AND under_way = 1"
_WAITING = "SELECT id, members, created_at FROM deliveries WHERE endpoint = ? AND due IS NOT NULL ORDER BY due LIMIT ?"
_FIRST_DUE = "SELECT min(due) FROM deliveries WHERE endpoint = ? AND due IS NOT NULL"
_PENDING = f"SELECT id, pending_since FROM events WHERE endpoint = ? AND state = {PENDING} ORDER BY id LIMIT ?"
_PUT_OFF = "UPDATE deliveries SET under_way = 0, due = ? WHERE id = ? AND under_way = 1"
_WAIT = "UPDATE deliveries SET under_way = 0, due = ?, tries = ? WHERE id = ?"


def record(work: Work, told: Sequence[DeliveryOutcome]) -> None:
    """Record tries, those of an endpoint in their order; one that was recorded before changes nothing."""
    first_tries = work.endpoints.first_tries
    taken: dict[int, list[tuple[DeliveryOutcome, int]]] = {}
    for outcome in told:
        if outcome.taken and outcome.id in first_tries:
            endpoint, since = first_tries.pop(outcome.id)
            taken.setdefault(endpoint, []).append((outcome, since))
        else:
            if outcome.endpoint in taken:
                # What it took before counts before: a success ends failures in a row.
                _taken_at_first(work, work.endpoints.by_id[outcome.endpoint], taken.pop(outcome.endpoint))
            _record_one(work, outcome)
    for endpoint, outcomes in taken.items():
        _taken_at_first(work, work.endpoints.by_id[endpoint], outcomes)


def take_back(work: Work) -> None:
    """What this transaction handed out so far goes by settings that are no more: it is dealt anew."""
    handed_out = list(work.deliveries)
    work.deliveries.clear()
    for delivery in handed_out:
        _record_one(
            work,
            DeliveryOutcome(
                delivery.id, delivery.endpoint, work.now, 0, None, None, taken=False, retry_at=None, untried=True
            ),
        )


def _taken_at_first(work: Work, endpoint: Endpoint, taken: Sequence[tuple[DeliveryOutcome, int]]) -> None:
    """Single events of an endpoint that were taken at their first try: all of it stands in the events."""
    work.endpoints.ended(endpoint, len(taken))
    work.endpoints.in_delivery -= len(taken)
    _TOLD_AT_FIRST.rows(work, [(o.id, o.at, o.http_status, o.latency_ms) for o, _ in taken])
    _succeeded(work, endpoint, max(outcome.at for outcome, _ in taken))
    for waited_ms, events in Counter([max(0, outcome.at - since) for outcome, since in taken]).items():
        work.tally.events.append(EventsEnded(endpoint.account, True, events, waited_ms))
    _unblock(work, endpoint, [outcome.id for outcome, _ in taken], work.now)


def _record_one(work: Work, outcome: DeliveryOutcome) -> None:
    if outcome.id in work.endpoints.first_tries:
        if outcome.untried:
            _pending_again(work, outcome.id)
            return
        at_once.lay_out(work, outcome.id)
    row = work.execute(_UNDER_WAY, (outcome.id,)).fetchone()
    if row is None:
        return
    endpoint = work.endpoints.by_id[outcome.endpoint]
    work.endpoints.ended(endpoint)
    members, tries, created_at = unpack(row[0]), row[1] + 1, row[2]
    if outcome.untried:
        _wait(work, endpoint, outcome.id, work.now, row[1], created_at)
        return
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


def _pending_again(work: Work, event: int) -> None:
    """A first try that was not made, since another to the endpoint failed: it is as if it had not been handed out."""
    endpoint_id, since = work.endpoints.first_tries.pop(event)
    endpoint = work.endpoints.by_id[endpoint_id]
    work.endpoints.ended(endpoint)
    work.endpoints.in_delivery -= 1
    work.execute(_PENDING_AGAIN, (event,))
    work.stir(endpoint_id, 1)
    endpoint.pending_since = min(endpoint.pending_since, since)
    endpoint.overdue_at = min(endpoint.overdue_at, since + work.policy.horizon_ms)


def put_off(work: Work, delivery: int, endpoint: int) -> None:
    """How a try ended can't be written: it is as if it were still to be made, in a while."""
    due = work.now + STUCK_MS
    if delivery in work.endpoints.first_tries:
        at_once.lay_out(work, delivery)
    if work.execute(_PUT_OFF, (due, delivery)).rowcount:
        known = work.endpoints.by_id[endpoint]
        work.endpoints.ended(known)
        known.retry_by(due)


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


def give_up(work: Work, endpoint: Endpoint, events: Sequence[int]) -> None:
    """What is in no delivery is not told, but listed."""
    _settle(work, endpoint, events, GIVEN_UP, pending_since=work.now)


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
    _unblock(work, endpoint, events, pending_since)


def _unblock(work: Work, endpoint: Endpoint, events: Sequence[int], pending_since: int) -> None:
    if endpoint.blocked and events:
        unblocked = work.execute(_UNBLOCK, (pending_since, endpoint.id, as_json(events))).rowcount
        endpoint.blocked -= unblocked
        if unblocked:
            work.stir(endpoint.id, unblocked)


def _wait(work: Work, endpoint: Endpoint, delivery: int, until: int, tries: int, created_at: int) -> None:
    work.execute(_WAIT, (until, tries, delivery))
    endpoint.retry_by(until)
    endpoint.overdue_at = min(endpoint.overdue_at, created_at + work.policy.horizon_ms)


def _health(work: Work, endpoint: Endpoint, outcome: DeliveryOutcome) -> None:
    if outcome.taken:
        _succeeded(work, endpoint, outcome.at)
        return
    at_once.seal(work, endpoint)
    if endpoint.resume_at <= work.now:
        endpoint.failures += 1
        pause = pause_ms(endpoint.failures)
        endpoint.resume_at = work.now + pause if pause else 0
    # Else it was on its way when the pause began: what fails side by side is one failure, not as many in a row.
    if outcome.not_before is not None:
        asked = outcome.not_before
        if not endpoint.own:
            # One webhook_url speaks for all of its origin, and nobody can enable that: as long as after failures.
            asked = min(asked, work.now + LONGEST_PAUSE_MS)
        endpoint.not_before = max(endpoint.not_before, asked)
        endpoint.resume_at = max(endpoint.resume_at, endpoint.not_before)
    work.execute(
        "UPDATE endpoints SET failures = ?, resume_at = ?, last_failure_at = ? WHERE id = ?",
        (endpoint.failures, endpoint.resume_at, outcome.at, endpoint.id),
    )


def _succeeded(work: Work, endpoint: Endpoint, at: int) -> None:
    """Failures in a row are over, and the pause that they made; not one that the endpoint asked for meanwhile."""
    resume_at = endpoint.not_before if endpoint.not_before > work.now else 0
    is_news = endpoint.failures or endpoint.resume_at != resume_at
    if is_news or at - endpoint.success_written_at >= SUCCESS_WRITTEN_MS:
        endpoint.failures, endpoint.resume_at, endpoint.success_written_at = 0, resume_at, at
        work.execute(_SUCCESS, (resume_at, at, endpoint.id))


def _disable(work: Work, endpoint: Endpoint) -> None:
    """What is undelivered waits for the account to enable the endpoint again, until its horizon ends."""
    endpoint.enabled = False
    work.execute("UPDATE endpoints SET enabled = 0, disabled_reason = ? WHERE id = ?", (GONE, endpoint.id))
