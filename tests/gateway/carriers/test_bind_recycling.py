"""A bind whose answers stay out for most of its window: it leaves and is connected anew, or is borne."""

from typing import Any

import trio
import trio.testing
from bound_binds import a_receipt, quiet, tokens

from gateway.carriers.bind_states import BindState
from gateway.carriers.reading import DELIVERIES_WAITING
from gateway.carriers.silence import OWED_LIMIT_SECONDS
from gateway.metrics import RECYCLED
from protocol.session_events import CloseReason


async def test_a_bind_whose_overdue_answers_exceed_half_of_its_window_is_recycled(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=10, response_timeout="60s") as it:
        before = RECYCLED.labels("telco")._value.get()
        it.submit(6)
        await trio.sleep(60.5)
        assert sorted(it.feed.gone) == tokens(6)
        assert (it.bind.state, it.feed.halts, it.bind.can_send) == (BindState.LEAVING, 1, False)
        assert RECYCLED.labels("telco")._value.get() == before + 1
        await trio.sleep(OWED_LIMIT_SECONDS - 1)
        assert it.ended is None
        await it.over.wait()
        assert it.ended.reason is CloseReason.UNANSWERED
        assert it.ended.detail == "recycled: 6 answers are overdue, of a window of 10"
        assert it.feed.end == ([], [])


async def test_half_a_window_of_overdue_answers_is_borne(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=10, response_timeout="60s", enquire_link_idle="10m") as it:
        it.submit(5)
        await trio.sleep(70)
        assert len(it.feed.gone) == 5
        assert it.bind.state is BindState.BOUND


async def test_a_recycled_bind_waits_for_late_answers_and_leaves_once_it_has_them(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="60s") as it:
        it.submit(3)
        await trio.sleep(60.5)
        assert it.bind.state is BindState.LEAVING
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        left = trio.current_time()
        await it.smsc.flush()
        await it.over.wait()
        assert [(token, late) for token, _, _, late in it.feed.told()] == [(token, True) for token in tokens(3)]
        assert trio.current_time() - left < 1
        assert it.feed.end == ([], [])


async def test_a_late_answer_is_no_longer_overdue(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as it:
        it.submit(2)
        await trio.sleep(10.5)
        it.smsc.answer(it.smsc.submits[0])
        await it.smsc.flush()
        await quiet()
        it.submit(2, first=2)
        await trio.sleep(9)
        it.smsc.answer(it.smsc.submits[3])
        await it.smsc.flush()
        await trio.sleep(2)
        assert it.feed.gone == ["t0", "t1", "t2"]
        assert it.bind.state is BindState.BOUND


async def test_what_is_overdue_for_longer_than_a_response_timeout_counts_until_the_carrier_answers_something(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as answering:
        answering.submit(2)
        await trio.sleep(15)
        answering.submit(2, first=2)
        await trio.sleep(1)
        answering.smsc.answer(answering.smsc.submits[2])
        await answering.smsc.flush()
        await trio.sleep(10)
        assert answering.feed.gone == ["t0", "t1", "t3"]
        assert answering.bind.state is BindState.BOUND
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as silent:
        silent.submit(2)
        await trio.sleep(15)
        silent.submit(1, first=2)
        await trio.sleep(10.5)
        assert silent.bind.state is BindState.LEAVING


async def test_a_bind_that_does_not_read_itself_is_not_recycled_for_the_answers_it_has_not_read(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="10s") as it:
        it.submit(4)
        await quiet()
        for number in range(3 * DELIVERIES_WAITING):
            it.smsc.deliver(a_receipt(), number)
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await trio.sleep(11)
        assert len(it.feed.gone) == 4
        assert it.bind.state is BindState.BOUND
        while it.bind._reading._undecided:
            for pdu in it.pdus[-it.bind._reading._undecided :]:
                it.bind.answer(pdu, 0)
            await quiet()
        assert [late for *_, late in it.feed.told()] == [True] * 4


async def test_a_window_of_one_is_recycled_by_the_second_silence_in_a_row(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=1, response_timeout="10s", enquire_link_idle="10m") as it:
        it.submit(2)
        await trio.sleep(10.5)
        assert (it.feed.gone, it.bind.state) == (["t0"], BindState.BOUND)
        await trio.sleep(10)
        assert (it.feed.gone, it.bind.state) == (["t0", "t1"], BindState.LEAVING)
