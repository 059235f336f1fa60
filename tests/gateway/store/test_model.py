"""Whatever happens, in whatever order: the promises hold.

A program of random steps is played against a real store. Triggers in the database watch every single move and claim,
also those that happen within one commit.
"""

import os
import sqlite3
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import trio
from held_stores import orders_carried_out, restored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.messages import MOVES, MessageState, Status, status_of
from gateway.settings import InDoubt
from gateway.store.by import by_account, by_operator
from gateway.store.connection import open_loop
from gateway.store.held_queue.interface import HeldFilters, HeldOrder
from gateway.store.interface import AttemptName, Verdict
from gateway.store.policy import LanePolicy

BY = by_account("shop", None)
SECOND = 1_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
LANES = ("otp", "transactional", "promotional")
NUMBERS = tuple(f"+3460000000{n}" for n in range(4))
BINDS = ("telco/1", "telco/2", "other/1")
ATTEMPTS = """
SELECT message, part, attempt, carrier FROM attempts UNION ALL
SELECT m.id, 1, 1, c.carrier FROM claims_in_hand c JOIN json_each(c.members) k JOIN messages m ON m.id = k.value
WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE message = m.id)
"""
"""Those of messages in hand too, which have no row yet."""
HELD = "JOIN queues q ON q.id = m.queue JOIN holds h ON h.id = q.held AND h.released = 0"
READY = f"SELECT count(*) FROM messages m WHERE state = 1 AND id NOT IN (SELECT m.id FROM messages m {HELD})"
WATCH = """
CREATE TABLE watched_moves (message INTEGER, before INTEGER, after INTEGER);
CREATE TRIGGER watch_moves AFTER UPDATE OF state ON messages WHEN old.state <> new.state BEGIN
    INSERT INTO watched_moves VALUES (old.id, old.state, new.state);
END;
CREATE TRIGGER watch_claims AFTER INSERT ON attempts WHEN new.state = 3 AND EXISTS (
    SELECT 1 FROM attempts
    WHERE message = new.message AND part = new.part AND attempt <> new.attempt AND state NOT IN (20, 21, 22, 23)
) BEGIN
    SELECT RAISE(ABORT, 'a part that a carrier has, or may have, was claimed again');
END;
CREATE TRIGGER watch_claims_in_hand BEFORE INSERT ON claims_in_hand WHEN EXISTS (
    SELECT 1 FROM json_each(new.members) k JOIN attempts a ON a.message = k.value
) OR EXISTS (
    SELECT 1 FROM json_each(new.members) k WHERE k.value IN (SELECT o.value FROM claims_in_hand, json_each(members) o)
) BEGIN
    SELECT RAISE(ABORT, 'a message that a carrier has, or may have, was claimed again');
END;
CREATE TRIGGER watch_reroutes BEFORE UPDATE OF state ON attempts WHEN new.state = 23 AND (
    old.state NOT IN (11, 12, 13) OR EXISTS (
        SELECT 1 FROM attempts WHERE message = new.message AND state IN (3, 4, 5, 10)
    )
) BEGIN
    SELECT RAISE(ABORT, 'what may arrive, or has arrived, was to go elsewhere');
END;
CREATE TRIGGER watch_hold AFTER UPDATE OF state ON attempts WHEN new.state = 22 AND EXISTS (
    SELECT 1 FROM messages m JOIN queues q ON q.id = m.queue WHERE m.id = new.message AND q.lane <> 'transactional'
) BEGIN
    SELECT RAISE(ABORT, 'what is held was to be sent again');
END;
CREATE TRIGGER watch_order AFTER UPDATE OF state ON events WHEN new.state IN (1, 2) AND EXISTS (
    SELECT 1 FROM events WHERE id = new.prior AND state < 3
) BEGIN
    SELECT RAISE(ABORT, 'an event was to be told before the one before it');
END;
"""

USUAL = (
    *["accept"] * 3,
    *["ask"] * 4,
    *["answer"] * 4,
    *["receipt"] * 4,
    *["told"] * 3,
    "many",
    "doubt",
    "release",
    "late",
    "stranger",
    "cancel",
    "settle",
    "time",
    "time",
    "crash",
)


