"""Outcomes of webhook tries: taken, to be tried again, given up, or the endpoint is gone; the next event follows."""

from gateway.store.deliveries import unpack
from gateway.store.endpoints import Endpoint, pause_ms
from gateway.store.interface import DeliveryOutcome
from gateway.store.work import BLOCKED, GIVEN_UP, PENDING, TOLD, Work

GONE = "answered 410 Gone"
_TRY = "INSERT INTO webhook_tries (delivery, attempt, at, http_status, latency_ms, error) VALUES (?, ?, ?, ?, ?, ?)"
_UNBLOCK = (
    f"UPDATE events SET state = {PENDING}, pending_since = ? WHERE endpoint = ? AND prior = ? AND state = {BLOCKED}"
)
_WAIT = "UPDATE deliveries SET under_way = 0, due = ?, tries = ? WHERE id = ?"


def record(work: Work, outcome: DeliveryOutcome) -> None:
    """Record a try; one that was recorded before changes nothing."""
    row = work.execute("SELECT members, tries FROM deliveries WHERE id = ? AND under_way = 1", (outcome.id,)).fetchone()
    if row is None:
        return
    endpoint = work.endpoints.by_id[outcome.endpoint]
    endpoint.under_way -= 1
    work.endpoints.stirred.add(endpoint.id)
    members, tries = unpack(row[0]), row[1] + 1
    work.execute(_TRY, (outcome.id, tries, outcome.at, outcome.http_status, outcome.latency_ms, outcome.error))
    _health(work, endpoint, outcome)
    if outcome.gone and endpoint.own:
        _disable(work, endpoint, outcome, tries)
    elif outcome.taken:
        _end(work, endpoint, outcome.id, members, TOLD)
    elif outcome.retry_at is None or outcome.gone:
        _end(work, endpoint, outcome.id, members, GIVEN_UP)
    else:
        work.execute(_WAIT, (outcome.retry_at, tries, outcome.id))
        endpoint.retries = True


def _end(work: Work, endpoint: Endpoint, delivery: int, members: tuple[int, ...], state: int) -> None:
    work.executemany("UPDATE events SET state = ? WHERE id = ?", [(state, event) for event in members])
    if endpoint.blocked:
        unblocked = work.executemany(_UNBLOCK, [(work.now, endpoint.id, event) for event in members]).rowcount
        endpoint.blocked -= unblocked
        if unblocked:
            work.stir(endpoint.id, unblocked)
    work.execute("DELETE FROM deliveries WHERE id = ?", (delivery,))


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


def _disable(work: Work, endpoint: Endpoint, outcome: DeliveryOutcome, tries: int) -> None:
    """What is undelivered stays and waits for the account to enable the endpoint again."""
    endpoint.enabled = False
    work.execute("UPDATE endpoints SET enabled = 0, disabled_reason = ? WHERE id = ?", (GONE, endpoint.id))
    work.execute(_WAIT, (outcome.at, tries, outcome.id))
    endpoint.retries = True
