"""The one writer: it runs all that was asked for since its last commit as one transaction, and sees to faults.

Everything here happens on the Trio thread but the transaction itself; what a commit gives is handed out in one go
before the next transaction begins. Who is told what of it is telling.py's.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from gateway.identifiers import Identifiers
from gateway.logs import quoted
from gateway.store import checkpoints, faults, halves, opening, pending, recovery, transaction
from gateway.store.asks import Asks
from gateway.store.connection import Connection, connect
from gateway.store.endpoints import Endpoints
from gateway.store.gathering import gather
from gateway.store.interface import EventFacts, StoreBusy
from gateway.store.mirrors import Mirrors
from gateway.store.outage import Outage
from gateway.store.own_work import OwnWork
from gateway.store.pending import Pending
from gateway.store.policy import Policy
from gateway.store.put_off_steps import PutOffSteps
from gateway.store.queues import Queues
from gateway.store.telling import Telling
from gateway.store.transaction import Batch, Done, Order, Own, Step
from gateway.store.work import Work

T = TypeVar("T")
log = logging.getLogger("sluice.store")
IDLE_MS = 1_000
"""How often an idle writer looks at all."""
AGAIN_MS = 250
"""A busy or full database is asked again after this long."""
_CLOSING = "the store is closing, since the gateway stops; ask again once it is back"
END_LIMIT_SECONDS = 5.0
"""For what is asked for when the writer is stopped, while the disk does not take it."""


class Writer:
    """Asks gather in `pending` and `asks`; `stir` tells of them, `run` writes them."""

    def __init__(
        self, path: Path, policy: Policy, render: Callable[[EventFacts], bytes], clock: Callable[[], int]
    ) -> None:
        self._path = path
        self._clock = clock
        self.pending = Pending()
        self.asks = Asks()
        self.telling = Telling(path, self.pending, self.asks, lambda: self._closing)
        self._policy = policy
        self._render = render
        self.mirrors = self._nothing_known()
        self.found = recovery.Found()
        self._connection: Connection | None = None
        self._wake = trio.Event()
        self._wake_at: int | None = None
        self._commits_since_look = 0
        self.log = checkpoints.Log()
        self._closing = False
        self._outage = Outage(path)
        self._put_off = PutOffSteps()
        self._own = OwnWork(self.asks, self._put_off)
        self._latest = 0
        """The clock when it was last looked at."""

    async def open(self, patience_seconds: float) -> None:
        """Open the database, bring it up to date and learn what is in it. Raises StoreUnopened."""
        await opening.patiently(self._open, self._path, patience_seconds)
        self._wake_at = self._clock()

    async def close(self) -> None:
        """Always call it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> None:
        self.mirrors = self._nothing_known()
        self._connection = await connect(self._path)
        try:
            recover = partial(recovery.recover, mirrors=self.mirrors, now=self._clock())
            self.found = await self._connection.call(recover)
        except BaseException:
            await self.close()
            raise

    def _nothing_known(self) -> Mirrors:
        queues, endpoints = Queues(self._policy), Endpoints(self._policy)
        return Mirrors(self._policy, queues, endpoints, Identifiers(clock=self._clock), self._render)

    # --- asking

    def stir(self) -> None:
        """There is something new to look at."""
        self._wake.set()

    def take(self, policy: Policy) -> None:
        """Go on by other settings, from the next transaction on."""
        self._policy = policy
        self.mirrors.take(policy)
        self.look_at_all()

    def look_at_all(self) -> None:
        """Run a transaction although nothing is asked for: what waits on disk may have become possible."""
        self._wake_at = self._clock()
        self._wake.set()

    def stop(self) -> None:
        """`run` ends once all that was asked for is written."""
        self._closing = True
        self._wake.set()

    def ask(
        self,
        orders: list[Order],
        change: Callable[[Work], Any],
        rows: int,
        done: Callable[[Any, BaseException | None], None],
    ) -> None:
        """Ask for a change; `done` is called with what it gave or why it was not made, before the next transaction."""
        if self._closing:
            raise StoreBusy(_CLOSING)
        orders.append(Order(change, rows, done))
        self.stir()

    async def order(
        self,
        orders: list[Order],
        change: Callable[[Work], T | Exception],
        rows: int,
        then: Callable[[BaseException | None], None] | None = None,
    ) -> T:
        """Ask for a change and wait for its commit. A caller may be cancelled, its ask may not.

        `then` is called before the next transaction begins, with why it was not made (None: it was).
        """
        finished = trio.Event()
        answer: list[Any] = []

        def done(result: Any, error: BaseException | None) -> None:
            answer.extend((result, error))
            finished.set()
            if then is not None:
                then(error)

        self.ask(orders, change, rows, done)
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
                await gather(self.pending)
                await self._write(self.pending.take())
        except trio.Cancelled:
            self._closing = True
            await self._write_what_is_left()
            raise
        await self._write_what_is_left()

    async def _write_what_is_left(self) -> None:
        """For so long only: what is in doubt then is found at the next start, as after a crash."""
        until = trio.current_time() + END_LIMIT_SECONDS
        if self.pending.released:
            await self._write(self.pending.take_released())
        while not self.pending.is_empty():
            if trio.current_time() >= until:
                self._give_up()
                return
            await self._write(self.pending.take())

    async def _wait(self) -> None:
        now = self._now()
        if not self._is_work(now):
            self._wake = trio.Event()
            times = (now + IDLE_MS, self._wake_at, *self._own.next_at(self.mirrors, now))
            seconds = (min(at for at in times if at is not None) - now) / 1000
            with trio.move_on_after(max(0.0, seconds)):
                await self._wake.wait()

    def _now(self) -> int:
        now = self._clock()
        if now < self._latest:
            # What was to happen at a time is to happen no later for it.
            self._own.clock_set_back(now)
            self.mirrors.endpoints.clock_set_back(now)
        self._latest = now
        return now

    def _is_work(self, now: int) -> bool:
        if self._closing or not self.pending.is_empty() or (self._wake_at is not None and self._wake_at <= now):
            return True
        return self._own.is_waiting(self.mirrors, now)

    async def _write(self, batch: Batch) -> None:
        """One transaction with what was asked for, and what the store does of itself."""
        now, is_asked = self._clock(), not batch.is_empty
        if not is_asked and not self._put_off.may_run(Step.ALL, now):
            self._wake_at = self._put_off.wake_at(None, now)
            return
        is_time = self._wake_at is not None and self._wake_at <= now
        claim_events = self.telling.take_deliveries is not None
        own = self._own.take(batch, self.mirrors, now, sweep=is_time, claim_events=claim_events)
        self._wake_at = None
        if self._outage.lasts:
            batch.by_hand.append(Order(write_the_same, 1, _nobody_waits))
        with trio.CancelScope(shield=True):
            try:
                done = await self._transact(batch, own)
            except Exception as error:  # noqa: BLE001 who asked is told; what must not be lost is asked for again
                await self._face(batch, own, error, is_asked=is_asked)
                return
            if self._outage.lasts:
                self._outage.wrote(trio.current_time())
            self._hand_out(batch, done)
            if self._put_off:
                self._put_off.ran(own)
                self._wake_at = self._put_off.wake_at(self._wake_at, now)
            if self.log.is_nearly_copied:
                await self.log.begin_anew(self._call)
            if self._wal_is_long():
                await checkpoints.attempt(self._call, checkpoints.truncate)

    async def _transact(self, batch: Batch, own: Own) -> Done:
        run = partial(transaction.run, mirrors=self.mirrors, batch=batch, own=own, now=self._clock())
        done = await self._call(run)
        self.log.wrote(done.rows)
        return done

    def _hand_out(self, batch: Batch, done: Done) -> None:
        """What is on disk now is told; a callback may ask for the next look at all."""
        self._wake_at = min((at for at in (self._wake_at, done.wake_at) if at is not None), default=None)
        self._own.done(done)
        self.telling.committed(batch, done)

    # --- when it fails

    async def _face(self, batch: Batch, own: Own, error: Exception, *, is_asked: bool) -> None:
        """Nothing of the batch has happened, and the disk, a step of the store's own or an ask is to blame."""
        faults.raise_if_fatal(error)
        step = own.doing if is_asked else own.doing or Step.ALL
        if faults.is_passing(error):
            if is_asked and not faults.is_busy(error):
                await self._run_parts(halves.by_kind(batch))
            else:
                self.telling.refused(batch, error)
            self._outage.failed(error, trio.current_time())
            await trio.sleep(AGAIN_MS / 1000)
        elif step is not None:
            self._put_off.failed(step, error, self._clock())
            await self._run_again([batch])
        else:
            log.warning("a transaction failed and is run in parts fault=%s", quoted(faults.described(error)))
            await self._run_again(halves.halves(batch, self.telling.settle) or [batch])
        self._wake_at = self._clock()

    async def _run_again(self, parts: list[Batch]) -> None:
        """What a disk that works did not take; during an outage it holds the write that tells its end."""
        parts = [part for part in parts if not part.is_empty]
        if await self._run_parts(parts) and parts and self._outage.lasts:
            self._outage.wrote(trio.current_time())

    async def _run_parts(self, parts: list[Batch]) -> bool:
        """One that fails is parted again, until the guilty ask is alone; whether none failed."""
        are_written = True
        for part in parts:
            try:
                done = await self._transact(part, Own())
            except Exception as error:  # noqa: BLE001 told to who asked
                faults.raise_if_fatal(error)
                smaller = [] if faults.is_passing(error) else halves.halves(part, self.telling.settle)
                if smaller:
                    await self._run_parts(smaller)
                else:
                    self.telling.refused(part, error)
                are_written = False
            else:
                self._hand_out(part, done)
        return are_written

    def _give_up(self) -> None:
        """The store could not write while it was stopped, and is stopped all the same."""
        batch = self.pending.take_all()
        log.error("the store can't write and ends without this on disk: %s", pending.described(batch))
        self.telling.refused(batch, StoreBusy(_CLOSING))

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


def write_the_same(work: Work) -> None:
    """A write that changes nothing and goes to the disk all the same: without one a commit would not ask the disk."""
    (version,) = work.connection.execute("PRAGMA user_version").fetchone()
    work.connection.execute(f"PRAGMA user_version = {version}")


def _nobody_waits(result: Any, error: BaseException | None) -> None:
    """The outcome of the transaction says it all."""
