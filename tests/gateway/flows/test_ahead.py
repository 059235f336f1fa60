"""Binds that share a carrier's pace: what they have at hand together, whatever each by itself would ask for."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.pacing import Pace
from gateway.carriers.restraint import Restraint
from gateway.carriers.traffic import Traffic
from gateway.flows.ahead import Ahead
from gateway.flows.bind_feed import BindFeed
from gateway.flows.send import Send
from gateway.settings.sections import Lane
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment
from protocol.numbers import BindMode
from protocol.pdus import BindRequest
from protocol.segments import Segment

NOW = 1_795_284_245_123


class Feed:
    """Asks for as much as it may, up to a window of its own."""

    can_send = True

    def __init__(self, ahead: Ahead, window: int = 100) -> None:
        self._ahead, self._window = ahead, window
        self.at_hand = 0
        ahead.join(self)

    def ask(self) -> None:
        self.at_hand += max(0, min(self._window - self.at_hand, self._ahead.room()))


def test_feeds_together_ask_for_a_tenth_of_a_second_of_the_pace_and_no_more() -> None:
    ahead = Ahead(100)
    feeds = [Feed(ahead, window=4) for _ in range(4)]
    ahead.freed()
    assert [feed.at_hand for feed in feeds] == [4, 4, 2, 0]
    assert ahead.room() == 0


def test_while_a_long_message_is_worked_off_nobody_asks() -> None:
    ahead = Ahead(50)
    first, second = Feed(ahead), Feed(ahead)
    first.at_hand = 12
    ahead.freed()
    assert (second.at_hand, ahead.room()) == (0, -7)
    first.at_hand = 4
    ahead.freed()
    assert first.at_hand + second.at_hand == 5


def test_what_one_bind_may_have_at_hand_is_its_part_of_those_that_can_send() -> None:
    ahead = Ahead(100)
    feeds = [Feed(ahead) for _ in range(4)]
    assert ahead.share() == 3
    feeds[1].can_send = feeds[2].can_send = feeds[3].can_send = False
    assert ahead.share() == 10, "the only one that is left keeps the whole pace"
    feeds[0].can_send = False
    assert ahead.share() == 10
    ahead.retune(1)
    assert ahead.share() == 1


def test_feeds_ask_in_turns() -> None:
    ahead = Ahead(5)
    feeds = [Feed(ahead) for _ in range(3)]
    asked = Counter[int]()
    for _ in range(9):
        ahead.freed()
        (turn,) = [place for place, feed in enumerate(feeds) if feed.at_hand]
        asked[turn] += 1
        feeds[turn].at_hand = 0
    assert asked == {0: 3, 1: 3, 2: 3}


def test_what_one_that_is_gone_had_asked_for_goes_to_the_others() -> None:
    ahead = Ahead(5)
    first, second = Feed(ahead), Feed(ahead)
    ahead.freed()
    (gone,) = [feed for feed in (first, second) if feed.at_hand]
    ahead.leave(gone)
    assert (first.at_hand, second.at_hand) == (1, 1)


class BackloggedStore:
    """Deals a backlog to whoever asks, at the commit that `commit` is."""

    def __init__(self) -> None:
        self.backlog: list[int] = []
        """The parts of each message that waits."""
        self.standing: dict[str, int] = {}
        self.dealt: Counter[str] = Counter()
        self._takes: dict[str, Callable[[list[Claim]], None]] = {}
        self._kept: list[Callable[[], None]] = []
        self._message = 0

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None:
        self.standing[bind], self._takes[bind] = 0, take

    def close_window(self, bind: str) -> None:
        del self.standing[bind]

    def ask(self, bind: str, room: int) -> None:
        self.standing[bind] += room

    def withdraw(self, bind: str) -> int:
        standing, self.standing[bind] = self.standing[bind], 0
        return standing

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Callable[[bool], None]) -> None:
        def keep() -> None:
            self.standing[bind] = self.standing.get(bind, 0) + room
            kept(True)

        self._kept.append(keep)

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self.backlog[:0] = [1] * len(attempts)

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self.standing[bind] += room

    def commit(self) -> None:
        kept, self._kept = self._kept, []
        for keep in kept:
            keep()
        for bind in list(self.standing):
            claims = []
            while self.backlog and self.standing[bind] > 0:
                claims.append(self._claim(self.backlog.pop(0)))
                self.standing[bind] -= len(claims[-1].segments)
            if claims:
                self.dealt[bind] += sum(len(claim.segments) for claim in claims)
                self._takes[bind](claims)

    def _claim(self, parts: int) -> Claim:
        self._message += 1
        segments = [ClaimedSegment(1, Segment(b"x", 0, 0, part, parts)) for part in range(1, parts + 1)]
        return Claim(self._message, "shop", "otp", "SHOP", "+34600000001", NOW + 90_000, 0, 0, segments, None)


class Setup:
    def __init__(self, count: int, smsc_type: type[Any], settings: Any) -> None:
        self.store = BackloggedStore()
        lanes = {"otp": Lane.model_validate({"name": "otp", "priority": 1})}
        self.send = Send(self.store, lanes, clock=lambda: NOW, rng=lambda: 0.0)  # type: ignore[arg-type]
        self.feeds: dict[str, BindFeed] = {}
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        pace = Pace(settings.submit_rate)
        self.smscs = [smsc_type() for _ in range(count)]
        self.arrivals: list[float] = []
        self.binds = [
            Bind(
                f"telco/{n}", BindMode.TRANSCEIVER, settings, smsc.near, traffic, restraint=Restraint(settings, [pace])
            )
            for n, smsc in enumerate(self.smscs, 1)
        ]
        for smsc in self.smscs:
            smsc.script = self._arrived

    def _open_feed(self, bind: Bind) -> BindFeed:
        feed = self.feeds[bind.name] = self.send.open_feed(bind)
        return feed

    def _arrived(self, pdu: Any) -> int:
        self.arrivals.append(trio.current_time())
        return 0

    def pause(self, place: int) -> None:
        """As a throttle does."""
        assert self.binds[place].throttled()
        self.feeds[self.binds[place].name].halted()

    @property
    def waiting(self) -> int:
        return sum(bind.waiting for bind in self.binds)

    async def run(self, seconds: float) -> int:
        """With a commit every 5 ms; the most that waited."""
        end, most = trio.current_time() + seconds, 0
        while trio.current_time() < end:
            self.store.commit()
            most = max(most, self.waiting)
            await trio.sleep(0.005)
        return most


@pytest.fixture
def sharing(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(count: int, rate: int, **given: Any) -> AsyncIterator[Setup]:
        settings = carrier_settings(**{"binds": count, "submit_rate": rate, "window": 10, **given})
        setup = Setup(count, scripted_smsc, settings)
        async with trio.open_nursery() as nursery:
            for bind, smsc in zip(setup.binds, setup.smscs, strict=True):
                nursery.start_soon(smsc.run)
                nursery.start_soon(partial(bind.run, BindRequest(BindMode.TRANSCEIVER, "acme", "secret")))
            await trio.testing.wait_all_tasks_blocked()
            yield setup
            nursery.cancel_scope.cancel()

    return run


@pytest.mark.parametrize(("rate", "parts"), [(5, 10), (40, 4), (40, 1), (200, 3)])
async def test_no_more_messages_wait_than_the_pace_takes_pdus_in_a_tenth_of_a_second_and_the_pace_is_kept(
    sharing: Any, autojump_clock: Any, rate: int, parts: int
) -> None:
    async with sharing(4, rate) as it:
        assert sum(it.store.standing.values()) == max(1, rate // 10)
        it.store.backlog = [parts] * int(rate * 20)
        assert await it.run(20) <= parts * max(1, rate // 10), "each that was asked for may be a long one, and no more"
        assert len(it.arrivals) >= rate * 20 * 0.98 - 1
        assert min(it.store.dealt[bind.name] for bind in it.binds) >= rate * 20 / 4 * 0.7


async def test_a_bind_that_is_paused_or_unanswered_keeps_nothing_from_the_others(
    sharing: Any, autojump_clock: Any
) -> None:
    async with sharing(2, 20) as it:
        silent, live = it.smscs
        silent.script = lambda pdu: None
        live.script = it._arrived
        it.store.backlog = [3] * 400
        await it.run(20)
        begun = len(it.arrivals)
        assert it.binds[0].in_flight == 10
        await it.run(10)
        assert len(it.arrivals) - begun >= 190
        it.binds[0].throttled()
        begun = len(it.arrivals)
        await it.run(10)
        assert len(it.arrivals) - begun >= 190


async def test_room_that_comes_to_a_bind_after_it_was_paused_is_asked_for_by_another(
    sharing: Any, autojump_clock: Any
) -> None:
    async with sharing(2, 10, window=1, throttle_pause="1s") as it:
        for smsc in it.smscs:
            smsc.script = lambda pdu: None
        it.store.backlog = [1]
        it.store.commit()
        await trio.testing.wait_all_tasks_blocked()
        (full,) = [place for place, bind in enumerate(it.binds) if bind.in_flight]
        it.pause(1 - full)
        assert sum(it.store.standing.values()) == 0, "the one is full, the other paused"
        await trio.sleep(0.9)
        it.smscs[full].answer(it.smscs[full].submits[0])
        await it.smscs[full].flush()
        await trio.sleep(0.5)
        it.pause(full)
        it.store.commit()
        assert it.store.standing == {it.binds[full].name: 0, it.binds[1 - full].name: 1}


async def test_what_waits_for_a_slow_brake_keeps_little_from_the_others(sharing: Any, autojump_clock: Any) -> None:
    async with sharing(2, 100, throttle_pause="1s", window=50) as it:
        it.binds[0].throttled()
        await it.run(2)
        it.store.backlog = [20] * 200
        await it.run(1)
        begun = len(it.arrivals)
        await it.run(5)
        assert len(it.arrivals) - begun >= 450
