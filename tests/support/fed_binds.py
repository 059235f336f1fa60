"""A bind with its feed over a store that records: what it is dealt, what it asks for and what it gives back."""

from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.pacing import Pace
from gateway.carriers.restraint import Restraint
from gateway.carriers.traffic import Traffic
from gateway.flows.bind_feed import BindFeed
from gateway.flows.send import Send
from gateway.settings.sections import Lane
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import BindRequest
from protocol.segments import Segment

NOW = 1_750_000_000_000
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)


class RecordingStore:
    """What a store would be told. It commits when the test says so, and deals what the test gives."""

    def __init__(self) -> None:
        self.standing: int | None = None
        """The bind's standing ask; None while no window is open."""
        self.asks: list[int] = []
        self.pending: list[tuple[list[Answer], int, Callable[[bool], None]]] = []
        self.answers: list[Answer] = []
        self.released: list[AttemptName] = []
        self.doubted: list[AttemptName] = []
        self._take: Callable[[list[Claim]], None] | None = None
        self.carrier = ""

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None:
        self.standing, self.carrier, self._take = 0, carrier, take

    def ask(self, bind: str, room: int) -> None:
        assert self.standing is not None
        assert room > 0
        self.asks.append(room)
        self.standing += room

    def withdraw(self, bind: str) -> int:
        assert self.standing is not None
        standing, self.standing = self.standing, 0
        return standing

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Callable[[bool], None]) -> None:
        assert room >= 0
        self.pending.append((answers, room, kept))

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        assert room == 0
        self.released += attempts

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self.doubted += attempts
        if self.standing is not None:
            self.standing += room

    def close_window(self, bind: str) -> None:
        self.standing = None

    def deal(self, *claims: Claim) -> None:
        if self.standing is not None:
            self.standing -= sum(len(claim.segments) for claim in claims)
        assert self._take is not None
        self._take(list(claims))

    def commit(self, kept: bool = True) -> None:
        pending, self.pending = self.pending, []
        for answers, room, tell in pending:
            if kept:
                self.answers += answers
                if self.standing is not None:
                    self.standing += room
            tell(kept)


class FedBind:
    """A bind with its feed; the store is the test's."""

    def __init__(self, smsc: Any, settings: Any) -> None:
        self.smsc = smsc
        self.store = RecordingStore()
        lanes = {"otp": Lane.model_validate({"name": "otp", "priority": 1, "max_tries": 3})}
        self.send = Send(self.store, lanes, clock=lambda: NOW, rng=lambda: 0.0)  # type: ignore[arg-type]
        self.bind = self._new_bind(settings)

    def _new_bind(self, settings: Any) -> Bind:
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        restraint = Restraint(settings, [Pace(settings.submit_rate)] if settings.submit_rate else [])
        return Bind("telco/1", BindMode.TRANSCEIVER, settings, self.smsc.near, traffic, restraint=restraint)

    def _open_feed(self, bind: Bind) -> BindFeed:
        self.feed = self.send.open_feed(bind)
        return self.feed

    async def reconnect(self, nursery: trio.Nursery, smsc: Any) -> None:
        """Lose the bind, and bind again under the same name."""
        await self.smsc.hang_up()
        await quiet()
        self.smsc = smsc
        self.bind = self._new_bind(self.bind.settings)
        nursery.start_soon(smsc.run)
        nursery.start_soon(self.run)
        await quiet()

    async def run(self) -> None:
        await self.bind.run(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"))

    async def answer(self, *statuses: int) -> None:
        """Answer the oldest unanswered submits, in one read."""
        first = len(self.smsc.submits) - self.smsc.unanswered
        for pdu, status in zip(self.smsc.submits[first:], statuses, strict=False):
            self.smsc.answer(pdu, status)
        await self.smsc.flush()
        await trio.testing.wait_all_tasks_blocked()


def a_claim(message: int, parts: int = 1, **changes: Any) -> Claim:
    segments = [
        ClaimedSegment(1, Segment(f"{message}.{part}".encode(), 0x40 if parts > 1 else 0, 0, part, parts))
        for part in range(1, parts + 1)
    ]
    values = {
        "message": message,
        "account": "shop",
        "lane": "otp",
        "sender": "SHOP",
        "recipient": "+34600000001",
        "expires_at": NOW + 90_500,
        "tries": 0,
        "throttles": 0,
        "segments": segments,
        **changes,
    }
    return Claim(**values)


def claims(count: int, first: int = 1) -> list[Claim]:
    return [a_claim(message) for message in range(first, first + count)]


def names(count: int, first: int = 1) -> list[AttemptName]:
    return [AttemptName(message, 1, 1) for message in range(first, first + count)]


async def quiet() -> None:
    await trio.testing.wait_all_tasks_blocked()
