"""One transaction, from BEGIN IMMEDIATE to COMMIT: a table of contents of what a write may change.

Runs in the connection's thread. Answers come before receipts (they make ids known), both before the deal (their slots
are free again), accepts before the deal (a message can be accepted and claimed in one commit), and claims of events
last (all of the above files events).
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.rules.deal import Ask
from gateway.store import (
    answers,
    claims,
    deliveries,
    due,
    ended_binds,
    inbounds,
    ordinary,
    outcomes,
    parked,
    receipts,
    retention,
)
from gateway.store.interface import Answer, AttemptName, Claim, Delivery, DeliveryOutcome, InboundIn, Kept, ReceiptIn
from gateway.store.work import Mirrors, Work


@dataclass(slots=True)
class AnswersIn:
    bind: str
    carrier: str | None
    answers: list[Answer]
    room: int
    kept: Kept
    quiet: bool = False
    """To be recorded without telling of it: with its event it failed."""


@dataclass(slots=True)
class Order:
    """A change that somebody waits for."""

    change: Callable[[Work], Any]
    """May give an exception back instead of raising it, where nothing was changed."""
    rows: int
    done: Callable[[Any, BaseException | None], None]


@dataclass(slots=True)
class Batch:
    """Everything asked for since the last commit, up to a limit."""

    answers: list[AnswersIn] = field(default_factory=list)
    receipts: list[tuple[ReceiptIn, Kept]] = field(default_factory=list)
    inbound: list[tuple[InboundIn, Kept]] = field(default_factory=list)
    released: list[AttemptName] = field(default_factory=list)
    doubted: list[AttemptName] = field(default_factory=list)
    by_hand: list[Order] = field(default_factory=list)
    """Cancels, replays, settled doubts."""
    accepts: list[Order] = field(default_factory=list)
    outcomes: list[DeliveryOutcome] = field(default_factory=list)


@dataclass(slots=True)
class Own:
    """What the store does of itself in a transaction, after what it was asked for."""

    asks: Sequence[Ask] = ()
    """Room of binds, to be dealt to."""
    unable_since: Mapping[str, int] = field(default_factory=dict)
    sweep: bool = False
    look_for_lost: bool = False
    erase: bool = False
    claim_events: bool = False


@dataclass(slots=True)
class Done:
    """What the transaction gave."""

    results: list[tuple[Order, Any]]
    claims: dict[str, list[Claim]]
    deliveries: list[Delivery]
    wake_at: int | None
    erase_at: int | None
    """When there may be something to erase; None: nothing was erased."""
    seconds: float = 0.0
    """From its begin to its commit."""


def run(connection: sqlite3.Connection, mirrors: Mirrors, batch: Batch, own: Own, now: int) -> Done:
    """All of a batch as one transaction. When it raises, nothing of it has happened and the mirrors are as before."""
    started = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    try:
        work = Work(connection, mirrors, now)
        work.freshen()
        done = _change(work, batch, own)
        work.queues.save(connection)
        connection.execute("COMMIT")
    except BaseException:
        _undo(connection, mirrors)
        raise
    mirrors.queues.commit()
    mirrors.parked, mirrors.stale = work.parked, work.stale
    done.seconds = time.perf_counter() - started
    return done


def _change(work: Work, batch: Batch, own: Own) -> Done:
    for told in batch.answers:
        work.quiet = told.quiet
        known = answers.record(work, told.answers, told.carrier)
        if work.parked:
            for carrier, carrier_message_id in known:
                for receipt, found in parked.made_known(work, carrier, carrier_message_id):
                    receipts.apply(work, receipt, found)
    work.quiet = False
    for receipt in ordinary.receipts(work, [receipt for receipt, _ in batch.receipts]):
        receipts.record(work, receipt)
    for inbound, _ in batch.inbound:
        inbounds.record(work, inbound)
    ended_binds.release(work, batch.released)
    ended_binds.doubt(work, batch.doubted)
    results = [(order, order.change(work)) for order in batch.by_hand]
    if own.sweep:
        due.sweep(work)
    if own.look_for_lost:
        due.doubt_lost(work)
    results += [(order, order.change(work)) for order in batch.accepts]
    for outcome in batch.outcomes:
        outcomes.record(work, outcome)
    claimed = claims.claim(work, own.asks, own.unable_since)
    work.freshen()
    posts = deliveries.claim(work) if own.claim_events else []
    erase_at = retention.erase_some(work) if own.erase else None
    work.freshen()
    due.plan(work)
    return Done(results, claimed, posts, work.wake_at, erase_at)


def _undo(connection: sqlite3.Connection, mirrors: Mirrors) -> None:
    """Roll back what is still open (some errors close the transaction by themselves), in the mirrors too."""
    mirrors.stale = True
    mirrors.queues.roll_back()
    if connection.in_transaction:
        connection.execute("ROLLBACK")
