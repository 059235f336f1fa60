"""The embedded store: SQLite behind one writer, with readers beside it.

This is its face: each ask is put to the writer, each look-up to a reader. See gateway.store.interface.Store for what
they mean.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from gateway.identifiers import now_ms
from gateway.rules.deal import FIRST_PRIORITY
from gateway.rules.taking import Standing
from gateway.store import accepts, checkpoints, enquiries, faults
from gateway.store.alarms.sqlite import SqliteAlarms
from gateway.store.allowances.sqlite import SqliteAllowance
from gateway.store.asks import Window
from gateway.store.by_hand.sqlite import SqliteByHand
from gateway.store.campaigns.sqlite import SqliteCampaigns
from gateway.store.connection import Connection, check_version, connect
from gateway.store.consents.sqlite import SqliteConsents
from gateway.store.doubts_seen import DoubtsSeen
from gateway.store.ends import Ended
from gateway.store.enquiry import Enquiries, EnquiryAnswer
from gateway.store.face import T
from gateway.store.held_carriers.sqlite import SqliteHeldCarriers
from gateway.store.held_queue.sqlite import SqliteHeldQueue
from gateway.store.interface import (
    AcceptDone,
    AcceptOutcome,
    Answer,
    AttemptName,
    Claim,
    Delivery,
    DeliveryOutcome,
    EventFacts,
    IdempotencyKey,
    InboundIn,
    Kept,
    KeptInARow,
    KeyReused,
    ReceiptIn,
    Replayed,
    StoreBusy,
    StoreFull,
    Submission,
)
from gateway.store.lines import filing
from gateway.store.lines.interface import LinesFiled, LinesIn
from gateway.store.lists.sqlite import SqliteListings
from gateway.store.lookups.sqlite import SqliteLookups
from gateway.store.opening import PATIENCE_SECONDS
from gateway.store.policy import Policy
from gateway.store.reconciliation.sqlite import SqliteReconciliation
from gateway.store.reconfigure import SqliteReload
from gateway.store.templates.sqlite import SqliteTemplates
from gateway.store.transaction import AnswersIn, Order
from gateway.store.work import Work
from gateway.store.writer import Writer, write_the_same

READERS = 2


class SqliteStore(
    SqliteAlarms,
    SqliteAllowance,
    SqliteCampaigns,
    SqliteConsents,
    SqliteByHand,
    SqliteHeldCarriers,
    SqliteHeldQueue,
    SqliteListings,
    SqliteLookups,
    SqliteReconciliation,
    SqliteReload,
    SqliteTemplates,
):
    """Enter `opened`, then start `run`; `stop` ends it when all is written."""

    def __init__(
        self, path: Path, policy: Policy, *, render: Callable[[EventFacts], bytes], clock: Callable[[], int] = now_ms
    ) -> None:
        """`render` makes the body of an event, in the transaction that makes it true; `clock` tells wall-clock ms."""
        self.path = path
        self.policy = policy
        self._clock = clock
        self._writer = Writer(path, policy, render, clock)
        self._disk = faults.DiskReserve(path, policy.disk_reserve)
        self._doubts = DoubtsSeen()
        self._readers = []
        self._reader_slots = trio.CapacityLimiter(READERS)

    # --- life

    @asynccontextmanager
    async def opened(self, *, patience_seconds: float = PATIENCE_SECONDS) -> AsyncIterator[SqliteStore]:
        """Open, migrate, recover; close on every path. A full disk or a lock is waited for, so long.

        Raises StoreUnopened, and RuntimeError on a store of a newer version.
        """
        check_version()
        connections: list[Connection] = []
        try:
            await self._writer.open(patience_seconds)
            while len(connections) < READERS:
                connections.append(await connect(self.path, read_only=True))
            self._readers = list(connections)
            yield self
        finally:
            with trio.CancelScope(shield=True):
                for connection in connections:
                    await connection.close()
                await self._writer.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until `stop`, or until cancelled; then what was asked before is still written."""
        await self._writer.run(task_status=task_status)

    def stop(self) -> None:
        """The writer ends once all that was asked for is written."""
        self._writer.stop()

    async def checkpoint(self) -> None:
        """Copy the log into the database off the hot path, from a connection of its own, until cancelled."""
        connection = await connect(self.path)
        try:
            await checkpoints.run(connection, self._writer.log)
        finally:
            await connection.close()

    async def watch_doubts(self) -> None:
        """Keep `doubts_seen` until cancelled."""
        await self._doubts.watch(self.doubts_count)

    @property
    def doubts_seen(self) -> int:
        """Messages in doubt a few seconds ago."""
        return self._doubts.count

    @property
    def started_with_doubts(self) -> int:
        """Segments in doubt because the last process ended with them on the wire."""
        return self._writer.found.doubts

    @property
    def started_with_deliveries(self) -> int:
        """Webhook deliveries that the last process ended with; they are told again."""
        return self._writer.found.deliveries

    @property
    def observe(self) -> Callable[[float, int], None]:
        """Told of every commit: its duration in seconds, and how many rows were asked for."""
        return self._writer.telling.observe

    @observe.setter
    def observe(self, observe: Callable[[float, int], None]) -> None:
        self._writer.telling.observe = observe

    def on_ends(self, listener: Callable[[Sequence[Ended]], None]) -> None:
        """Tell it of the messages that each commit ended. Several may listen."""
        self._writer.telling.tell_ends.append(listener)

    def last_id(self) -> int:
        """The greatest id that this store has seen: ids go on from there, whatever the clock does."""
        return self._writer.found.last_id

    # --- writes that are waited for

    # A repeat told that nothing was accepted would be sent elsewhere, and so twice: what refuses a submission refuses
    # only what is new of it. A submission looks for its key behind those before it, one of which may be the same; where
    # the writer can't write, what is on disk is looked at.

    async def accept(self, submission: Submission) -> AcceptOutcome:
        try:
            return await self._file(submission, self._accepting(submission))
        except (StoreFull, StoreBusy) as refusal:
            return await self.first_answer_of(submission, refusal)

    def ask_accept(self, submission: Submission, done: AcceptDone) -> None:
        orders = self._orders_of(submission)
        self._writer.ask(orders, self._accepting(submission), len(submission.messages) + 1, done)

    async def first_answer_of(self, submission: Submission, refusal: StoreFull | StoreBusy) -> AcceptOutcome:
        key = submission.idempotency
        return await self._or_found(refusal, None if key is None else self._look_for(submission.account, key))

    def _accepting(self, submission: Submission) -> accepts.Accepting:
        full = self._full_disk(has_key=submission.idempotency is not None) if submission.messages else None
        return accepts.Accepting(submission, full)

    async def file_lines(self, lines: LinesIn) -> LinesFiled:
        keys = lines.keys
        # Those that a rule refuses are kept under a key too, and no limit of messages counts them.
        is_kept = lines.submission.messages or (keys is not None and keys.refused)
        full = self._full_disk(has_key=keys is not None) if is_kept else None
        try:
            return await self._file(lines.submission, partial(filing.file_lines, lines=lines, full=full))
        except (StoreFull, StoreBusy) as refusal:
            found = partial(filing.committed_answers, lines=lines, now=self._clock(), refusal=refusal)
            return await self._or_found(refusal, None if keys is None else partial(found, keys=keys))

    def _full_disk(self, *, has_key: bool) -> StoreFull | None:
        """The refusal of what is new, where the disk's reserve is reached. Raises it where no key may be known."""
        try:
            self._disk.check()
        except StoreFull as full:
            if not has_key:
                raise
            return full
        return None

    async def _file(self, submission: Submission, change: Callable[[Work], T | Exception]) -> T:
        return await self._writer.order(self._orders_of(submission), change, len(submission.messages) + 1)

    def _orders_of(self, submission: Submission) -> list[Order]:
        """Where it is asked for, by its most urgent lane."""
        lanes = (self.policy.lanes.get(lane) for lane in {message.lane for message in submission.messages})
        is_urgent = any(lane is not None and lane.priority == FIRST_PRIORITY for lane in lanes)
        pending = self._writer.pending
        return pending.urgent_accepts if is_urgent else pending.accepts

    async def first_answer(self, account: str, idempotency: IdempotencyKey) -> Replayed | KeyReused | None:
        try:
            return await self._order(partial(accepts.first_answer, account=account, key=idempotency))
        except (StoreFull, StoreBusy) as refusal:
            return await self._or_found(refusal, self._look_for(account, idempotency))

    def _look_for(
        self, account: str, key: IdempotencyKey
    ) -> Callable[[sqlite3.Connection], Replayed | KeyReused | None]:
        return partial(accepts.answer_found, account=account, key=key, now=self._clock())

    async def kept_answer(self, account: str, idempotency: IdempotencyKey) -> bytes | KeyReused | None:
        return await self._order(partial(accepts.kept_answer, account=account, key=idempotency))

    async def keep_answer(self, account: str, idempotency: IdempotencyKey, answer: bytes) -> None:
        await self._order(partial(accepts.keep_answer, account=account, key=idempotency, answer=answer))

    def refusal(self) -> str | None:
        try:
            self._disk.check()
        except StoreFull:
            return "disk"
        return "backlog" if self.backlog() >= self.policy.backlog_limit else None

    async def keep_alive(self) -> None:
        await self._order(write_the_same)

    # --- binds

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None:
        self._writer.asks.windows[bind] = Window(carrier, take)

    def ask(self, bind: str, room: int) -> None:
        self._writer.asks.windows[bind].room += room
        self._writer.stir()

    def withdraw(self, bind: str) -> int:
        window = self._writer.asks.windows[bind]
        room, window.room = window.room, 0
        return room

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Kept) -> None:
        window = self._writer.asks.windows.get(bind)
        carrier = None if window is None else window.carrier
        self._writer.pending.answers.append(AnswersIn(bind, carrier, answers, room, kept))
        self._writer.stir()

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self._writer.pending.released += attempts
        self._writer.asks.add_room(bind, room)
        self._writer.stir()

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self._writer.pending.doubted += attempts
        self._writer.asks.add_room(bind, room)
        self._writer.stir()

    def close_window(self, bind: str) -> None:
        self._writer.asks.windows.pop(bind, None)

    def carrier_able(self, carrier: str, able: bool) -> None:
        if able:
            self._writer.asks.unable_since.pop(carrier, None)
        else:
            self._writer.asks.unable_since.setdefault(carrier, self._clock())
        self._writer.stir()

    def carrier_standing(self, carrier: str, standing: Standing | None) -> None:
        if standing is None:
            self._writer.asks.standings.pop(carrier, None)
        else:
            self._writer.asks.standings[carrier] = standing
        self._writer.stir()

    # --- ask carriers

    async def enquiries(self, carrier: str, most: int) -> Enquiries:
        return await self._order(partial(enquiries.due, carrier=carrier, most=most), most)

    async def enquired(self, answer: EnquiryAnswer) -> None:
        await self._order(partial(enquiries.answered, answer=answer))

    def tell_enquiries(self, tell: Callable[[str], None]) -> None:
        self._writer.telling.tell_enquiries = tell

    # --- receive, notify

    def receipt(self, receipt: ReceiptIn, kept: Kept) -> None:
        self.receipts([receipt], lambda is_kept, count: kept(is_kept))

    def receipts(self, receipts: Sequence[ReceiptIn], kept: KeptInARow) -> None:
        self._writer.pending.receipts += [(receipt, kept) for receipt in receipts]
        self._writer.stir()

    def inbound(self, inbound: InboundIn, kept: Kept) -> None:
        self._writer.pending.inbound.append((inbound, kept))
        self._writer.stir()

    def take_deliveries(self, take: Callable[[list[Delivery]], None]) -> None:
        self._writer.telling.take_deliveries = take
        self._writer.look_at_all()

    def delivered(self, outcome: DeliveryOutcome) -> None:
        self._writer.pending.outcomes.append(outcome)
        self._writer.stir()
