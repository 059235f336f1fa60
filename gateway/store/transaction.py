"""One transaction, from BEGIN IMMEDIATE to COMMIT: a table of contents of what a write may change.

Runs in the connection's thread. Answers come before receipts (they make ids known), both before the deal (their slots
are free again), accepts before the deal (a message can be accepted and claimed in one commit), and claims of events
last (all of the above files events).
"""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gateway.rules.deal import Ask
from gateway.rules.taking import Standings
from gateway.store import (
    answers,
    claims,
    deliveries,
    due,
    ended_binds,
    ordinary,
    outcomes,
    parked,
    receipts,
    refile,
    retention,
    singles,
)
from gateway.store.campaigns import moves as campaign_moves
from gateway.store.ends import Ended, EventsEnded
from gateway.store.held_queue import orders as held_orders
from gateway.store.inbound import messages as inbounds
from gateway.store.interface import (
    Answer,
    AttemptName,
    Claim,
    Delivery,
    DeliveryOutcome,
    InboundIn,
    Kept,
    KeptInARow,
    ReceiptIn,
)
from gateway.store.matching import Match
from gateway.store.mirrors import Mirrors
from gateway.store.work import Work


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
    receipts: list[tuple[ReceiptIn, KeptInARow]] = field(default_factory=list)
    inbound: list[tuple[InboundIn, Kept]] = field(default_factory=list)
    released: list[AttemptName] = field(default_factory=list)
    doubted: list[AttemptName] = field(default_factory=list)
    by_hand: list[Order] = field(default_factory=list)
    """Cancels, replays, settled doubts."""
    accepts: list[Order] = field(default_factory=list)
    outcomes: list[DeliveryOutcome] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        told = self.answers or self.receipts or self.inbound or self.released or self.doubted or self.outcomes
        return not (told or self.by_hand or self.accepts)


class Step(Enum):
    """One of the store's own in a transaction, by the name that the log gives it."""

    SWEEP = "settling what is due"
    LOST = "looking for lost claims"
    CAMPAIGNS = "moving campaigns on"
    REFILE = "filing anew what has no route"
    HELD = "carrying out orders about what is held"
    AGES = "looking how long the oldest wait"
    DEAL = "dealing"
    EVENTS = "claiming events"
    ERASE = "erasing what is no longer owed"
    PLAN = "finding what is due next"
    ALL = "a transaction with nothing asked for"


@dataclass(slots=True)
class Own:
    """What the store does of itself in a transaction, after what it was asked for."""

    asks: Sequence[Ask] = ()
    """Room of binds, to be dealt to."""
    unable_since: Mapping[str, int] = field(default_factory=dict)
    standings: Standings = field(default_factory=dict)
    look_at_ages: bool = False
    sweep: bool = False
    look_for_lost: bool = False
    erase: bool = False
    refile: bool = False
    held: bool = False
    campaigns: bool = False
    claim_events: bool = False
    plan: bool = False
    """Find out when the next row is due."""
    doing: Step | None = None
    """Where the transaction is, so that a fault of the store's own is not looked for among the asks."""


@dataclass(slots=True)
class Done:
    """What the transaction gave."""

    results: list[tuple[Order, Any]]
    claims: dict[str, list[Claim]]
    deliveries: list[Delivery]
    wake_at: int | None
    erase_at: int | None
    """When there may be something to erase; None: nothing was erased."""
    to_ask: set[str]
    """Carriers of which there is more to ask."""
    to_expand: set[int]
    """Campaigns whose queue runs low."""
    ends: list[Ended]
    events_ended: list[EventsEnded]
    unmatched: list[str]
    """The carriers of receipts that were parked."""
    seconds: float = 0.0
    """From its begin to its commit."""
    rows: int = 0
    """How many it changed, of all tables."""


def run(connection: sqlite3.Connection, mirrors: Mirrors, batch: Batch, own: Own, now: int) -> Done:
    """All of a batch as one transaction. When it raises, nothing of it has happened and the mirrors are as before."""
    started, changed = time.perf_counter(), connection.total_changes
    connection.execute("BEGIN IMMEDIATE")
    work = Work(connection, mirrors, now)
    try:
        work.freshen()
        done = _change(work, batch, own)
        work.queues.save(connection)
        work.campaigns.save(connection)
        work.usage.save(connection)
        connection.execute("COMMIT")
    except BaseException:
        _undo(connection, mirrors)
        raise
    finally:
        # Here, in the connection's thread (see sqlite_mutexes): what holds an exception may hold the cursor for longer.
        work.close()
    mirrors.queues.commit()
    mirrors.usage.commit(now)
    mirrors.in_hand.commit()
    gone = mirrors.campaigns.commit(now)
    for campaign in gone.settled:
        mirrors.queues.settled(campaign)
    for campaign in gone.erased:
        mirrors.queues.erased(campaign)
    mirrors.parked, mirrors.joining, mirrors.stale = work.parked, work.joining, work.stale
    done.seconds, done.rows = time.perf_counter() - started, connection.total_changes - changed
    return done


