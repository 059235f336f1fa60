"""The one writer: it runs all that was asked for since its last commit as one transaction, and wakes all who waited.

Everything here happens on the Trio thread but the transaction itself; what a commit gives is handed out in one go
before the next transaction begins.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from gateway.identifiers import Identifiers
from gateway.store import checkpoints, faults, pending, recovery, transaction
from gateway.store.asks import Asks
from gateway.store.connection import Connection, connect
from gateway.store.endpoints import Endpoints
from gateway.store.interface import AttemptName, Claim, Delivery, EventFacts, StoreBusy
from gateway.store.pending import Pending
from gateway.store.policy import Policy
from gateway.store.queues import Queues
from gateway.store.transaction import Batch, Done, Order, Own
from gateway.store.work import Mirrors, Work

T = TypeVar("T")
log = logging.getLogger("sluice.store")
IDLE_MS = 1_000
"""How often an idle writer looks whether there is something to erase."""
QUIET_ROWS = 200
"""Erasing goes along with batches that are smaller than this."""
AGAIN_MS = 250
"""A busy or full database is asked again after this long."""


class Writer:
    """Asks gather in `pending` and `asks`; `stir` tells of them, `run` writes them."""

    def __init__(
        self, path: Path, policy: Policy, render: Callable[[EventFacts], bytes], clock: Callable[[], int]
    ) -> None:
        self.pending = Pending()
        self.asks = Asks()
        self.mirrors = Mirrors(policy, Queues(policy), Endpoints(policy), Identifiers(clock=clock), render)
        self.take_deliveries: Callable[[list[Delivery]], None] | None = None
        self.observe: Callable[[float, int], None] = lambda seconds, rows: None
        self.last_id = 0
        self.started_with_doubts = 0
        self._path = path
        self._clock = clock
        self._connection: Connection | None = None
        self._wake = trio.Event()
        self._wake_at: int | None = None
        self._erase_at = 0
        self._commits_since_look = 0
        self._closing = False

    async def open(self) -> None:
        """Open the database, bring it up to date and learn what is in it."""
        self._connection = await connect(self._path)
        recover = partial(recovery.recover, mirrors=self.mirrors, now=self._clock())
        self.last_id, self.started_with_doubts = await self._connection.call(recover)
        self._wake_at = self._clock()

    async def close(self) -> None:
        """Always call it."""
        if self._connection is not None:
            await self._connection.close()

    # --- asking

    def stir(self) -> None:
        """There is something new to look at."""
        self._wake.set()

    def look_at_all(self) -> None:
        """Run a transaction although nothing is asked for: what waits on disk may have become possible."""
        self._wake_at = self._clock()
        self._wake.set()

    def stop(self) -> None:
        """`run` ends once all that was asked for is written."""
        self._closing = True
        self._wake.set()

    async def order(self, orders: list[Order], change: Callable[[Work], T | Exception], rows: int) -> T:
        """Ask for a change and wait for its commit. A caller may be cancelled, its ask may not."""
        if self._closing:
            raise StoreBusy("the store is closing")
        finished = trio.Event()
        answer: list[Any] = []

        def done(result: Any, error: BaseException | None) -> None:
            answer.extend((result, error))
            finished.set()

        orders.append(Order(change, rows, done))
        self.stir()
        await finished.wait()
        if answer[1] is not None:
            raise answer[1]
        result: T = answer[0]
        return result

    # --- writing

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until `stop`, or until cancelled: then what was asked before is still written.

        Raises DiskUnsure, which must end the process: what is on the disk is known only after a restart.
        """
        task_status.started()
        try:
            while not self._closing:
                await self._wait()
                await self._write()
        except trio.Cancelled:
            self._closing = True
            await self._write_what_is_left()
            raise
        await self._write_what_is_left()

    async def _write_what_is_left(self) -> None:
        while not self.pending.is_empty():
            await self._write()

    async def _wait(self) -> None:
        now = self._clock()
        if not self._is_work(now):
            self._wake = trio.Event()
            times = (now + IDLE_MS, self._wake_at, self.asks.patience_ends_at(now))
            seconds = (min(at for at in times if at is not None) - now) / 1000
            with trio.move_on_after(max(0.0, seconds)):
                await self._wake.wait()

    def _is_work(self, now: int) -> bool:
        if self._closing or not self.pending.is_empty() or (self._wake_at is not None and self._wake_at <= now):
            return True
        return self.asks.could_be_served(self.mirrors.queues.for_deal(), now)

    async def _write(self) -> None:
        """One transaction with all that was asked for, and what the store does of itself."""
        now = self._clock()
        batch = self.pending.take()
        rows = pending.rows_of(batch)
        own = Own(
            asks=self.asks.standing(batch.answers),
            unable_since=dict(self.asks.unable_since),
            sweep=self._wake_at is not None and self._wake_at <= now,
            erase=rows < QUIET_ROWS and self._erase_at <= now,
            claim_events=self.take_deliveries is not None,
        )
        with trio.CancelScope(shield=True):
            try:
                done = await self._transact(batch, own, rows)
            except Exception as error:  # noqa: BLE001 who asked is told; what must not be lost is asked for again
                await self._face(batch, error)
                return
            if own.erase:
                self._erase_at = now if done.erased else now + IDLE_MS
            self._hand_out(batch, done)
            if self._wal_is_long():
                await self._call(checkpoints.truncate)

    async def _transact(self, batch: Batch, own: Own, rows: int) -> Done:
        started = time.perf_counter()
        done = await self._call(partial(transaction.run, mirrors=self.mirrors, batch=batch, own=own, now=self._clock()))
        self.observe(time.perf_counter() - started, rows)
        return done

    def _hand_out(self, batch: Batch, done: Done) -> None:
        """Everything that waited for this commit."""
        self._wake_at = done.wake_at
        for told in batch.answers:
            self.asks.add_room(told.bind, told.room)
            told.kept(True)
        for _, kept in batch.receipts:
            kept(True)
        for _, kept in batch.inbound:
            kept(True)
        for order, result in done.results:
            if isinstance(result, Exception):
                order.done(None, result)
            else:
                order.done(result, None)
        for bind, claims in done.claims.items():
            self._give(bind, claims)
        if done.deliveries and self.take_deliveries is not None:
            self.take_deliveries(done.deliveries)

    def _give(self, bind: str, claims: list[Claim]) -> None:
        window = self.asks.windows.get(bind)
        if window is None:
            names = [AttemptName(c.message, s.segment.part, s.attempt) for c in claims for s in c.segments]
            self.pending.released += names
            return
        window.room -= sum([len(claim.segments) for claim in claims])
        window.take(claims)

    # --- when it fails

    async def _face(self, batch: Batch, error: Exception) -> None:
        """Nothing of the batch has happened. Run each ask alone, so that only the guilty one fails."""
        faults.raise_if_fatal(error)
        self._wake_at = self._clock()
        alone = [] if faults.is_busy(error) else pending.split(batch)
        if alone:
            log.warning("a transaction failed and is run ask by ask, %d of them: %s", len(alone), error)
        else:
            self._refuse(batch, error)
        passing = faults.is_passing(error) or not alone
        for single in alone:
            try:
                self._hand_out(single, await self._transact(single, Own(), pending.rows_of(single)))
            except Exception as single_error:  # noqa: BLE001 told to who asked
                faults.raise_if_fatal(single_error)
                self._refuse(single, single_error)
        self._wake_at = self._clock()
        if passing:
            log.error("the store can't write, and tries again: %s", error)
            await trio.sleep(AGAIN_MS / 1000)

    def _refuse(self, batch: Batch, error: Exception) -> None:
        for told in batch.answers:
            told.kept(False)
        for _, kept in batch.receipts:
            kept(False)
        for _, kept in batch.inbound:
            kept(False)
        for order in batch.by_hand + batch.accepts:
            order.done(None, faults.translated(error))
        if faults.is_passing(error):
            self.pending.put_back(batch)
        elif batch.released or batch.doubted or batch.outcomes:
            log.error("what was asked can't be written and is left to the sweep", exc_info=error)

    # --- small things

    def _wal_is_long(self) -> bool:
        self._commits_since_look += 1
        if self._commits_since_look < checkpoints.COMMITS_BETWEEN_LOOKS:
            return False
        self._commits_since_look = 0
        return checkpoints.wal_size(self._path) > checkpoints.TRUNCATE_ABOVE

    async def _call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            raise StoreBusy("the store is not open")
        return await self._connection.call(function)
