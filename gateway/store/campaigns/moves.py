"""How campaigns move once they are loaded: by their schedule, by hand, and to their end.

A move costs one row however many recipients wait. What a canceled campaign had queued is ended some at a time, and so
that nothing of it goes out meanwhile it is not dealt (Queues.for_deal).
"""

from collections.abc import Callable
from math import ceil

from gateway.identifiers import CAMPAIGN, public
from gateway.messages import ErrorCode, MessageState
from gateway.store import audit
from gateway.store.by import By
from gateway.store.campaigns.completed import file_completed
from gateway.store.campaigns.interface import CampaignMove, CampaignState
from gateway.store.campaigns.loading import fail
from gateway.store.campaigns.mirror import Standing
from gateway.store.elsewhere import unsent_end
from gateway.store.work import COLUMNS, STUCK_MS, Found, Work

LOW_WATER = 500
"""A running campaign with fewer ready messages is to be expanded."""
MOST_AHEAD = 10_000
"""And one with fewer than that, while one of its routes has nothing to send: another whose carriers are down holds it
up no sooner.

Both are less for a campaign with a rate of its own: what is ready when carriers come back, or it is resumed, goes out
as fast as they take it."""
ENDED_A_TRANSACTION = 200
_NO_END = "upload_without_end"
_STAY = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})
"""Nothing but people, or their last message's end, moves them on."""
_IS_HELD = "SELECT 1 FROM held_campaigns WHERE id = ?"
_STAYS_PAUSED = f"UPDATE held_campaigns SET state = {int(CampaignState.PAUSED)} WHERE id = ?"
_STATE = "SELECT account, state FROM campaigns WHERE id = ?"
_MOVE = "UPDATE campaigns SET state = ?, started_at = coalesce(started_at, ?) WHERE id = ? AND state = ?"
_CANCEL = (
    f"UPDATE campaigns SET state = {int(CampaignState.CANCELED)}, canceled_waiting = waiting, waiting = 0, "
    "finished_at = ? WHERE id = ? AND state = ?"
)
_COMPLETE = (
    f"UPDATE campaigns SET state = {int(CampaignState.COMPLETED)}, finished_at = ?, settled = 1 "
    f"WHERE id = ? AND state = {int(CampaignState.RUNNING)} AND waiting = 0"
)
_SETTLE = "UPDATE campaigns SET settled = 1 WHERE id = ?"
_READY = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.queue = ? AND m.state = {int(MessageState.QUEUED)} ORDER BY m.id LIMIT ?"
)
_WAITING = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.queue = ? "
    f"AND m.state IN ({int(MessageState.SCHEDULED)}, {int(MessageState.RETRYING)}) ORDER BY m.id LIMIT ?"
)
_CANCELED = MessageState.CANCELED, ErrorCode.CANCELED


# --- by hand


def pause(work: Work, account: str | None, campaign: int, by: By) -> CampaignMove:
    """Nothing of it is dealt from this transaction on; what is claimed goes out."""
    return _by_hand(work, account, campaign, by, audit.What.PAUSE_CAMPAIGN, _pause)


def resume(work: Work, account: str | None, campaign: int, by: By) -> CampaignMove:
    """Go on, or wait for the schedule again."""
    return _by_hand(work, account, campaign, by, audit.What.RESUME_CAMPAIGN, _resume)


def cancel(work: Work, account: str | None, campaign: int, by: By) -> CampaignMove:
    """End it; what is unsent is not sent."""
    return _by_hand(work, account, campaign, by, audit.What.CANCEL_CAMPAIGN, _cancel)


def _by_hand(
    work: Work,
    account: str | None,
    campaign: int,
    by: By,
    what: audit.What,
    move: Callable[[Work, int, Standing], CampaignMove],
) -> CampaignMove:
    row = work.execute(_STATE, (campaign,)).fetchone()
    if row is None or account not in (None, row[0]):
        return CampaignMove.NOT_FOUND
    standing = work.campaigns.get(campaign)
    if standing is None:
        is_again = what is audit.What.CANCEL_CAMPAIGN and row[1] == CampaignState.CANCELED
        return CampaignMove.ALREADY if is_again else CampaignMove.NOT_POSSIBLE
    moved = move(work, campaign, standing)
    if moved is CampaignMove.DONE:
        audit.add(work, by, what, outcome=public(CAMPAIGN, campaign))
    return moved


def _pause(work: Work, campaign: int, standing: Standing) -> CampaignMove:
    if standing.state in (CampaignState.RUNNING, CampaignState.SCHEDULED):
        _move(work, campaign, standing, CampaignState.PAUSED)
        return CampaignMove.DONE
    if standing.state is not CampaignState.PAUSED:
        return CampaignMove.NOT_POSSIBLE
    # What a restore has paused is to stay so when it is released, now that somebody wants it paused.
    work.execute(_STAYS_PAUSED, (campaign,))
    return CampaignMove.ALREADY


def let_go(work: Work, campaign: int, before: int) -> None:
    """What a restore has held goes on as it stood before, `before`, unless it has ended meanwhile."""
    standing = work.campaigns.get(campaign)
    if standing is not None and standing.state is CampaignState.PAUSED and before != CampaignState.PAUSED:
        _move(work, campaign, standing, _by_schedule(work, standing))


def give_up(work: Work, campaign: int) -> None:
    """What a restore has held is canceled, unless it has ended meanwhile."""
    standing = work.campaigns.get(campaign)
    if standing is not None:
        _cancel(work, campaign, standing)


