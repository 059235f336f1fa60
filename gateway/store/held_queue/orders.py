"""What operators order of what is held: to release it, or to end it; some rows in a transaction, the rest in the next.

An order is a row, so it goes on after a restart. What is done is in no order's way: it is found by where it lies.
"""

import logging
from collections.abc import Iterator, Sequence

from gateway.messages import ErrorCode, MessageState
from gateway.rules.branches import route_of
from gateway.store import audit, message_events, outcomes
from gateway.store.by import By
from gateway.store.campaigns import moves
from gateway.store.due import settle_doubts
from gateway.store.held_queue.interface import HELD_STATES, HeldFilters, HeldOrder, HeldWhat, filters_of
from gateway.store.many_rows import as_json
from gateway.store.message_events import HELD
from gateway.store.work import COLUMNS, Cause, Found, Work

log = logging.getLogger("sluice.store")
ROWS_A_TRANSACTION = 200
QUEUES_A_TRANSACTION = 500
"""Looked at; most have nothing left."""
AGAIN_MS = 20
"""Between two transactions of an order, so that traffic has the most of the disk."""
_FILE = "INSERT INTO held_orders (id, what, filters) VALUES (?, ?, ?)"
_FIRST = "SELECT id, what, filters, done FROM held_orders ORDER BY id LIMIT 1"
_DONE = "UPDATE held_orders SET done = ? WHERE id = ?"
_OVER = "DELETE FROM held_orders WHERE id = ?"
_FREE = "UPDATE holds SET released = 1 WHERE id = ?"
_READY = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.queue = ? AND m.state = {int(MessageState.QUEUED)} ORDER BY m.id LIMIT ?"
)
_WAITING = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.queue = ?1 "
    f"AND m.state IN ({int(MessageState.SCHEDULED)}, {int(MessageState.RETRYING)}) AND (?2 IS NULL OR m.state = ?2) "
    "ORDER BY m.id LIMIT ?3"
)
_DOUBTS = (
    f"SELECT {COLUMNS} FROM messages m WHERE m.state = {int(MessageState.IN_DOUBT)} "
    "AND m.queue IN (SELECT value FROM json_each(?)) ORDER BY m.id LIMIT ?"
)
_LET_GO = (
    "UPDATE messages SET queue = ?1, possible_duplicate = "
    f"CASE WHEN state = {int(MessageState.SCHEDULED)} AND scheduled_at > ?2 THEN possible_duplicate ELSE 1 END "
    "WHERE id IN (SELECT value FROM json_each(?3)) AND queue = ?4"
)
"""What was to be sent later than the restore can't have been sent before it."""
_SINCE = "SELECT since FROM holds WHERE id = ?"
_CAMPAIGNS = "SELECT id FROM held_campaigns WHERE (?1 IS NULL OR account = ?1) ORDER BY id LIMIT ?2"
_CAMPAIGN = "SELECT state FROM held_campaigns WHERE id = ?"
_FREE_CAMPAIGN = "DELETE FROM held_campaigns WHERE id = ?"
_EVENTS = "SELECT id, endpoint FROM held_events WHERE id > 0 ORDER BY id LIMIT ?"
_EVENTS_OF = "SELECT id, endpoint FROM held_events WHERE account = ? ORDER BY id LIMIT ?"
_FREE_EVENTS = "DELETE FROM held_events WHERE id IN (SELECT value FROM json_each(?))"
_UNKNOWN = MessageState.UNKNOWN, Cause(ErrorCode.OUTCOME_UNKNOWN)
_WHAT = {HeldOrder.RELEASE: audit.What.RELEASE_HELD, HeldOrder.END: audit.What.END_HELD}


def file(work: Work, what: HeldOrder, filters: HeldFilters, count: int, by: By) -> int:
    """Write an order down, and who gave it; `count`: what it is about. Gives that back."""
    if work.queues.holds and (count or filters.is_all):
        work.execute(_FILE, (work.ids.next(), what.value, filters.as_json()))
        audit.add(work, by, _WHAT[what], outcome=f"{count} of {filters.as_json()}")
        work.queues.has_orders = True
    return count


def carry_out(work: Work) -> None:
    """Some of the oldest order."""
    row = work.execute(_FIRST).fetchone()
    if row is None:
        work.queues.has_orders = False
        return
    order, what, filters, before = row[0], HeldOrder(row[1]), filters_of(row[2]), row[3]
    if not filters.means(HeldWhat.MESSAGES):
        work.queues.orders_at = 0
    begun_at = work.queues.orders_at
    done = _some(work, what, filters, ROWS_A_TRANSACTION)
    if done or work.queues.orders_at:
        work.execute(_DONE, (before + done, order))
    elif begun_at == 0:
        # All was looked at in this transaction: nothing is left, whatever was undone before.
        work.execute(_OVER, (order,))
        log.warning("an order about what is held is carried out order=%s count=%d", what.value, before)
        if what is HeldOrder.RELEASE and filters.is_all:
            work.executemany(_FREE, [(hold,) for hold in work.queues.holds])
            work.queues.next_holds = frozenset()


