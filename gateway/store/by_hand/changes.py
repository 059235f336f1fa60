"""What people ask for: replays, enabling an endpoint, a test event, settling a doubt, a trace; all audited."""

from collections.abc import Sequence

from gateway.messages import AttemptState, MessageState
from gateway.store import audit, message_events
from gateway.store.audit import What
from gateway.store.by import By
from gateway.store.due import settle_doubts
from gateway.store.interface import EventFacts
from gateway.store.message_events import GIVEN_UP, TOLD
from gateway.store.policy import shown
from gateway.store.progress import regroup
from gateway.store.work import Work

ROWS_A_TRANSACTION = 1_000
TEST_EVENT = "webhook.test"


def replay(
    work: Work, account: str, events: Sequence[int], *, failed_only: bool, by: By, message: int | None = None
) -> int:
    """Have these ended events told again, those of one message in their order. Returns how many.

    `message`: whose they all are, where that was asked for.
    """
    states = (GIVEN_UP,) if failed_only else (TOLD, GIVEN_UP)
    replayed: list[int] = []
    for event in sorted(events):
        row = work.execute("SELECT state FROM events WHERE id = ? AND account = ?", (event, account)).fetchone()
        if row is not None and row[0] in states:
            message_events.tell(work, event, row[0])
            replayed.append(event)
    if replayed:
        outcome = "failed_only" if failed_only else None
        audit.add(work, by, What.REPLAY, outcome=outcome, message=message, event=replayed[0], replayed=len(replayed))
    return len(replayed)


def enable(work: Work, account: str, by: By) -> bool:
    """Take an endpoint back into service; what waited for it is tried at once. False: the account has none."""
    endpoint = work.endpoints.own_of(work.connection, account)
    if endpoint is None:
        return False
    endpoint.enabled, endpoint.failures, endpoint.resume_at, endpoint.not_before = True, 0, 0, 0
    work.endpoints.let_go(endpoint)
    work.endpoints.stirred.add(endpoint.id)
    work.execute(
        "UPDATE endpoints SET enabled = 1, disabled_reason = NULL, failures = 0, resume_at = 0 WHERE id = ?",
        (endpoint.id,),
    )
    waiting = work.execute(
        "UPDATE deliveries SET due = ? WHERE endpoint = ? AND due IS NOT NULL", (work.now, endpoint.id)
    )
    endpoint.retry_at = work.now if waiting.rowcount else None
    audit.add(work, by, What.ENABLE_ENDPOINT, endpoint=endpoint.id)
    return True


def add_test_event(work: Work, account: str, by: By) -> int | None:
    """File a test event; None: the account has no endpoint."""
    endpoint = work.endpoints.own_of(work.connection, account)
    if endpoint is None:
        return None
    facts = EventFacts(work.ids.next(), TEST_EVENT, work.now, None, "test", data={"account": shown(account)})
    work.file_event(facts, account, endpoint.id)
    audit.add(work, by, What.TEST_EVENT, event=facts.id, endpoint=endpoint.id)
    return facts.id


def settle_doubt(work: Work, message: int, outcome: str, by: By) -> bool:
    """`resend`, `unknown`, or `sent` when the operator learned that the carrier has it. False: not in doubt."""
    found = work.find(message)
    if found is None or found.state != MessageState.IN_DOUBT:
        return False
    audit.add(work, by, What.SETTLE_DOUBT, outcome=outcome, message=message)
    if outcome == "sent":
        work.execute(
            f"UPDATE attempts SET state = {int(AttemptState.SENT)} "
            f"WHERE message = ? AND state = {int(AttemptState.IN_DOUBT)}",
            (message,),
        )
        regroup(work, message)
    else:
        settle_doubts(work, message, resend=outcome == "resend")
    return True


def reveal(work: Work, message: int, by: By) -> bool:
    """Write down that somebody has a message shown with its numbers and text. False: there is no such message."""
    if work.find(message) is None:
        return False
    audit.add(work, by, What.REVEAL, message=message)
    return True