def _resume(work: Work, campaign: int, standing: Standing) -> CampaignMove:
    if standing.state is CampaignState.PAUSED:
        if work.execute(_IS_HELD, (campaign,)).fetchone() is not None:
            return CampaignMove.NOT_POSSIBLE
        _move(work, campaign, standing, _by_schedule(work, standing))
        return CampaignMove.DONE
    is_going = standing.state in (CampaignState.RUNNING, CampaignState.SCHEDULED)
    return CampaignMove.ALREADY if is_going else CampaignMove.NOT_POSSIBLE


def _cancel(work: Work, campaign: int, standing: Standing) -> CampaignMove:
    if standing.state is CampaignState.CANCELED:
        return CampaignMove.ALREADY
    if standing.state is CampaignState.LOADING:
        return CampaignMove.NOT_POSSIBLE
    work.execute(_CANCEL, (work.now, campaign, int(standing.state)))
    work.campaigns.put(campaign, standing._replace(state=CampaignState.CANCELED, waiting=0))
    return CampaignMove.DONE


def _by_schedule(work: Work, standing: Standing) -> CampaignState:
    is_ahead = standing.scheduled_at is not None and standing.scheduled_at > work.now
    return CampaignState.SCHEDULED if is_ahead else CampaignState.RUNNING


def _move(work: Work, campaign: int, standing: Standing, state: CampaignState) -> None:
    started_at = work.now if state is CampaignState.RUNNING else None
    work.execute(_MOVE, (int(state), started_at, campaign, int(standing.state)))
    work.campaigns.put(campaign, standing._replace(state=state))


# --- by themselves


def move_on(work: Work) -> None:
    """Before the deal: what is loaded or whose time has come begins; what is canceled ends, some at a time."""
    campaigns = work.campaigns
    campaigns.stirred |= work.queues.stirred_campaigns()
    left = ENDED_A_TRANSACTION
    for campaign in campaigns.due(work.now):
        standing = campaigns.get(campaign)
        if standing is None or standing.state in _STAY:
            continue
        with work.apart(f"moving {public(CAMPAIGN, campaign)} on") as failed:
            if standing.state is CampaignState.LOADING:
                _loaded(work, campaign, standing)
            elif standing.state is CampaignState.SCHEDULED:
                _by_time(work, campaign, standing)
            elif standing.state is CampaignState.CANCELED and left > 0:
                left -= _end_unsent(work, campaign, left)
        if failed:
            _put_off(work, campaign)


def settle(work: Work) -> set[int]:
    """After the deal: what has nothing left to do is at its end. Which campaigns are to be expanded."""
    campaigns, low = work.campaigns, set()
    campaigns.stirred |= work.queues.stirred_campaigns()
    for campaign in campaigns.due(work.now):
        standing = campaigns.get(campaign)
        if standing is None:
            campaigns.seen(campaign)
        elif standing.state is CampaignState.CANCELED and _has_unsent(work, campaign):
            work.wake(work.now)
        elif standing.state in (CampaignState.CANCELED, CampaignState.RUNNING) and _is_over(work, campaign, standing):
            with work.apart(f"ending {public(CAMPAIGN, campaign)}") as failed:
                _end(work, campaign, standing)
            if failed:
                _put_off(work, campaign)
            else:
                campaigns.seen(campaign)
        else:
            campaigns.seen(campaign)
            if standing.state is CampaignState.RUNNING and _runs_low(work, campaign, standing):
                low.add(campaign)
    return low


def _runs_low(work: Work, campaign: int, standing: Standing) -> bool:
    if not standing.waiting:
        return False
    ready = work.queues.ready_of(campaign)
    # With a rate: what goes out in a second.
    low = min(LOW_WATER, ceil(standing.rate)) if standing.rate else LOW_WATER
    return ready < low or (ready < low * MOST_AHEAD // LOW_WATER and work.queues.has_dry_route(campaign))


def _put_off(work: Work, campaign: int) -> None:
    work.campaigns.put_off(campaign, work.now + STUCK_MS)
    work.wake(work.now + STUCK_MS)


def _loaded(work: Work, campaign: int, standing: Standing) -> None:
    if standing.sealed:
        _move(work, campaign, standing, _by_schedule(work, standing))
    elif (limit := standing.look_at) is not None and limit <= work.now:
        fail(work, campaign, _NO_END)


def _by_time(work: Work, campaign: int, standing: Standing) -> None:
    state = _by_schedule(work, standing)
    if state is not standing.state:
        _move(work, campaign, standing, state)


def _end_unsent(work: Work, campaign: int, most: int) -> int:
    """End messages that no carrier has a part of; how many."""
    ended = 0
    for queue in work.queues.not_begun_of(campaign):
        ready = _end_some(work, _READY, queue, most - ended)
        if ready:
            work.queues.add(queue, -ready)
        elif work.queues.ready_in(queue):
            work.queues.recount(work.connection, queue)
        ended += ready
        if ended < most:
            ended += _end_some(work, _WAITING, queue, most - ended)
        if ended == most:
            break
    return ended


def _end_some(work: Work, which: str, queue: int, most: int) -> int:
    found = [Found._make(row) for row in work.execute(which, (queue, most)).fetchall()]
    work.end_many([(one, *unsent_end(work, one, *_CANCELED), work.now) for one in found])
    return len(found)


def _has_unsent(work: Work, campaign: int) -> bool:
    queues = work.queues.not_begun_of(campaign)
    return any(work.queues.ready_in(queue) or work.execute(_WAITING, (queue, 1)).fetchone() for queue in queues)


def _is_over(work: Work, campaign: int, standing: Standing) -> bool:
    return not standing.waiting and not work.campaigns.open_messages(campaign)


def _end(work: Work, campaign: int, standing: Standing) -> None:
    if standing.state is CampaignState.RUNNING:
        work.execute(_COMPLETE, (work.now, campaign))
        file_completed(work, campaign)
    else:
        work.execute(_SETTLE, (campaign,))
    work.campaigns.put(campaign, None)