def _some(work: Work, what: HeldOrder, filters: HeldFilters, most: int) -> int:
    done = 0
    if filters.means(HeldWhat.MESSAGES):
        for found in _messages(work, filters, most):
            (_release if what is HeldOrder.RELEASE else _end)(work, found)
            done += len(found)
    if filters.means(HeldWhat.CAMPAIGNS) and done < most:
        done += _campaigns(work, what, filters, most - done)
    if filters.means(HeldWhat.EVENTS) and done < most:
        done += _events(work, what, filters, most - done)
    return done


# --- messages


def _messages(work: Work, filters: HeldFilters, most: int) -> Iterator[list[Found]]:
    """Those that are meant, of one queue and one kind of state at a time; `orders_at` goes on behind what was empty."""
    states = HELD_STATES if filters.state is None else (filters.state,)
    queues = [queue for queue in work.queues.held() if _is_meant(work, queue, filters)]
    if MessageState.IN_DOUBT in states and queues:
        doubts = _found(work, _DOUBTS, (as_json(queues), most))
        for queue in dict.fromkeys(found.queue for found in doubts):
            yield [found for found in doubts if found.queue == queue]
        most -= len(doubts)
    left = [queue for queue in queues if queue >= work.queues.orders_at]
    work.queues.orders_at = 0
    one = None if filters.state is None else int(filters.state)
    for place, queue in enumerate(left):
        if most <= 0 or place == QUEUES_A_TRANSACTION:
            work.queues.orders_at = queue
            return
        if MessageState.QUEUED in states and work.queues.ready_in(queue):
            ready = _found(work, _READY, (queue, most))
            if not ready:
                work.queues.recount(work.connection, queue)
            most -= len(ready)
            if ready:
                yield ready
        if most > 0 and (MessageState.SCHEDULED in states or MessageState.RETRYING in states):
            waiting = _found(work, _WAITING, (queue, one, most))
            most -= len(waiting)
            if waiting:
                yield waiting
    if left and most <= 0:
        work.queues.orders_at = left[-1]


def _found(work: Work, statement: str, values: tuple[object, ...]) -> list[Found]:
    return [Found._make(row) for row in work.execute(statement, values).fetchall()]


def _is_meant(work: Work, queue: int, filters: HeldFilters) -> bool:
    kind = work.queues.kind(queue)
    return filters.fits(kind.account, kind.lane, route_of(kind.route))


def _release(work: Work, found: Sequence[Found]) -> None:
    """To the queue of the same kind that is dealt. A doubt goes on by its lane's policy."""
    queue = found[0].queue
    (since,) = work.execute(_SINCE, (work.queues.kind(queue).held,)).fetchone()
    free = work.queues.let_go(work.connection, queue)
    work.execute(_LET_GO, (free, since, as_json([one.id for one in found]), queue))
    ready = sum(1 for one in found if one.state == MessageState.QUEUED)
    if ready:
        work.queues.add(queue, -ready)
        work.queues.add(free, ready)


def _end(work: Work, found: Sequence[Found]) -> None:
    """As unknown: whether it was sent after the backup nobody here knows."""
    doubts = [one for one in found if one.state == MessageState.IN_DOUBT]
    for one in doubts:
        settle_doubts(work, one.id, resend=False)
    others = [one for one in found if one.state != MessageState.IN_DOUBT]
    work.end_many([(one, *_UNKNOWN, work.now) for one in others])
    ready = sum(1 for one in others if one.state == MessageState.QUEUED)
    if ready:
        work.queues.add(found[0].queue, -ready)


# --- campaigns and events


def _campaigns(work: Work, what: HeldOrder, filters: HeldFilters, most: int) -> int:
    found = [row[0] for row in work.execute(_CAMPAIGNS, (filters.account, most)).fetchall()]
    for campaign in found:
        (state,) = work.execute(_CAMPAIGN, (campaign,)).fetchone()
        work.execute(_FREE_CAMPAIGN, (campaign,))
        if what is HeldOrder.RELEASE:
            moves.let_go(work, campaign, state)
        else:
            moves.give_up(work, campaign)
    return len(found)


def _events(work: Work, what: HeldOrder, filters: HeldFilters, most: int) -> int:
    """To be told with their whole horizon before them, behind those before them of their message; or given up."""
    if filters.account is None:
        rows = work.execute(_EVENTS, (most,)).fetchall()
    else:
        rows = work.execute(_EVENTS_OF, (filters.account, most)).fetchall()
    if not rows:
        return 0
    work.execute(_FREE_EVENTS, (as_json([event for event, _ in rows]),))
    if what is HeldOrder.RELEASE:
        for event, _ in rows:
            message_events.tell(work, event, HELD)
    else:
        for endpoint in dict.fromkeys(endpoint for _, endpoint in rows):
            members = [event for event, of in rows if of == endpoint]
            outcomes.give_up(work, work.endpoints.by_id[endpoint], members)
    return len(rows)
