"""A bind whose carrier swallows answers: what the slots of overtaken submits do."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import BoundBind, a_body, a_receipt

from gateway.carriers.bind_states import BindState
from gateway.carriers.reading import CATCH_UP_SECONDS, DELIVERIES_WAITING
from gateway.carriers.silence import OWED_LIMIT_SECONDS
from gateway.metrics import GIVEN_BACK
from protocol.patience import SHORTEST_SECONDS, Patience
from protocol.session_events import CloseReason
from protocol.window import OVERTAKEN_PER_SLOT

WINDOW = 4
OTHERS = OVERTAKEN_PER_SLOT * WINDOW
SOON = SHORTEST_SECONDS + 0.1
SWALLOWED = "swallowed"


class Life(BoundBind):
    """A bind whose carrier answers all at once but texts that say they are swallowed."""

    def __init__(self, smsc: Any, settings: Any, patience: Patience | None = None) -> None:
        super().__init__(smsc, settings, patience=patience)
        smsc.script = lambda pdu: None if pdu.short_message == SWALLOWED.encode() else 0
        self._sent = 0

    @property
    def answered_late(self) -> list[Any]:
        return [answer.token for answer in self.feed.answers if answer.late]

    def swallow(self, *tokens: str) -> None:
        self.bind.submit([(a_body(SWALLOWED), token) for token in tokens])

    async def send_others(self, count: int = OTHERS) -> None:
        """One by one, each answered at once."""
        for _ in range(count):
            self.bind.submit([(a_body("Hello"), f"other {self._sent}")])
            self._sent += 1
            await trio.testing.wait_all_tasks_blocked()

    async def answer(self, number: int) -> None:
        """Answer the submit of this number after all."""
        self.smsc.answer(self.smsc.submits[number])
        await self.smsc.flush()
        await trio.testing.wait_all_tasks_blocked()


@pytest.fixture
def living(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A bound bind, until the block is left; enquire_link is far off, and the response_timeout is 60 s."""

    @asynccontextmanager
    async def run(patience: Patience | None = None, **given: Any) -> AsyncIterator[Life]:
        life = Life(scripted_smsc(), carrier_settings(window=WINDOW, **given), patience)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(life.smsc.run)
            nursery.start_soon(life.run)
            await trio.testing.wait_all_tasks_blocked()
            yield life
            assert life.feed.returned == [], "all that was given was written"
            nursery.cancel_scope.cancel()

    return run


def given_back() -> float:
    return GIVEN_BACK.labels("telco")._value.get()


async def test_an_overtaken_submit_gives_its_slot_back_on_time_though_nothing_more_is_heard(
    living: Any, autojump_clock: Any
) -> None:
    async with living() as life:
        before, sent = given_back(), trio.current_time()
        life.swallow("lost")
        await life.send_others()
        assert (life.bind.in_flight, life.feed.freed_times) == (1, [])
        await trio.sleep(SOON)
        assert life.bind.in_flight == 0
        assert life.feed.freed_times == [pytest.approx(sent + SHORTEST_SECONDS)]
        assert given_back() == before + 1
        assert life.feed.gone == []


