"""What waits under a route that is not in the settings is filed anew: by the route that takes it now, or it fails.

A slice a transaction, so that the others go on. What is scheduled, waits for a retry or is in flight comes to it once
it is ready.
"""

import logging

from gateway.identifiers import MESSAGE, public
from gateway.messages import ErrorCode, MessageState
from gateway.store.elsewhere import end_unsent
from gateway.store.work import COLUMNS, STUCK_MS, Found, Work

log = logging.getLogger("sluice.store")
SLICE = 200
"""Messages in one transaction."""
_READY = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.queue = ? AND m.state = {int(MessageState.QUEUED)} ORDER BY m.id LIMIT ?"
)
_REFILE = f"UPDATE messages SET queue = ? WHERE id = ? AND state = {int(MessageState.QUEUED)}"
_CAMPAIGN = "SELECT definition ->> 'campaign_name' FROM campaigns WHERE id = ?"


def refile(work: Work) -> int:
    """File a slice anew; how many messages it was."""
    done = 0
    for queue in sorted(work.queues.strays(work.now)):
        if done >= SLICE:
            break
        rows = work.execute(_READY, (queue, SLICE - done)).fetchall()
        if not rows:
            work.queues.recount(work.connection, queue)
            continue
        done += len(rows)
        moved, ended = _sorted_out(work, queue, [Found._make(row) for row in rows])
        log.info("filed anew route=%s messages=%d failed=%d", work.queues.route(queue), moved, ended)
    return done


def _sorted_out(work: Work, queue: int, waiting: list[Found]) -> tuple[int, int]:
    """How many went to another queue, and how many ended."""
    moves: dict[int, list[int]] = {}
    ended = 0
    campaign = _campaign(work, queue)
    for found in waiting:
        branch = None if work.queues.is_begun(queue) else _branch(work, found, campaign)
        if branch is None:
            ended += _end(work, found)
        else:
            moves.setdefault(work.queues.on_route(work.connection, queue, branch), []).append(found.id)
    for other, messages in moves.items():
        work.executemany(_REFILE, [(other, message) for message in messages])
        work.queues.add(queue, -len(messages))
        work.queues.add(other, len(messages))
    return sum(map(len, moves.values())), ended


def _campaign(work: Work, queue: int) -> str | None:
    """The name of the campaign that the queue is of."""
    campaign = work.queues.campaign(queue)
    row = work.execute(_CAMPAIGN, (campaign,)).fetchone() if campaign else None
    return None if row is None else row[0]


def _branch(work: Work, found: Found, campaign: str | None) -> str | None:
    return work.policy.reroute(
        found.country,
        found.recipient,
        work.queues.lane(found.queue),
        found.account,
        found.sender,
        found.tag,
        campaign,
    )


def _end(work: Work, found: Found) -> int:
    """No route takes it; or its carrier has left with a part of it."""
    with work.apart(f"failing {public(MESSAGE, found.id)}") as failed:
        end_unsent(work, found, MessageState.FAILED, ErrorCode.NO_ROUTE)
    if failed:
        work.move(found, MessageState.RETRYING, min(work.now + STUCK_MS, found.expires_at))
        return 0
    return 1
