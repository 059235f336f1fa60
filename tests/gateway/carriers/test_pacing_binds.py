"""Pace and window of real binds on Trio's virtual clock, as the carrier's end of the streams sees them."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import REQUEST, IdleFeed, a_body
from busiest_seconds import most_in_a_second

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState
from gateway.carriers.pacing import Pace
from gateway.carriers.restraint import Restraint
from gateway.carriers.traffic import Traffic
from protocol.numbers import BindMode
from protocol.pdus import SubmitSm
from protocol.session_events import SubmitAnswered

THROTTLED = 0x58
QUEUE_FULL = 0x14


class Line(IdleFeed):
    """A bind, its feed, which obeys throttles and gives no work of its own, and the carrier's end, which notes when
    each submit_sm came."""

    def __init__(
        self, name: str, smsc: Any, settings: Any, paces: list[Pace], arrivals: list[tuple[float, str]]
    ) -> None:
        super().__init__()
        self.smsc = smsc
        self.status: Callable[[], int] = lambda: 0
        self.answers: list[SubmitAnswered] = []
        smsc.script = lambda pdu: self._arrived(pdu, arrivals)
        traffic = Traffic(open_feed=lambda bind: self, deliver=lambda bind, pdus: None)
        self.bind = Bind(name, BindMode.TRANSCEIVER, settings, smsc.near, traffic, restraint=Restraint(settings, paces))

    def _arrived(self, pdu: SubmitSm, arrivals: list[tuple[float, str]]) -> int:
        arrivals.append((trio.current_time(), f"{self.bind.name} {pdu.short_message.decode()}"))
        return self.status()

    def give(self, *texts: str) -> None:
        self.bind.submit([(a_body(text), text) for text in texts])

    def answered(self, answers: list[SubmitAnswered]) -> None:
        self.answers += answers
        if any(answer.status == 0 for answer in answers):
            self.bind.succeeded()
        if any(answer.status for answer in answers) and self.bind.throttled():
            self.bind.take_back()

    def expired(self, tokens: list[Any]) -> None:
        raise AssertionError("all is answered")

    def unwritten(self, tokens: list[Any]) -> None:
        raise AssertionError("all is written")

    def is_rest(self, before: Any, token: Any) -> bool:
        """Texts are parts of one message where they are alike up to a point: 1.1, 1.2."""
        message, _, part = token.partition(".")
        return bool(part) and before is not None and before.startswith(f"{message}.")

    def is_urgent(self, token: Any) -> bool:
        return bool(token.startswith("!"))


Lines = Callable[..., Any]


@pytest.fixture
def lines(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Lines:
    """So many bound binds that share a pace, and what arrives at the carrier in all."""

    @asynccontextmanager
    async def run(count: int = 1, *, rate: float = 0, **given: Any) -> AsyncIterator[tuple[list[Line], list[Any]]]:
        settings = carrier_settings(submit_rate=rate, binds=count, **given)
        paces = [Pace(rate)] if rate else []
        arrivals: list[tuple[float, str]] = []
        made = [Line(f"telco/{number}", scripted_smsc(), settings, paces, arrivals) for number in range(1, count + 1)]
        async with trio.open_nursery() as nursery:
            for line in made:
                nursery.start_soon(line.smsc.run)
                nursery.start_soon(line.bind.run, REQUEST)
            await trio.testing.wait_all_tasks_blocked()
            yield made, arrivals
            nursery.cancel_scope.cancel()

    return run


def most_arrivals_in_a_second(arrivals: list[tuple[float, str]]) -> int:
    return most_in_a_second([at for at, _ in arrivals])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
async def test_a_carrier_gets_100_pdus_in_any_second_and_99_on_average_over_all_its_binds(
    lines: Lines, autojump_clock: Any, count: int
) -> None:
    async with lines(count, rate=100, window=50) as (made, arrivals):
        for line in made:
            line.give(*(str(number) for number in range(2_000 // count + 1)))
        begin = trio.current_time()
        await trio.sleep(10)
        assert most_arrivals_in_a_second(arrivals) <= 100, "not at the start either"
        assert sum(1 for at, _ in arrivals if at - begin < 10) >= 990
        if count > 1:
            shares = [sum(1 for _, what in arrivals if what.startswith(line.bind.name)) for line in made]
            assert min(shares) > 200, "no bind takes it all"


@pytest.mark.parametrize(("rate", "seconds"), [(1, 60), (7, 60), (1_000, 4), (3_000, 3)])
@pytest.mark.parametrize("count", [1, 2])
async def test_any_rate_is_kept_and_reached_over_all_binds(
    lines: Lines, autojump_clock: Any, rate: int, seconds: int, count: int
) -> None:
    async with lines(count, rate=rate, window=200) as (made, arrivals):
        for line in made:
            line.give(*(str(number) for number in range(rate * seconds)))
        await trio.sleep(seconds)
        assert most_arrivals_in_a_second(arrivals) <= rate
        assert len(arrivals) >= 0.99 * rate * seconds


async def test_the_rate_of_each_bind_is_kept_beside_that_of_the_carrier(lines: Lines, autojump_clock: Any) -> None:
    async with lines(2, rate=100, window=50) as (made, arrivals):
        for line in made:
            own = Pace(30)
            line.bind.restraint.retune(line.bind.settings, [own, *line.bind.restraint.paces])
            line.give(*(str(number) for number in range(1_000)))
        await trio.sleep(10)
        assert len(arrivals) >= 2 * 297
        for line in made:
            assert most_arrivals_in_a_second([one for one in arrivals if one[1].startswith(line.bind.name)]) <= 30


async def test_a_pause_earns_no_burst_and_its_seconds_count_what_went_before(lines: Lines, autojump_clock: Any) -> None:
    async with lines(2, rate=100, window=50, throttle_pause="300ms") as (made, arrivals):
        for turn in range(8):
            for line in made:
                line.give(*(str(number) for number in range(150)))
            await trio.sleep(0.7)
            made[turn % 2].status = lambda: THROTTLED
            await trio.sleep(0.03)
            made[turn % 2].status = lambda: 0
            await trio.sleep(0.5)
        assert len(arrivals) > 500
        assert most_arrivals_in_a_second(arrivals) <= 100


async def test_no_second_sees_more_than_the_rate_whatever_comes_and_goes(lines: Lines, autojump_clock: Any) -> None:
    chance = random.Random(5)
    async with lines(2, rate=100, window=200) as (made, arrivals):
        given = 0
        for _ in range(60):
            count = chance.choice([1, 3, 20, 90, 130])
            chance.choice(made).give(*(str(given + number) for number in range(count)))
            given += count
            await trio.sleep(chance.choice([0.0, 0.01, 0.4, 0.99, 3.0]))
        await trio.sleep(30)
        assert len(arrivals) == given
        assert most_arrivals_in_a_second(arrivals) <= 100


async def test_what_is_urgent_passes_what_waits_for_the_pace_but_not_the_rest_of_a_message_that_has_begun(
    lines: Lines, autojump_clock: Any
) -> None:
    async with lines(rate=10, window=50) as ((line,), arrivals):
        line.give("a.1", "a.2", "a.3", "b.1", "b.2", "c")
        await trio.sleep(0.01)
        assert [what for _, what in arrivals] == ["telco/1 a.1"]
        line.give("!1", "!2")
        line.give("d", "!3")
        await trio.sleep(2)
        order = [what.removeprefix("telco/1 ") for _, what in arrivals]
        assert order == ["a.1", "a.2", "a.3", "!1", "!2", "!3", "b.1", "b.2", "c", "d"]


async def test_pain_19_the_parts_of_long_messages_count_and_go_in_order_on_one_bind(
    lines: Lines, autojump_clock: Any
) -> None:
    async with lines(3, rate=20, window=10) as (made, arrivals):
        for message in range(30):
            made[message % 3].give(*(f"{message:02}.{part}" for part in range(1, 5)))
        await trio.sleep(8)
        assert len(arrivals) == 120
        assert most_arrivals_in_a_second(arrivals) <= 20
        for line in made:
            texts = [what.split()[1] for _, what in arrivals if what.startswith(line.bind.name)]
            assert texts == sorted(texts)


@pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL])
async def test_pains_19_and_20_a_throttle_pauses_the_whole_bind_which_goes_on_slower_and_climbs(
    lines: Lines, autojump_clock: Any, status: int
) -> None:
    async with lines(rate=100, window=20, throttle_pause="1s") as ((line,), arrivals):
        line.give(*(str(number) for number in range(300)))
        await trio.sleep(2)
        line.status = lambda: status
        await trio.sleep(0.02)
        line.status = lambda: 0
        assert line.bind.state is BindState.PAUSED
        throttled_at = arrivals[-1][0]
        await trio.sleep(2)
        line.give(*(str(number) for number in range(2_000)))
        assert not [at for at, _ in arrivals if throttled_at < at < throttled_at + 1]
        resumed_at = trio.current_time()
        await trio.sleep(20)
        first = sum(1 for at, _ in arrivals if resumed_at <= at < resumed_at + 1)
        assert 45 <= first <= 65
        assert sum(1 for at, _ in arrivals if resumed_at + 10 <= at < resumed_at + 20) >= 990, "it has climbed back"
        assert most_arrivals_in_a_second(arrivals) <= 100
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(arrivals) if earlier >= resumed_at]
        assert max(gaps) < 0.03, "slower, not in bursts"


async def test_pain_22_a_throttled_bind_has_half_its_window_in_flight_at_most(
    lines: Lines, autojump_clock: Any
) -> None:
    async with lines(window=8, throttle_pause="1s") as ((line,), _):
        line.smsc.script = lambda pdu: None
        line.give(*(str(number) for number in range(8)))
        await trio.testing.wait_all_tasks_blocked()
        assert line.bind.in_flight == 8
        for pdu in list(line.smsc.submits):
            line.smsc.answer(pdu, THROTTLED)
        await line.smsc.flush()
        await trio.sleep(5)
        line.give(*(str(number) for number in range(40)))
        await trio.sleep(5)
        assert line.bind.in_flight == 4
        assert line.bind.restraint.limit == 4


async def test_a_rate_that_a_reload_lowers_while_the_window_is_cut_holds_the_next_pdus_back(
    lines: Lines, carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    async with lines(rate=100, window=50, throttle_pause="1s") as ((line,), arrivals):
        line.give(*(str(number) for number in range(200)))
        await trio.sleep(1)
        line.status = lambda: THROTTLED
        await trio.sleep(0.02)
        line.status = lambda: 0
        await trio.sleep(1.5)
        line.give(*(str(number) for number in range(200)))
        await trio.sleep(1)
        restraint, lowered = line.bind.restraint, carrier_settings(submit_rate=20, window=50, throttle_pause="1s")
        now, before = trio.current_time(), len(arrivals)
        assert restraint.is_cut
        assert sum(1 for at, _ in arrivals if at > now - 1) > 20, "more went than the lower rate allows"
        restraint.retune(lowered, [restraint.paces[0].at_rate(20)])
        line.bind.take_back()
        line.bind.reconfigure(lowered)
        line.give("last.1", "last.2", "last.3")
        assert len(arrivals) == before
        await trio.sleep(3)
        assert line.bind.state is BindState.BOUND
        assert [what for _, what in arrivals[before:]] == [f"telco/1 last.{part}" for part in (1, 2, 3)]


async def test_without_the_adaptive_window_a_throttle_leaves_the_window_alone(
    lines: Lines, autojump_clock: Any
) -> None:
    async with lines(window=8, adaptive_window=False) as ((line,), _):
        line.status = lambda: THROTTLED
        line.give("one")
        await trio.testing.wait_all_tasks_blocked()
        assert line.bind.state is BindState.PAUSED
        assert line.bind.restraint.limit == 8


async def test_pain_34_a_paused_bind_takes_no_work(lines: Lines, autojump_clock: Any) -> None:
    async with lines(window=8, throttle_pause="5s") as ((line,), arrivals):
        line.status = lambda: THROTTLED
        line.give("one")
        await trio.testing.wait_all_tasks_blocked()
        assert not line.bind.can_send
        line.give("two")
        await trio.sleep(4)
        assert len(arrivals) == 1


async def test_trap_9_answers_of_300_ms_each_in_series_do_not_fill_the_window(
    lines: Lines, autojump_clock: Any
) -> None:
    async with lines(window=10) as ((line,), _):
        line.smsc.script = lambda pdu: None
        line.give(*(str(number) for number in range(150)))
        for number in range(100):
            await trio.sleep(0.3)
            line.smsc.answer(line.smsc.submits[number])
            await line.smsc.flush()
        assert line.bind.restraint.limit <= 5
        assert line.bind.in_flight <= 5
        assert len(line.answers) >= 99


async def test_quick_answers_see_exactly_the_configured_window(lines: Lines, autojump_clock: Any) -> None:
    async with lines(window=10) as ((line,), _):
        line.smsc.script = lambda pdu: None
        line.give(*(str(number) for number in range(600)))
        for turn in range(50):
            await trio.sleep(0.04 + turn % 3 / 100)
            assert line.bind.in_flight == 10
            for pdu in line.smsc.submits[turn * 10 :]:
                line.smsc.answer(pdu)
            await line.smsc.flush()


@pytest.mark.parametrize("rate", [0, 5])
async def test_trap_21_all_parts_of_a_message_that_has_begun_go_though_the_window_was_cut(
    lines: Lines, autojump_clock: Any, rate: float
) -> None:
    async with lines(window=8, rate=rate, throttle_pause="1s") as ((line,), arrivals):
        line.status = lambda: THROTTLED
        line.give("0")
        await trio.sleep(2)
        line.smsc.script = lambda pdu: arrivals.append((trio.current_time(), pdu.short_message.decode()))
        line.give("1", *(f"2.{part}" for part in range(1, 6)), "3", "4.1", "4.2")
        await trio.sleep(5)
        assert [what for _, what in arrivals[1:]] == ["1", "2.1", "2.2", "2.3", "2.4", "2.5"]
        assert (line.bind.restraint.limit, line.bind.in_flight) == (4, 6)
        for pdu in list(line.smsc.submits)[1:]:
            line.smsc.answer(pdu)
        await line.smsc.flush()
        await trio.sleep(5)
        assert [what for _, what in arrivals[7:]] == ["3", "4.1", "4.2"]


async def test_a_message_that_has_begun_has_no_more_than_the_whole_window(lines: Lines, autojump_clock: Any) -> None:
    async with lines(window=4, throttle_pause="1s") as ((line,), _):
        line.status = lambda: THROTTLED
        line.give("0")
        await trio.sleep(2)
        line.smsc.script = lambda pdu: None
        line.give(*(f"1.{part}" for part in range(1, 8)))
        await trio.sleep(5)
        assert line.bind.in_flight == 4