class Play:
    """One program's run: the store under test, and what the binds of this process hold."""

    def __init__(self, bench):
        self.accepted: list[int] = []
        self.reopen(bench)

    def reopen(self, bench):
        self.bench = bench
        self.binds = {name: bench.bind(name) for name in BINDS}
        self.answered: set[AttemptName] = set()
        self.doubted: list[tuple[str, AttemptName]] = []
        self.told: set[int] = set()
        bench.take_deliveries()

    # --- what may happen

    async def accept(self, a, b):
        bench, now = self.bench, self.bench.clock()
        parts = 1 + (a % 5 == 0) + (a % 10 == 0)
        scheduled_at = now + MINUTE if b % 7 == 0 else None
        message = bench.a_message(
            text="x" * (153 * parts if parts > 1 else 10),
            segments=parts,
            lane=LANES[b % 3],
            route=("rest", "pair")[a % 2],
            recipient=NUMBERS[b % 4],
            scheduled_at=scheduled_at,
            expires_at=now + (2 * MINUTE if a % 3 == 0 else DAY),
        )
        self.accepted += await bench.accept(message, account=("shop", "mall", "curious")[a % 3])

    async def ask(self, a, b):
        await self.binds[BINDS[a % len(BINDS)]].ask(1 + b % 6)

    async def answer(self, a, b):
        if outstanding := self._outstanding():
            bind, name = outstanding[a % len(outstanding)]
            await self._answer(bind, [name], list(Verdict)[0 if b % 2 else b // 2 % 4])

    async def many(self, a, b):
        """Everything on one bind is accepted in one commit."""
        bind = BINDS[a % len(BINDS)]
        if names := [name for holder, name in self._outstanding() if holder == bind]:
            await self._answer(bind, names, Verdict.SENT)
            for message, part, attempt in names if b % 2 else ():
                self._receive(message, part, attempt, "DELIVRD")
            await self.bench.commit()

    async def late(self, a, b):
        """An answer to what is in doubt, or was."""
        if self.doubted:
            bind, name = self.doubted[a % len(self.doubted)]
            await self._answer(bind, [name], list(Verdict)[b % 4])

    async def doubt(self, a, b):
        if outstanding := self._outstanding():
            bind, name = outstanding[a % len(outstanding)]
            self.doubted.append((bind, name))
            self.answered.add(name)
            self.bench.store.doubt(bind, [name], b % 2)
            await self.bench.commit()

    async def release(self, a, b):
        if outstanding := self._outstanding():
            bind, name = outstanding[a % len(outstanding)]
            self.answered.add(name)
            self.bench.store.release(bind, [name], b % 2)
            await self.bench.commit()

    async def receipt(self, a, b):
        """For any attempt there ever was: early, late, twice, contradicting, swapped."""
        if attempts := self.bench.sql(f"SELECT message, part, attempt FROM ({ATTEMPTS}) ORDER BY 1, 2, 3"):
            stats = ("DELIVRD", "DELIVRD", "UNDELIV", "ENROUTE", "EXPIRED", "REJECTD")
            error = "unmapped" if b % 4 and stats[b % 6] in ("UNDELIV", "REJECTD") else "unknown_subscriber"
            self._receive(*attempts[a % len(attempts)], stats[b % 6], error)
            await self.bench.commit()

    async def report(self, a, b):
        """What a carrier has was not delivered, for a reason of its own."""
        sent = self.bench.sql("SELECT message, part, attempt FROM attempts WHERE state = 5 ORDER BY message, part")
        for name in sent[: 1 + a % 6]:
            self._receive(*name, ("UNDELIV", "REJECTD")[b % 2], "unmapped")
        await self.bench.commit()

    async def stranger(self, a, b):
        receipt = self.bench.a_receipt(f"stranger{a % 5}", to=NUMBERS[b % 4][1:])
        assert await self.bench.receive(receipt)

    async def told_(self, a, b):
        waiting = [delivery for delivery in self.bench.deliveries if delivery.id not in self.told]
        for delivery in waiting[: 1 + a % 4]:
            self.told.add(delivery.id)
            status = (200, 200, 500, 500)[b % 4]
            retry_at = self.bench.clock() + 2 * SECOND if b % 8 == 2 else None
            await self.bench.outcome(delivery, status, retry_at=retry_at)
            if retry_at is not None:
                self.told.discard(delivery.id)
                self.bench.deliveries.remove(delivery)

    async def cancel(self, a, b):
        if self.accepted:
            message = self.accepted[a % len(self.accepted)]
            ((account,),) = self.bench.sql("SELECT account FROM messages WHERE id = ?", message)
            await self.bench.store.cancel(account, message, by_account(account, b))

    async def settle(self, a, b):
        if self.accepted:
            await self.bench.store.settle_doubt(
                self.accepted[a % len(self.accepted)], ("sent", "unknown")[b % 2], by=BY
            )

    async def time(self, a, b):
        await self.bench.after((SECOND, 6 * SECOND, MINUTE, 3 * MINUTE, 4 * DAY)[a % 5] + b)

    async def order(self, a, b):
        """What is held is released, or ended; all of it, or a lane's."""
        lane = HeldFilters(lane=LANES[b % 3])
        await self._order(
            (HeldOrder.RELEASE, HeldOrder.RELEASE, HeldOrder.END)[a % 3], lane if b % 2 else HeldFilters()
        )

    async def _order(self, what, filters):
        await self.bench.store.order_held(what, filters, by=by_operator(None))
        await orders_carried_out(self.bench)

    def restored(self, **changes):
        """The store of a backup that is taken now."""
        return restored(self.bench, after_ms=SECOND, **changes)

    def _outstanding(self):
        return [
            (bind.name, AttemptName(claim.message, segment.segment.part, segment.attempt))
            for bind in self.binds.values()
            for claim in bind.claims
            for segment in claim.segments
            if AttemptName(claim.message, segment.segment.part, segment.attempt) not in self.answered
        ]

    async def _answer(self, bind_name, names, verdict):
        bind = self.binds[bind_name]
        answers = []
        for name in names:
            self.answered.add(name)
            answer = bind.an_answer(name.message, verdict, name=name)
            if verdict is Verdict.SENT:
                answer = answer._replace(carrier_message_id="{}-{}-{}".format(*name))
            answers.append(answer)
        await bind.answer(*answers, room=len(answers))

    def _receive(self, message, part, attempt, stat, error="unknown_subscriber"):
        ((carrier, recipient),) = self.bench.sql(
            f"SELECT a.carrier, m.recipient FROM ({ATTEMPTS}) a JOIN messages m ON m.id = a.message "
            "WHERE a.message = ? AND a.part = ? AND a.attempt = ?",
            message,
            part,
            attempt,
        )
        told = {} if stat in ("DELIVRD", "ENROUTE") else {"error": error}
        receipt = self.bench.a_receipt(f"{message}-{part}-{attempt}", stat, carrier=carrier, to=recipient[1:], **told)
        self.bench.store.receipt(receipt, lambda kept: None)

    # --- what must hold

    async def check(self):
        """In the writer's thread: what the store does of itself would else be half done while it is looked at."""
        await self.bench.store._writer._call(lambda connection: self._check())

    def _check(self):
        bench = self.bench
        for before, after in bench.sql("SELECT DISTINCT before, after FROM watched_moves"):
            assert after in MOVES[MessageState(before)], (MessageState(before).name, MessageState(after).name)
        assert bench.ready_is_right()
        counts = bench.store.counts()
        assert counts["parked"] == bench.sql("SELECT count(*) FROM parked")[0][0]
        assert counts["events_pending"] == bench.sql("SELECT count(*) FROM events WHERE state IN (0, 1, 2)")[0][0]
        assert counts["deliveries_under_way"] == bench.under_way()
        assert bench.store.backlog() == bench.sql(READY)[0][0]
        assert bench.sql(f"SELECT 1 FROM messages m {HELD} WHERE m.state = 3") == [], "what is held was dealt"
        in_hand = (
            "SELECT DISTINCT k.value FROM claims_in_hand c, json_each(c.members) k JOIN messages m ON m.id = k.value "
            "WHERE m.state = 3 AND NOT EXISTS (SELECT 1 FROM attempts WHERE message = m.id) ORDER BY 1"
        )
        assert [row[0] for row in bench.sql(in_hand)] == sorted(bench.store._writer.mirrors.in_hand.claims)
        orphans = (
            "SELECT 1 FROM messages m WHERE m.state = 3 AND NOT EXISTS (SELECT 1 FROM attempts WHERE message = m.id) "
            "AND NOT EXISTS (SELECT 1 FROM claims_in_hand c, json_each(c.members) k WHERE k.value = m.id)"
        )
        assert bench.sql(orphans) == [], "a message is claimed and nothing on disk says by whom"
        told = "SELECT 1 FROM attempts WHERE (receipt_at IS NOT NULL) <> (receipt_raw IS NOT NULL)"
        assert bench.sql(told) == [], "an attempt knows half of the receipt that ended it"
        orphans = "SELECT 1 FROM parked_keys WHERE parked NOT IN (SELECT id FROM parked)"
        assert bench.sql(orphans) == []

    async def check_the_end(self):
        """After everything has had its time, everything has ended and is told."""
        bench = self.bench
        await self._order(HeldOrder.RELEASE, HeldFilters())
        for bind in self.binds.values():
            bench.store.close_window(bind.name)
        for _ in range(12):
            await bench.after(DAY)
            for delivery in list(bench.deliveries):
                if delivery.id not in self.told:
                    self.told.add(delivery.id)
                    await bench.outcome(delivery, 200)
        await self.check()
        rows = bench.sql("SELECT id, state, last_event, error, sent_at FROM messages ORDER BY id")
        assert [row[0] for row in rows] == sorted(self.accepted), "an accepted message is never lost"
        for message, state, last_event, error, _ in rows:
            status = status_of(state, sent=False)
            assert MessageState(state) >= MessageState.DELIVERED
            assert (error is None) == (status is Status.DELIVERED), (status, error)
            ((kind,),) = bench.sql("SELECT type FROM events WHERE id = ?", last_event)
            assert kind == f"message.{status}"
            assert bench.told(message).count("message.sent") <= 1
        by_receipt = {MessageState[end] for end in ("DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "UNKNOWN")}
        for (state,) in bench.sql(
            "SELECT m.state FROM messages m JOIN attempts a ON a.message = m.id AND a.state = 23"
        ):
            assert state in by_receipt, "what was told as sent ended as if no carrier had taken it"
        assert bench.sql("SELECT 1 FROM events WHERE state NOT IN (3, 4)") == []
        assert bench.sql("PRAGMA integrity_check") == [("ok",)]


async def play(opener_of, folder, program, **changes):
    async with open_loop(), AsyncExitStack() as stack:
        opener = opener_of(folder)
        bench = await stack.enter_async_context(opener(**changes))
        _watch(bench)
        game = Play(bench)
        for action, a, b in program:
            if action in ("crash", "restore"):
                await game.check()
                following = game.restored if action == "restore" else bench.after_a_crash
                after = await stack.enter_async_context(following(**changes))
                bench.store.stop()
                bench = after
                game.reopen(bench)
            else:
                await getattr(game, "told_" if action == "told" else action)(a, b)
            await game.check()
        await game.check_the_end()


def _watch(bench):
    connection = sqlite3.connect(bench.store.path)
    connection.executescript(WATCH)
    connection.close()


def play_many(opener_of, *also, **changes):
    """Programs of the usual steps and these."""
    step = st.tuples(st.sampled_from((*USUAL, *also)), st.integers(0, 999), st.integers(0, 999))

    @settings(
        max_examples=int(os.environ.get("SLUICE_MODEL_EXAMPLES", "40")),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(step, min_size=5, max_size=60))
    def run(program):
        async def once():
            await play(opener_of, Path(folder), program, **changes)

        with tempfile.TemporaryDirectory() as folder:
            trio.run(once)

    run()


def test_the_promises_hold_whatever_happens(opener_of):
    play_many(opener_of)


def test_at_most_one_attempt_of_a_part_is_open_where_lanes_let_other_carriers_try(opener_of):
    play_many(
        opener_of,
        *["report"] * 5,
        lanes={
            "otp": LanePolicy(1, InDoubt.HOLD, MINUTE, 0, retry_undelivered=True),
            "transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, retry_undelivered=True),
            "promotional": LanePolicy(3, InDoubt.HOLD, MINUTE, DAY),
        },
    )


def test_the_promises_hold_where_backups_are_restored(opener_of):
    play_many(opener_of, *["restore"] * 2, *["order"] * 2)
