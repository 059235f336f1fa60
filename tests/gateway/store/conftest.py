"""A real store on a real disk, with the outside worlds played by hand: binds that take claims, carriers, webhooks."""

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from played_binds import PlayedBind

from gateway.identifiers import Identifiers
from gateway.messages import MessageState
from gateway.rules.tiers import Tierings
from gateway.settings import DEFAULT_EVENTS, InDoubt, Route
from gateway.store.connection import open_loop
from gateway.store.interface import (
    Accepted,
    Delivery,
    DeliveryOutcome,
    EventFacts,
    IdempotencyKey,
    InboundIn,
    NewMessage,
    ReceiptIn,
    Submission,
)
from gateway.store.policy import CarrierPolicy, EndpointPolicy, LanePolicy, Policy
from gateway.store.sqlite import SqliteStore
from gateway.store.views import MessageStory
from gateway.webhooks.payloads import event_body
from protocol.receipts import Receipt, ReceiptState

START = 1_800_000_000_000
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
USUAL_EVENTS = frozenset(DEFAULT_EVENTS)
URL = "https://shop.example/sms"


class Clock:
    """Wall-clock milliseconds that move when the test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int) -> None:
        self.now += ms


def tierings(**tiers: list[Any]) -> Tierings:
    """Of routes by name."""
    return Tierings(Route.model_validate({"name": name, "tiers": of_route}) for name, of_route in tiers.items())


def a_policy(**changes: Any) -> Policy:
    policy = Policy(
        lanes={
            "otp": LanePolicy(1, InDoubt.HOLD, MINUTE, 0),
            "transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY),
            "promotional": LanePolicy(3, InDoubt.HOLD, MINUTE, DAY),
        },
        carriers={name: CarrierPolicy(72 * HOUR, 3 * MINUTE) for name in ("telco", "other", "backup")},
        tierings=tierings(
            rest=["telco"],
            pair=[["telco", "other"]],
            tiered=[["telco", "other"], "backup"],
        ),
        accounts={
            "shop": EndpointPolicy(URL, 1, USUAL_EVENTS),
            "mall": EndpointPolicy("https://mall.example/sms", 3, USUAL_EVENTS),
            "curious": EndpointPolicy(
                "https://curious.example/sms",
                1,
                USUAL_EVENTS | {"message.queued", "message.scheduled", "message.in_doubt"},
            ),
            "quiet": EndpointPolicy(None, 1, USUAL_EVENTS),
        },
        guaranteed_share=50,
        backlog_limit=1_000_000,
        disk_reserve=0,
        idempotency_ms=DAY,
        posts_per_endpoint=4,
        messages_ms=90 * DAY,
        events_ms=30 * DAY,
    )
    return replace(policy, **changes)


class Bench:
    """An open store and the hands around it."""

    def __init__(self, store: SqliteStore, clock: Clock, opener: "Opener") -> None:
        self.store = store
        self.clock = clock
        self.policy = store.policy
        self.ids = Identifiers(store.last_id(), clock)
        self.deliveries: list[Delivery] = []
        self._opener = opener

    # --- time and commits

    async def commit(self) -> None:
        """Return when all that was asked for so far is on disk and handed out."""
        await self.store.keep_alive()

    async def after(self, ms: int) -> None:
        """Let time pass, and the store settle what became due."""
        self.clock.advance(ms)
        await self.commit()
        await self.commit()

    # --- accept

    def a_message(self, **changes: Any) -> NewMessage:
        message = NewMessage(
            id=self.ids.next(),
            route="rest",
            lane="transactional",
            recipient="+34600000001",
            sender="SHOP",
            text="Your code is 1234",
            encoding="gsm7",
            segments=1,
            country="ES",
            expires_at=self.clock() + DAY,
            scheduled_at=None,
            client_id=None,
            tag=None,
            webhook_url=None,
            allow_unicode=False,
        )
        return message._replace(**changes)

    def a_long_message(self, parts: int = 2, **changes: Any) -> NewMessage:
        return self.a_message(text="x" * (153 * parts), segments=parts, **changes)

    def a_submission(
        self, *messages: NewMessage, account: str = "shop", key: IdempotencyKey | None = None, errors: bytes = b""
    ) -> Submission:
        return Submission(self.ids.next(), account, self.ids.next(), messages, key, errors)

    async def accept(self, *messages: NewMessage, account: str = "shop") -> list[int]:
        outcome = await self.store.accept(self.a_submission(*messages, account=account))
        assert isinstance(outcome, Accepted)
        return [m.id for index, m in enumerate(messages) if index not in outcome.conflicts]

    async def accept_one(self, account: str = "shop", **changes: Any) -> int:
        (message,) = await self.accept(self.a_message(**changes), account=account)
        return message

    # --- carriers

    def bind(self, name: str = "telco/1", carrier: str | None = None) -> PlayedBind:
        return PlayedBind(self, name, carrier or name.partition("/")[0])

    async def sent(self, carrier_message_id: str | None = None, **changes: Any) -> int:
        """A message that telco has accepted."""
        message = await self.accept_one(**changes)
        bind = self.bind("telco/sent")
        await bind.ask(1)
        assert bind.messages == [message]
        await bind.send(message, carrier_message_id)
        self.store.close_window(bind.name)
        return message

    async def claimed(self, **changes: Any) -> tuple[int, PlayedBind]:
        """A message that a bind has, and the bind."""
        message = await self.accept_one(**changes)
        bind = self.bind()
        await bind.ask(1)
        return message, bind

    def a_receipt(self, carrier_message_id: str | None, stat: str = "DELIVRD", **changes: Any) -> ReceiptIn:
        state = {
            "DELIVRD": ReceiptState.DELIVERED,
            "UNDELIV": ReceiptState.UNDELIVERABLE,
            "EXPIRED": ReceiptState.EXPIRED,
            "REJECTD": ReceiptState.REJECTED,
            "DELETED": ReceiptState.DELETED,
            "ENROUTE": ReceiptState.ENROUTE,
            "ACCEPTD": ReceiptState.ACCEPTED,
            "UNKNOWN": ReceiptState.UNKNOWN,
            "SKIPPED": ReceiptState.SKIPPED,
        }[stat]
        error = None if stat == "DELIVRD" or not state.is_final else "unknown_subscriber"
        given: dict[str, Any] = {
            "carrier": "telco",
            "bind": "telco/9",
            "to": "34600000001",
            "source": None,
            "error": error,
            "done_at": None,
            "is_intermediate": False,
            "alt_ids": (),
            "network_error": None,
            "err": "000" if stat == "DELIVRD" else "001",
            **changes,
        }
        receipt = Receipt(
            carrier_message_id,
            given["alt_ids"],
            state,
            stat,
            given["err"],
            given["network_error"],
            None,
            None,
            given["to"] if given["source"] is None else given["source"],
            "SHOP" if given["source"] is None else given["to"],
            given.get("raw", f"id:{carrier_message_id} stat:{stat} err:{given['err']}"),
            (),
            given["is_intermediate"],
            given.get("reference"),
            given.get("otherwise") is not None,
            given.get("may_quote", False),
        )
        return ReceiptIn(
            given["carrier"],
            given["bind"],
            receipt,
            self.clock(),
            given.get("submitted_at"),
            given["done_at"],
            given["error"],
            given.get("otherwise"),
        )

    async def receive(self, receipt: ReceiptIn) -> bool:
        """Hand a receipt over; whether it was kept, and so may be acknowledged."""
        kept: list[bool] = []
        self.store.receipt(receipt, kept.append)
        await self.commit()
        (result,) = kept
        return result

    def parked(self) -> int:
        """Receipts that wait for the answer that makes their ids known."""
        return self.store.counts()["parked"]

    async def receipt(self, carrier_message_id: str | None, stat: str = "DELIVRD", **changes: Any) -> None:
        assert await self.receive(self.a_receipt(carrier_message_id, stat, **changes))

    def an_inbound(self, **changes: Any) -> InboundIn:
        given: dict[str, Any] = {
            "id": self.ids.next(),
            "carrier": "telco",
            "account": "shop",
            "sender": "+34600000001",
            "recipient": "+34600999999",
            "text": "STOP",
            "encoding": "gsm7",
            "at": self.clock(),
        }
        return InboundIn(**{**given, **changes})

    # --- webhooks

    def take_deliveries(self) -> None:
        self.store.take_deliveries(self.deliveries.extend)

    async def outcome(self, delivery: Delivery, http_status: int | None = 200, **changes: Any) -> None:
        taken = http_status is not None and 200 <= http_status < 300
        given: dict[str, Any] = {
            "taken": taken,
            "retry_at": None if taken else self.clock() + 5 * SECOND,
            "gone": http_status == 410,
            "error": None if taken else "was not taken",
            **changes,
        }
        self.store.delivered(
            DeliveryOutcome(delivery.id, delivery.endpoint, self.clock(), 20, http_status, **given),
        )
        await self.commit()

    @staticmethod
    def types(deliveries: Iterable[Delivery]) -> list[str]:
        return [json.loads(body)["type"] for delivery in deliveries for body in delivery.bodies]

    def under_way(self) -> int:
        """Deliveries whose outcome is not known, as the rows have it: with one of their own, or first tries."""
        ((rows,),) = self.sql("SELECT count(*) FROM deliveries WHERE under_way = 1")
        ((first_tries,),) = self.sql(
            "SELECT count(*) FROM events WHERE state = 2 AND delivery = id AND id NOT IN (SELECT id FROM deliveries)"
        )
        return rows + first_tries

    async def statements_of(self, step: Callable[[], Awaitable[Any]]) -> list[str]:
        """What the writer executes meanwhile."""
        recorded: list[str] = []
        connection = self.store._writer._connection
        assert connection is not None
        await connection.call(lambda c: c.set_trace_callback(recorded.append))
        await step()
        await connection.call(lambda c: c.set_trace_callback(None))
        return recorded

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for delivery in self.deliveries for body in delivery.bodies]

    # --- looking

    async def story(self, message: int) -> MessageStory:
        story = await self.store.message(None, message)
        assert story is not None
        return story

    async def state(self, message: int) -> MessageState:
        return MessageState((await self.story(message)).message.state)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Look at the database, or meddle with it, from outside."""
        connection = sqlite3.connect(self.store.path, timeout=1, isolation_level=None)
        try:
            return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def told(self, message: int) -> list[str]:
        """Types of the events filed for a message, in order."""
        return [row[0] for row in self.sql("SELECT type FROM events WHERE message = ? ORDER BY id", message)]

    def ready_is_right(self) -> bool:
        """Whether every count of ready messages is what the rows say."""
        return not self.sql(
            "SELECT id FROM queues q WHERE ready <> (SELECT count(*) FROM messages WHERE queue = q.id AND state = 1)"
        )

    # --- crash

    def after_a_crash(self, **changes: Any) -> AbstractAsyncContextManager["Bench"]:
        """The store as a new process finds it when this one dies now: what is on disk, and nothing else."""
        folder = self.store.path.parent / f"crash-{self.ids.next()}"
        folder.mkdir()
        for name in (self.store.path.name, self.store.path.name + "-wal"):
            shutil.copy(self.store.path.parent / name, folder / name)
        return self._opener(folder / self.store.path.name, **changes)


class Opener:
    """Opens stores; all of one test share its clock."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock

    @asynccontextmanager
    async def __call__(
        self,
        path: Path | None = None,
        *,
        store: Callable[..., SqliteStore] = SqliteStore,
        render: Callable[[EventFacts], bytes] = event_body,
        **changes: Any,
    ) -> AsyncIterator[Bench]:
        """`changes` are changes of the policy."""
        path = path or self.folder / "sluice.db"
        opened = store(path, a_policy(**changes), render=render, clock=self.clock)
        async with opened.opened(), trio.open_nursery() as nursery:
            await nursery.start(opened.run)
            try:
                yield Bench(opened, self.clock, self)
            finally:
                opened.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opener_of() -> Callable[[Path], Opener]:
    """For tests that run a loop of their own: an opener of stores in a folder."""
    return lambda folder: Opener(folder, Clock())


@pytest.fixture
async def open_store(tmp_path: Path, clock: Clock) -> AsyncIterator[Opener]:
    """`async with open_store() as bench`: a store, open until the block ends."""
    async with open_loop():
        yield Opener(tmp_path, clock)


@pytest.fixture
async def bench(open_store: Opener) -> AsyncIterator[Bench]:
    async with open_store() as bench:
        yield bench