async def test_what_waits_in_the_bind_takes_the_slot_at_once(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        life.swallow("a", "b", "c")
        life.bind.submit([(a_body("Hello"), "waits")])
        await trio.testing.wait_all_tasks_blocked()
        assert life.bind.waiting == 1
        await trio.sleep(SOON)
        assert (life.bind.waiting, life.bind.in_flight) == (0, 3)


async def test_what_was_not_overtaken_holds_its_slot_to_the_end(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others(OTHERS - 1)
        await trio.sleep(59)
        assert (life.bind.in_flight, life.feed.freed_times) == (1, [])
        await trio.sleep(2)
        assert (life.bind.in_flight, life.feed.gone) == (0, ["lost"])


async def test_without_a_slot_it_is_in_doubt_at_the_time_out_as_ever(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        await trio.sleep(59)
        assert life.feed.gone == []
        await trio.sleep(2)
        assert life.feed.gone == ["lost"]
        await life.answer(0)
        assert life.answered_late == ["lost"]


async def test_an_answer_without_a_slot_frees_none_and_makes_the_bind_patient(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("slow")
        await life.send_others()
        await trio.sleep(5)
        await life.answer(0)
        assert life.answered_late == ["slow"]
        assert life.bind.in_flight == 0
        life.swallow("slower")
        # What the late answer did to the usual latency passes.
        await life.send_others(10 * OTHERS)
        await trio.sleep(9.9)
        assert life.bind.in_flight == 1
        await trio.sleep(0.2)
        assert life.bind.in_flight == 0


async def test_a_lost_link_leaves_them_in_doubt(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        await trio.sleep(SOON)
        life.swallow("in flight")
        await trio.testing.wait_all_tasks_blocked()
        await life.smsc.hang_up()
        await life.over.wait()
        assert life.feed.end == (["lost", "in flight"], [])


async def test_any_number_of_them_past_the_time_out_does_not_recycle_a_bind_that_answers_the_rest(
    living: Any, autojump_clock: Any
) -> None:
    async with living() as life:
        for number in range(5 * WINDOW):
            life.swallow(str(number))
            await life.send_others()
            await trio.sleep(2)
        await trio.sleep(70)
        assert len(life.feed.gone) == 5 * WINDOW
        assert life.bind.state is BindState.BOUND


async def test_once_the_carrier_answers_nothing_the_bind_is_recycled_whatever_was_given_back(
    living: Any, autojump_clock: Any
) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        await trio.sleep(1)
        life.swallow("a", "b", "c", "d")
        await trio.sleep(61)
        assert life.bind.state is BindState.LEAVING
        await life.over.wait()
        assert life.ended is not None
        assert life.ended.reason is CloseReason.UNANSWERED
        assert life.ended.detail == f"recycled: 4 answers are overdue, of a window of {WINDOW}"


async def test_a_bind_that_leaves_waits_for_them_too(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("slow")
        await life.send_others()
        await trio.sleep(1)
        assert life.bind.in_flight == 0
        life.bind.leave(30)
        await trio.sleep(OWED_LIMIT_SECONDS)
        assert life.ended is None
        await life.answer(0)
        await life.over.wait()
        assert (life.answered_late, life.feed.end) == (["slow"], ([], []))


async def test_while_a_bind_does_not_read_it_gives_nothing_back(living: Any, autojump_clock: Any) -> None:
    async with living() as life:
        life.swallow("slow")
        await life.send_others()
        for number in range(3 * DELIVERIES_WAITING):
            life.smsc.deliver(a_receipt(), number)
        await life.answer(0)
        await trio.sleep(5)
        assert (life.bind.in_flight, life.feed.freed_times) == (1, [])


async def test_a_give_back_that_fell_due_while_a_bind_did_not_read_follows_soon_though_nothing_more_is_heard(
    living: Any, autojump_clock: Any
) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        for number in range(DELIVERIES_WAITING):
            life.smsc.deliver(a_receipt(), number)
        await life.smsc.flush()
        await trio.sleep(5)
        assert (len(life.pdus), life.bind.in_flight) == (DELIVERIES_WAITING, 1)
        life.bind.answer(life.pdus[0], 0)
        await trio.testing.wait_all_tasks_blocked()
        assert life.bind.in_flight == 1, "what came meanwhile is read first"
        await trio.sleep(CATCH_UP_SECONDS + 0.01)
        assert life.bind.in_flight == 0


async def test_a_strict_window_is_never_exceeded_for_a_carrier_that_drops_the_link_of_a_peer_that_does(
    living: Any, autojump_clock: Any
) -> None:
    async with living(strict_window=True) as life:
        life.swallow("lost")
        await life.send_others(5 * OTHERS)
        await trio.sleep(59)
        assert (life.bind.in_flight, life.feed.freed_times) == (1, [])
        await trio.sleep(2)
        assert (life.bind.in_flight, life.feed.gone) == (0, ["lost"])


async def test_a_bind_made_anew_is_as_patient_as_the_one_before_it(living: Any, autojump_clock: Any) -> None:
    patience = Patience()
    async with living(patience) as life:
        life.swallow("slow")
        await life.send_others()
        await trio.sleep(5)
        await life.answer(0)
    async with living(patience) as life:
        life.swallow("slow")
        await life.send_others()
        await trio.sleep(9.9)
        assert life.bind.in_flight == 1


async def test_a_carrier_that_throttles_because_it_counts_what_was_given_back_gets_its_strict_window(
    living: Any, autojump_clock: Any
) -> None:
    async with living() as life:
        life.swallow("lost")
        await life.send_others()
        await trio.sleep(SOON)
        assert life.bind.in_flight == 0
        assert life.bind.throttled()
        await trio.sleep(2)
        life.swallow("lost too")
        life.bind.succeeded()
        for _ in range(OTHERS):
            await life.send_others(1)
            await trio.sleep(0.5)
        await trio.sleep(20)
        assert life.bind.in_flight == 1
