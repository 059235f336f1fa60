"""One transaction, from BEGIN IMMEDIATE to COMMIT: a table of contents of what a write may change, in the order that lets one commit do most.

Runs in the connection's thread. Answers come before receipts (they make ids known), both before the deal (their slots are free again),
accepts before the deal (a message can be accepted and claimed in one commit), and claims of events last (all of the above files events).
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.rules.deal import Ask
from gateway.store import answers, claims, deliveries, due, ended_binds, inbounds, outcomes, parked, receipts
from gateway.store.interface import Answer, AttemptName, Claim, Delivery, DeliveryOutcome, InboundIn, Kept, ReceiptIn
from gateway.store.work import Work


@dataclass(slots=True)
class AnswersIn:
    bind: str
    answers: list[Answer]
    room: int
    kept: Kept


@dataclass(slots=True)
class Order:
    """A change that somebody waits for."""

    change: Callable[[Work], Any]
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
    sweep: bool = False
    accepts: list[Order] = field(default_factory=list)
    outcomes: list[DeliveryOutcome] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not (
            self.answers or self.receipts or self.inbound or self.released or self.doubted or self.by_hand or self.sweep or self.accepts or self.outcomes
        )  # fmt: skip


@dataclass(slots=True)
class Done:
    """What the transaction gave."""

    results: list[tuple[Order, Any]]
    claims: dict[str, list[Claim]]
    deliveries: list[Delivery]
    wake_at: int | None


def run(
    work: Work, batch: Batch, asks: Sequence[Ask], unable_since: Mapping[str, int], *, deliveries_taken: bool
) -> Done:
    """All of a batch as one transaction. When it raises, nothing of it has happened and the mirrors are as before."""
    connection = work.connection
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = _change(work, batch, asks, unable_since, deliveries_taken)
        work.queues.save(connection)
        connection.execute("COMMIT")
    except BaseException:
        _undo(work)
        raise
    work.queues.commit()
    return done


def _change(
    work: Work, batch: Batch, asks: Sequence[Ask], unable_since: Mapping[str, int], deliveries_taken: bool
) -> Done:
    known = [pair for told in batch.answers for pair in answers.record(work, told.answers)]
    if work.parked:
        for carrier, carrier_message_id in known:
            for receipt, found in parked.made_known(work, carrier, carrier_message_id):
                receipts.apply(work, receipt, found)
    for receipt, _ in batch.receipts:
        receipts.record(work, receipt)
    for inbound, _ in batch.inbound:
        inbounds.record(work, inbound)
    ended_binds.release(work, batch.released)
    ended_binds.doubt(work, batch.doubted)
    results = [(order, order.change(work)) for order in batch.by_hand]
    if batch.sweep:
        due.sweep(work)
    results += [(order, order.change(work)) for order in batch.accepts]
    for outcome in batch.outcomes:
        outcomes.record(work, outcome)
    claimed = claims.claim(work, asks, unable_since)
    posts = deliveries.claim(work) if deliveries_taken else []
    due.plan(work)
    return Done(results, claimed, posts, work.wake_at)


def _undo(work: Work) -> None:
    """Roll back what is open (some errors close the transaction by themselves) and forget what the mirrors learned in it."""
    if work.connection.in_transaction:
        work.connection.execute("ROLLBACK")
    work.queues.roll_back()
    try:
        work.endpoints.forget(work.connection)
    except sqlite3.OperationalError:
        work.endpoints.stirred.update(work.endpoints.by_id)  # unreadable now; the next transaction looks again
