"""What the store does of itself in a transaction, and when it is time for that again. Asks are the writer's matter."""

from gateway.store import due, pending
from gateway.store.asks import Asks
from gateway.store.held_queue import orders as held_orders
from gateway.store.mirrors import Mirrors
from gateway.store.put_off_steps import PutOffSteps
from gateway.store.transaction import Batch, Done, Own, Step

QUIET_ROWS = 200
"""Erasing goes along with batches that are smaller than this."""


class OwnWork:
    """Times are wall-clock milliseconds. A step that has just failed is left out for a while."""

    def __init__(self, asks: Asks, put_off: PutOffSteps) -> None:
        self._asks = asks
        self._put_off = put_off
        self._erase_at = 0
        self._lost_at = 0
        self._held_at = 0
        self._ages_at: int | None = None
        """None: nothing waits as far as is known. What is sent at once is never looked at."""

    def is_waiting(self, mirrors: Mirrors, now: int) -> bool:
        """Whether there is any without being asked. Always asked before `next_at`."""
        queues = mirrors.queues
        if queues.strays(now) and self._put_off.may_run(Step.REFILE, now):
            return True
        if self._looks_at_ages(mirrors, now) or self._looks_at_held(mirrors, now):
            return True
        to_deal = queues.for_deal(now, mirrors.campaigns.stopped)
        return self._put_off.may_run(Step.DEAL, now) and self._asks.could_be_served(to_deal, queues.turns, now)

    def next_at(self, mirrors: Mirrors, now: int) -> list[int | None]:
        """When there may be some, if nothing happens before."""
        queues = mirrors.queues
        ages_at = self._ages_at if self._ages_at is not None and self._ages_at > now else None
        held_at = self._held_at if queues.has_orders and self._held_at > now else None
        return [self._asks.patience_ends_at(queues.turns, now), queues.opens_at(now), ages_at, held_at]

    def take(self, batch: Batch, mirrors: Mirrors, now: int, *, sweep: bool, claim_events: bool) -> Own:
        """All that is to be done now. `sweep`: it is time for what has a time of its own."""
        may_run = self._put_off.may_run
        own = Own(
            asks=self._asks.standing(batch.answers) if may_run(Step.DEAL, now) else (),
            unable_since=dict(self._asks.unable_since),
            standings=dict(self._asks.standings),
            look_at_ages=self._looks_at_ages(mirrors, now),
            sweep=sweep and may_run(Step.SWEEP, now),
            look_for_lost=self._lost_at <= now and may_run(Step.LOST, now),
            erase=pending.rows_of(batch) < QUIET_ROWS and self._erase_at <= now and may_run(Step.ERASE, now),
            refile=bool(mirrors.queues.strays(now)) and may_run(Step.REFILE, now),
            held=self._looks_at_held(mirrors, now),
            campaigns=may_run(Step.CAMPAIGNS, now),
            claim_events=claim_events and may_run(Step.EVENTS, now),
            plan=may_run(Step.PLAN, now),
        )
        if own.look_for_lost:
            self._lost_at = now + due.LOOK_FOR_LOST_MS
        if own.look_at_ages:
            self._ages_at = None
        if own.held:
            self._held_at = now + held_orders.AGAIN_MS
        return own

    def clock_set_back(self, now: int) -> None:
        """What has a time of its own is looked at now rather than that much later."""
        self._erase_at, self._lost_at = min(self._erase_at, now), min(self._lost_at, now)
        self._held_at = min(self._held_at, now)
        self._ages_at = None if self._ages_at is None else min(self._ages_at, now)
        self._asks.clock_set_back(now)

    def done(self, done: Done) -> None:
        """After a commit."""
        if done.erase_at is not None:
            self._erase_at = done.erase_at

    def _looks_at_held(self, mirrors: Mirrors, now: int) -> bool:
        """Whether an operator's order about what is held is to go on."""
        return mirrors.queues.has_orders and self._held_at <= now and self._put_off.may_run(Step.HELD, now)

    def _looks_at_ages(self, mirrors: Mirrors, now: int) -> bool:
        every = mirrors.queues.look_every()
        if every is None:
            self._ages_at = None
        elif self._ages_at is None:
            self._ages_at = now + every
        return self._ages_at is not None and self._ages_at <= now and self._put_off.may_run(Step.AGES, now)
