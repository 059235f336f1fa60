"""What people ask for: replays, enabling an endpoint, a test event, settling a doubt."""

from collections.abc import Sequence

from gateway.messages import AttemptState, MessageState
from gateway.store.due import settle_doubts
from gateway.store.interface import EventFacts
from gateway.store.progress import regroup
from gateway.store.work import GIVEN_UP, PENDING, TOLD, Work

ROWS_A_TRANSACTION = 1_000
TEST_EVENT = "webhook.test"


def replay(work: Work, account: str, events: Sequence[int], *, failed_only: bool) -> int:
    """Make these ended events pending again, with their whole horizon before them. Returns how many."""
    states = f"({GIVEN_UP})" if failed_only else f"({TOLD}, {GIVEN_UP})"
    count = 0
    for event in events:
        row = work.execute(
            f"UPDATE events SET state = {PENDING}, delivery = NULL, pending_since = ? "
            f"WHERE id = ? AND account = ? AND state IN {states} RETURNING endpoint",
            (work.now, event, account),
        ).fetchall()
        if row:
            count += 1
            work.stir(row[0][0], 1)
    return count


def enable(work: Work, account: str) -> bool:
    """Take a disabled endpoint back into service; what waited for it is tried at once. False: the account has none."""
    own = [endpoint for endpoint in work.endpoints.by_id.values() if endpoint.account == account and endpoint.own]
    policy = work.policy.accounts.get(account)
    own = [endpoint for endpoint in own if policy is not None and endpoint.url == policy.url]
    for endpoint in own:
        endpoint.enabled, endpoint.failures, endpoint.resume_at, endpoint.retries = True, 0, 0, True
        work.endpoints.stirred.add(endpoint.id)
        work.execute(
            "UPDATE endpoints SET enabled = 1, disabled_reason = NULL, failures = 0, resume_at = 0 WHERE id = ?",
            (endpoint.id,),
        )
        work.execute("UPDATE deliveries SET due = ? WHERE endpoint = ? AND due IS NOT NULL", (work.now, endpoint.id))
    return bool(own)


def add_test_event(work: Work, account: str) -> int | None:
    endpoint = work.endpoints.of_message(work.connection, account, None)
    if endpoint is None:
        return None
    facts = EventFacts(work.ids.next(), TEST_EVENT, work.now, None, "test", data={"account": account})
    work.file_event(facts, account, endpoint, None, None, None)
    return facts.id


def settle_doubt(work: Work, message: int, outcome: str) -> bool:
    """`resend`, `unknown`, or `sent` when the operator learned that the carrier has it. False: the message is not in doubt."""
    found = work.find(message)
    if found is None or found.row.state != MessageState.IN_DOUBT:
        return False
    work.execute(
        "INSERT INTO changes_by_hand (id, at, who, what, message) VALUES (?, ?, ?, ?, ?)",
        (work.ids.next(), work.now, "operator", f"settle doubt: {outcome}", message),
    )
    if outcome == "sent":
        work.execute(
            f"UPDATE attempts SET state = {int(AttemptState.SENT)} WHERE message = ? AND state = {int(AttemptState.IN_DOUBT)}",
            (message,),
        )
        regroup(work, message)
    else:
        settle_doubts(work, message, resend=outcome == "resend")
    return True
