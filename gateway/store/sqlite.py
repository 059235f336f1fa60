"""The embedded store: one writer that runs everything asked for since its last commit as one transaction, and readers beside it.

The public methods gather asks on the Trio thread; `run` is the writer. What a commit gives is handed out on the Trio thread, in one go,
before the next transaction begins.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from gateway.identifiers import SEQUENCE_BITS, Identifiers, now_ms
from gateway.store import accepts, by_hand, cancels, checkpoints, ended_binds, faults, readers, retention, transaction
from gateway.store.asks import Asks, Window
from gateway.store.connection import Connection, check_version, connect, migrate
from gateway.store.endpoints import Endpoints
from gateway.store.interface import (
    AcceptOutcome,
    Answer,
    AttemptName,
    CancelOutcome,
    Claim,
    Delivery,
    DeliveryOutcome,
    EndpointRow,
    EventFacts,
    InboundIn,
    Kept,
    MessageStory,
    Page,
    QueueRow,
    ReceiptIn,
    StoreBusy,
    Submission,
)
from gateway.store.pending import Pending
from gateway.store.policy import Policy
from gateway.store.queues import Queues
from gateway.store.transaction import AnswersIn, Batch, Done, Order
from gateway.store.work import Work

T = TypeVar("T")
log = logging.getLogger("sluice.store")
READERS = 2
IDLE_MS = 1_000
"""An idle writer erases what retention allows, this often."""
AGAIN_MS = 250
"""A busy or full database is asked again after this long."""


class SqliteStore:
    """See gateway.store.interface.Store for what each ask means."""

    def __init__(
        self, path: Path, policy: Policy, *, render: Callable[[EventFacts], bytes], clock: Callable[[], int] = now_ms
    ) -> None:
        self.path = path
        self.policy = policy
        self._render = render
        self._clock = clock
        self._queues = Queues(policy)
        self._endpoints = Endpoints(policy)
        self._asks = Asks()
        self._pending = Pending()
        self._disk = faults.DiskReserve(path, policy.disk_reserve)
        self._ids = Identifiers(clock=clock)
        self._parked = 0
        self._wake = trio.Event()
        self._wake_at: int | None = None
        self._closing = False
        self._take_deliveries: Callable[[list[Delivery]], None] | None = None
        self._writer: Connection | None = None
        self._readers: list[Connection] = []
        self._reader_slots = trio.CapacityLimiter(READERS)
        self.started_with_doubts = 0
        self._commits_since_look = 0
        self.commits = 0
        self.commit_seconds = 0.0
        self.observe: Callable[[float, int], None] = lambda seconds, rows: None
        """Told of every commit: its duration, and how many rows were asked for."""

    # --- life

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[SqliteStore]:
        """Open, migrate, recover; close on every path."""
        check_version()
        try:
            self._writer = await connect(self.path)
            await self._writer.call(self._recover)
            for _ in range(READERS):
                self._readers.append(await connect(self.path, read_only=True))
            yield self
        finally:
            with trio.CancelScope(shield=True):
                for reader in self._readers:
                    await reader.close()
                if self._writer is not None:
                    await self._writer.close()

    def last_id(self) -> int:
        """The greatest id that this store has seen: ids go on from there, whatever the clock does."""
        return self._last_id

    def _recover(self, connection: sqlite3.Connection) -> None:
        migrate(connection)
        self._last_id = max(
            connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
            for table in ("messages", "events", "deliveries", "parked", "inbound")
        )
        self._last_id = max(
            self._last_id, connection.execute("SELECT coalesce(max(submission), 0) FROM idempotency").fetchone()[0]
        )
        self._ids.seen(self._last_id)
        connection.execute("BEGIN IMMEDIATE")
        self._queues.load(connection)
        connection.execute("UPDATE deliveries SET under_way = 0, due = ? WHERE under_way = 1", (self._clock(),))
        self._endpoints.load(connection)
        self._parked = connection.execute("SELECT count(*) FROM parked").fetchone()[0]
        work = self._work(connection)
        self.started_with_doubts = ended_binds.after_unclean_end(work)
        self._queues.save(connection)
        connection.execute("COMMIT")
        self._queues.commit()
        self._parked = work.parked
        self._wake_at = self._clock()

    # --- writes that are waited for

    async def accept(self, submission: Submission) -> AcceptOutcome:
        change = partial(accepts.accept, submission=submission)
        lanes = {message.lane for message in submission.messages}
        urgent = any(self.policy.lanes[lane].priority == 1 for lane in lanes if lane in self.policy.lanes)
        if submission.messages:
            self._disk.check()
            accepts.check_backlog(self._queues.ready(), len(submission.messages), self.policy.backlog_limit)
        outcome: AcceptOutcome = await self._order(
            self._pending.accepts, change, len(submission.messages) + 1, urgent=urgent
        )
        return outcome

    async def cancel(self, account: str, message: int, request_id: int) -> CancelOutcome:
        outcome: CancelOutcome = await self._order(
            self._pending.by_hand, partial(cancels.cancel, account=account, message=message, request_id=request_id), 1
        )
        return outcome

    async def replay(
        self, account: str, events: Sequence[int], after: int | None, before: int | None, failed_only: bool
    ) -> int:
        if events:
            return int(
                await self._order(
                    self._pending.by_hand,
                    partial(by_hand.replay, account=account, events=events, failed_only=failed_only),
                    1,
                )
            )
        low = (after or 0) << SEQUENCE_BITS
        high = ((before if before is not None else self._clock()) + 1) << SEQUENCE_BITS
        count = 0
        while ids := await self._read(
            partial(
                readers.event_ids,
                account=account,
                after=low,
                before=high,
                failed_only=failed_only,
                limit=by_hand.ROWS_A_TRANSACTION,
            )
        ):
            change = partial(by_hand.replay, account=account, events=ids, failed_only=failed_only)
            count += int(await self._order(self._pending.by_hand, change, len(ids)))
            low = ids[-1]
        return count

    async def enable_endpoint(self, account: str) -> bool:
        return bool(await self._order(self._pending.by_hand, partial(by_hand.enable, account=account), 1))

    async def add_test_event(self, account: str) -> int | None:
        event: int | None = await self._order(
            self._pending.by_hand, partial(by_hand.add_test_event, account=account), 1
        )
        return event

    async def settle_doubt(self, message: int, outcome: str) -> bool:
        return bool(
            await self._order(self._pending.by_hand, partial(by_hand.settle_doubt, message=message, outcome=outcome), 1)
        )

    async def keep_alive(self) -> None:
        await self._order(self._pending.by_hand, _nothing, 1)

    # --- binds

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None:
        self._asks.windows[bind] = Window(carrier, take)

    def ask(self, bind: str, room: int) -> None:
        window = self._asks.windows[bind]
        window.room += room
        if window.room > 0 and self._queues.ready():
            self._stir()

    def withdraw(self, bind: str) -> int:
        window = self._asks.windows[bind]
        room, window.room = window.room, 0
        return room

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Kept) -> None:
        self._pending.answers.append(AnswersIn(bind, answers, room, kept))
        self._stir()

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self._pending.released += attempts
        self._returned(bind, room)

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self._pending.doubted += attempts
        self._returned(bind, room)

    def close_window(self, bind: str) -> None:
        self._asks.windows.pop(bind, None)

    def carrier_able(self, carrier: str, able: bool) -> None:
        if able:
            self._asks.unable_since.pop(carrier, None)
        else:
            self._asks.unable_since.setdefault(carrier, self._clock())
        self._stir()

    # --- receive, notify

    def receipt(self, receipt: ReceiptIn, kept: Kept) -> None:
        self._pending.receipts.append((receipt, kept))
        self._stir()

    def inbound(self, inbound: InboundIn, kept: Kept) -> None:
        self._pending.inbound.append((inbound, kept))
        self._stir()

    def take_deliveries(self, take: Callable[[list[Delivery]], None]) -> None:
        self._take_deliveries = take
        self._wake_at = self._clock()
        self._stir()

    def delivered(self, outcome: DeliveryOutcome) -> None:
        self._pending.outcomes.append(outcome)
        self._stir()

    # --- look-ups

    async def message(self, account: str | None, message: int) -> MessageStory | None:
        return await self._read(partial(readers.message, account=account, message_id=message))

    async def messages(self, account: str, *, client_id: str, limit: int, cursor: int | None) -> Page:
        return await self._read(
            partial(readers.messages, account=account, client_id=client_id, limit=limit, cursor=cursor)
        )

    async def events(self, account: str, *, statuses: Sequence[str], limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.events, account=account, statuses=statuses, limit=limit, cursor=cursor))

    async def endpoints(self, account: str | None) -> list[EndpointRow]:
        return await self._read(partial(readers.endpoints, account=account))

    async def doubts(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.doubts, policy=self.policy, limit=limit, cursor=cursor))

    async def parked(self, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.parked, limit=limit, cursor=cursor))

    async def doubts_count(self) -> int:
        return (await self._read(readers.counts))["doubts"]

    def queues(self) -> list[QueueRow]:
        return self._queues.rows()

    def backlog(self) -> int:
        return self._queues.ready()

    def counts(self) -> dict[str, int]:
        endpoints = list(self._endpoints.by_id.values())
        return {
            "parked": self._parked,
            "events_pending": sum(endpoint.pending for endpoint in endpoints),
            "deliveries_under_way": sum(endpoint.under_way for endpoint in endpoints),
        }

    # --- the writer

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until `stop`; then what was asked before is still written. Raises what makes the disk untrustworthy (an IOERR)."""
        task_status.started()
        with trio.CancelScope(shield=True):
            while not (self._closing and self._pending.is_empty()):
                await self._wait()
                await self._write()
                if self._wal_is_long():
                    await self._writer_call(checkpoints.truncate)

    def stop(self) -> None:
        """The writer ends once all that was asked for is written."""
        self._closing = True
        self._wake.set()

    async def _wait(self) -> None:
        if self._closing or self._is_work():
            return
        self._wake = trio.Event()
        timeout = IDLE_MS if self._wake_at is None else max(0, min(IDLE_MS, self._wake_at - self._clock()))
        with trio.move_on_after(timeout / 1000):
            await self._wake.wait()

    def _is_work(self) -> bool:
        if not self._pending.is_empty():
            return True
        if self._wake_at is not None and self._wake_at <= self._clock():
            return True
        queues = list(self._queues.for_deal()) if self._queues.ready() else []
        return bool(queues) and self._asks.could_be_served(queues, self._clock())

    async def _write(self) -> None:
        now = self._clock()
        batch = self._pending.take()
        batch.sweep = self._wake_at is not None and self._wake_at <= now
        idle = batch.is_empty()
        if idle and not self._is_work():
            batch.by_hand.append(Order(retention.erase, 1, _ignore))
        asks = self._asks.standing()
        for told in batch.answers:  # their slots are free again in the transaction that records them
            asks = _with_room(asks, self._asks, told.bind, told.room)
        try:
            done = await self._run(batch, asks)
        except Exception as error:  # noqa: BLE001 the guilty ask gets it below; a batch must not share its fault
            await self._one_by_one(batch, error)
        else:
            self._hand_out(batch, done)

    async def _run(self, batch: Batch, asks: Sequence[Any]) -> Done:
        started = time.perf_counter()
        done, parked = await self._writer_call(partial(self._transact, batch=batch, asks=asks))
        self._parked = parked
        seconds = time.perf_counter() - started
        self.commits += 1
        self.commit_seconds += seconds
        self.observe(seconds, Pending.rows_of(batch))
        return done

    def _transact(self, connection: sqlite3.Connection, batch: Batch, asks: Sequence[Any]) -> tuple[Done, int]:
        work = self._work(connection)
        taken = self._take_deliveries is not None
        return transaction.run(work, batch, asks, dict(self._asks.unable_since), deliveries_taken=taken), work.parked

    def _work(self, connection: sqlite3.Connection) -> Work:
        return Work(
            connection, now=self._clock(), policy=self.policy, queues=self._queues, endpoints=self._endpoints, ids=self._ids,
            render=self._render, parked=self._parked,
        )  # fmt: skip

    def _hand_out(self, batch: Batch, done: Done) -> None:
        """Everything that waited for this commit, on the Trio thread."""
        self._wake_at = done.wake_at
        for told in batch.answers:
            window = self._asks.windows.get(told.bind)
            if window is not None:
                window.room += told.room
            told.kept(True)
        for _, kept in batch.receipts:
            kept(True)
        for _, kept in batch.inbound:
            kept(True)
        for order, result in done.results:
            order.done(None, result) if isinstance(result, Exception) else order.done(result, None)
        for bind, claims in done.claims.items():
            self._give(bind, claims)
        if done.deliveries and self._take_deliveries is not None:
            self._take_deliveries(done.deliveries)

    def _give(self, bind: str, claims: list[Claim]) -> None:
        window = self._asks.windows.get(bind)
        if window is None:
            self.release(
                bind, [AttemptName(c.message, s.segment.part, s.attempt) for c in claims for s in c.segments], 0
            )
            return
        window.room -= sum(len(claim.segments) for claim in claims)
        window.take(claims)

    async def _one_by_one(self, batch: Batch, error: BaseException) -> None:
        """Nothing of the batch happened: run each ask alone, so that only the guilty one fails."""
        faults.raise_if_fatal(error)
        alone = Pending.split(batch)
        if len(alone) <= 1:
            self._refuse(batch, error)
            if faults.is_passing(error):
                await trio.sleep(AGAIN_MS / 1000)
            return
        log.warning("a transaction of %d asks failed and is run ask by ask: %s", len(alone), error)
        for single in alone:
            try:
                done = await self._run(single, [])
            except Exception as single_error:  # noqa: BLE001 told to who asked
                faults.raise_if_fatal(single_error)
                self._refuse(single, single_error)
            else:
                self._hand_out(single, done)

    def _refuse(self, batch: Batch, error: BaseException) -> None:
        for told in batch.answers:
            told.kept(False)
        for _, kept in batch.receipts:
            kept(False)
        for _, kept in batch.inbound:
            kept(False)
        for order in batch.by_hand + batch.accepts:
            order.done(None, faults.translated(error))
        if batch.released or batch.doubted or batch.outcomes:
            log.error("what was asked could not be written and is kept for the next transaction: %s", error)
            self._pending.put_back(batch)
        if batch.is_empty() or batch.sweep:
            log.error("the store could not do its own work: %s", error)
            self._wake_at = self._clock() + AGAIN_MS

    async def checkpoint(self) -> None:
        """Copy the log into the database off the hot path, from a connection of its own, until cancelled."""
        connection = await connect(self.path)
        try:
            await checkpoints.run(connection, self.path)
        finally:
            await connection.close()

    def _wal_is_long(self) -> bool:
        self._commits_since_look += 1
        if self._commits_since_look < checkpoints.COMMITS_BETWEEN_LOOKS:
            return False
        self._commits_since_look = 0
        return checkpoints.wal_size(self.path) > checkpoints.TRUNCATE_ABOVE

    async def _writer_call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        assert self._writer is not None
        return await self._writer.call(function)

    # --- small things

    def _returned(self, bind: str, room: int) -> None:
        window = self._asks.windows.get(bind)
        if window is not None:
            window.room += room
        self._stir()

    def _stir(self) -> None:
        self._wake.set()

    async def _order(self, orders: list[Order], change: Callable[[Work], T], rows: int, *, urgent: bool = False) -> T:
        """Ask for a change and wait for its commit. A caller may be cancelled, its ask may not."""
        if self._closing:
            raise StoreBusy("the store is closing")
        finished = trio.Event()
        answer: list[Any] = []

        def done(result: Any, error: BaseException | None) -> None:
            answer.extend((result, error))
            finished.set()

        order = Order(change, rows, done)
        orders.insert(0, order) if urgent else orders.append(order)
        self._stir()
        await finished.wait()
        if answer[1] is not None:
            raise answer[1]
        result: T = answer[0]
        return result

    async def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        async with self._reader_slots:
            reader = self._readers.pop()
            try:
                with trio.CancelScope(shield=True):
                    return await reader.call(function)
            finally:
                self._readers.append(reader)


def _with_room(asks: list[Any], standing: Asks, bind: str, room: int) -> list[Any]:
    """The asks as they stand once this bind's answers are recorded."""
    window = standing.windows.get(bind)
    if window is None or room <= 0:
        return asks
    for index, ask in enumerate(asks):
        if ask.bind == bind:
            asks[index] = ask._replace(room=ask.room + room)
            return asks
    return [*asks, transaction.Ask(bind, window.carrier, window.room + room)]


def _nothing(work: Work) -> None:
    """A write that changes nothing."""


def _ignore(result: Any, error: BaseException | None) -> None:
    if error is not None:
        log.error("retention could not erase: %s", error)