def _change(work: Work, batch: Batch, own: Own) -> Done:
    work.hands_out = own.claim_events
    # First, since they make room for POSTs of what is filed below.
    outcomes.record(work, batch.outcomes)
    _record_what_is_told(work, batch)
    results = [(order, order.change(work)) for order in batch.by_hand]
    if own.sweep:
        own.doing = Step.SWEEP
        due.sweep(work)
    if own.look_for_lost:
        own.doing = Step.LOST
        due.doubt_lost(work)
    own.doing = None
    results += zip(batch.accepts, singles.carry_out(work, [order.change for order in batch.accepts]), strict=True)
    if own.campaigns:
        own.doing = Step.CAMPAIGNS
        campaign_moves.move_on(work)
    if own.refile:
        own.doing = Step.REFILE
        refile.refile(work)
    if own.held:
        own.doing = Step.HELD
        held_orders.carry_out(work)
    if own.look_at_ages:
        own.doing = Step.AGES
        work.queues.look_at_ages(work.execute, work.campaigns.stopped)
    own.doing = Step.DEAL
    claimed = claims.claim(work, own.asks, own.unable_since, own.standings) if own.asks else {}
    own.doing = None
    work.freshen()
    own.doing = Step.CAMPAIGNS
    to_expand = campaign_moves.settle(work) if own.campaigns else set()
    own.doing = None
    work.freshen()
    if own.claim_events:
        own.doing = Step.EVENTS
        deliveries.claim(work)
    own.doing = Step.ERASE
    erase_at = retention.erase_some(work) if own.erase else None
    own.doing = None
    work.freshen()
    if own.plan:
        own.doing = Step.PLAN
        due.plan(work)
        own.doing = None
    tally = work.tally
    return Done(
        results, claimed, work.deliveries, work.wake_at, erase_at, work.to_ask, to_expand,
        tally.ends(work.queues.lane), tally.events, tally.unmatched,
    )  # fmt: skip


def _record_what_is_told(work: Work, batch: Batch) -> None:
    for told in batch.answers:
        work.quiet = told.quiet
        known = answers.record(work, told.answers, told.carrier)
        work.quiet = False
        if work.parked:
            for carrier, carrier_message_id in known:
                for receipt, found in parked.made_known(work, carrier, carrier_message_id):
                    _apply_parked(work, receipt, found, is_again=told.quiet)
    for receipt in ordinary.receipts(work, [receipt for receipt, _ in batch.receipts]):
        receipts.record(work, receipt)
    for inbound, _ in batch.inbound:
        inbounds.settle(work, inbound)
        if not inbound.is_refused:
            parked.record_inbound(work, inbound)
    if batch.released:
        ended_binds.release(work, batch.released)
    if batch.doubted:
        ended_binds.doubt(work, batch.doubted)


def _apply_parked(work: Work, receipt: ReceiptIn, found: Match, *, is_again: bool) -> None:
    """`is_again`: where its event, too, can't be told it is recorded without, or else the answer would be lost."""
    if not is_again:
        receipts.apply(work, receipt, found)
        return
    with work.apart("telling of a receipt that came before its answer") as failed:
        receipts.apply(work, receipt, found)
    if failed:
        work.freshen()
        work.quiet = True
        receipts.apply(work, receipt, found)
        work.quiet = False


def _undo(connection: sqlite3.Connection, mirrors: Mirrors) -> None:
    """Roll back what is still open (some errors close the transaction by themselves), in the mirrors too."""
    mirrors.stale = True
    # A reload may be what failed: what is read anew is read by the settings in force.
    mirrors.endpoints.policy = mirrors.policy
    mirrors.queues.roll_back()
    mirrors.campaigns.roll_back()
    mirrors.usage.roll_back()
    mirrors.in_hand.back_to(0)
    if connection.in_transaction:
        connection.execute("ROLLBACK")
