"""One bind while it is up: what goes out, what comes back, and what comes in by itself."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import ENQUIRE_LINK, ENQUIRE_LINK_RESP, BoundBind, StuckStream, a_receipt, quiet, tokens
from rises import Rises

from gateway.carriers.bind_states import BindState
from gateway.carriers.reading import DELIVERIES_WAITING
from gateway.carriers.waiting import WAIT_BEYOND_ANSWER_SECONDS
from gateway.metrics import SUBMITS
from protocol.numbers import BindMode
from protocol.pdus import BindRequest


async def test_submits_go_out_and_their_answers_come_back_in_one_call(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.smsc.script = lambda pdu: 0
        it.submit(5)
        await quiet()
        assert it.feed.told() == [(f"t{n}", 0, f"id-{n + 1}", False) for n in range(5)]
        assert it.feed.reads == [5]
        assert it.bind.in_flight == 0


async def test_responses_out_of_order_reach_their_own_tokens(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(3)
        await quiet()
        for pdu in reversed(it.smsc.submits):
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await quiet()
        assert [answer[0] for answer in it.feed.told()] == ["t2", "t1", "t0"]


async def test_the_window_is_never_overrun_on_the_wire_even_by_a_message_of_ten_parts(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=3) as it:
        it.submit(10)
        await quiet()
        assert it.bind.in_flight == 3
        assert it.bind.waiting == 7
        for number in range(10):
            it.smsc.answer(it.smsc.submits[number])
            await it.smsc.flush()
            await quiet()
        assert it.smsc.most_unanswered == 3
        assert [pdu.short_message for pdu in it.smsc.submits] == [f"text {n}".encode() for n in range(10)]
        assert it.bind.waiting == 0


async def test_a_rate_holds_on_the_wire_and_the_feed_is_told_when_more_may_be_given(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=50, submit_rate=10) as it:
        it.submit(25)
        await quiet()
        assert len(it.smsc.submits) == 1
        await trio.sleep(1.0)
        assert 9 <= len(it.smsc.submits) <= 11
        await trio.sleep(2.0)
        assert len(it.smsc.submits) == 25
        assert it.feed.freed_times


@pytest.mark.parametrize("one_pdu_per_write", [False, True])
async def test_what_is_unwritten_when_its_time_is_over_is_given_back_and_never_written(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any], one_pdu_per_write: bool
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    submits = Rises(SUBMITS)
    async with bound(smsc=smsc, stream=stream, response_timeout="10s", one_pdu_per_write=one_pdu_per_write) as it:
        stream.stuck = True
        it.submit(1)
        await trio.sleep(1)
        it.submit(2, first=1)
        await smsc._far.send_all(ENQUIRE_LINK)
        await trio.sleep(8)
        it.submit(1, first=3)
        await trio.sleep(3)
        assert (it.feed.gone, it.feed.returned) == (["t0"], ["t1", "t2"])
        stream.stuck = False
        stream.release()
        await quiet()
        written = b"".join(stream.writes)
        assert [b"text %d" % number in written for number in range(4)] == [True, False, False, True]
        assert submits.of(SUBMITS)["sluice_submits_total", it.bind.carrier] == 2
        assert ENQUIRE_LINK_RESP in written
        await smsc.hang_up()
        await quiet()
        assert it.feed.end == (["t3"], [])


@pytest.mark.parametrize("terms", [{"submit_rate": 0.05}, {"window": 1}], ids=["pace", "window"])
async def test_what_waits_too_long_for_the_pace_or_the_window_is_given_back(
    bound: Any, autojump_clock: Any, terms: dict[str, Any]
) -> None:
    async with bound(response_timeout="20s", **terms) as it:
        it.submit(6)
        for _ in range(2):
            await trio.sleep(19)
            it.smsc.answer(it.smsc.submits[-1])
            await it.smsc.flush()
        await trio.sleep(20 + WAIT_BEYOND_ANSWER_SECONDS - 2 * 19 - 1)
        assert (it.bind.waiting, it.feed.returned) == (3, [])
        await trio.sleep(2)
        assert it.bind.waiting == 0
        assert it.feed.returned == tokens(3, first=3)
        await trio.sleep(60)
        assert len(it.smsc.submits) == 3


async def test_one_pdu_per_write_where_the_carrier_needs_it(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, one_pdu_per_write=True) as it:
        stream.writes.clear()
        it.submit(4)
        await quiet()
        assert [int.from_bytes(write[:4], "big") for write in stream.writes] == [len(write) for write in stream.writes]
        assert len(stream.writes) == 4
        assert len(smsc.submits) == 4


async def test_pdus_share_a_write_otherwise(bound: Any, autojump_clock: Any, scripted_smsc: type[Any]) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        stream.writes.clear()
        it.submit(4)
        await quiet()
        assert len(stream.writes) == 1
        assert len(smsc.submits) == 4


async def test_it_reads_on_only_while_fewer_than_a_thousand_deliveries_wait(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        for number in range(3 * DELIVERIES_WAITING):
            it.smsc.deliver(a_receipt(), number)
        await it.smsc.flush()
        await quiet()
        held = len(it.pdus)
        assert DELIVERIES_WAITING <= held < 2 * DELIVERIES_WAITING + 100
        for pdu in it.pdus[: held - DELIVERIES_WAITING]:
            it.bind.answer(pdu, 0)
        await quiet()
        assert len(it.pdus) == held
        it.bind.answer(it.pdus[held - DELIVERIES_WAITING], 0)
        await quiet()
        assert len(it.pdus) > held


async def test_deliveries_of_a_read_are_handed_on_in_one_call_and_answers_share_a_write(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        for number in range(20):
            smsc.deliver(a_receipt(), number)
        await smsc.flush()
        await quiet()
        assert it.deliveries == [20]
        assert smsc.delivered == []
        stream.writes.clear()
        for pdu in it.pdus:
            it.bind.answer(pdu, 0)
        await quiet()
        assert smsc.delivered == [(number, 0) for number in range(20)]
        assert len(stream.writes) == 1


async def test_a_receipt_before_the_answer_is_handed_on(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(1)
        await quiet()
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        assert len(it.pdus) == 1
        assert it.feed.told() == []


async def test_an_expired_submit_is_told_once_and_its_late_answer_still_matches(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(response_timeout="60s") as it:
        it.submit(1)
        await trio.sleep(59)
        assert it.feed.gone == []
        await trio.sleep(2)
        assert it.feed.gone == ["t0"]
        assert it.bind.in_flight == 0
        it.smsc.answer(it.smsc.submits[0])
        await it.smsc.flush()
        await quiet()
        assert it.feed.told() == [("t0", 0, "id-1", True)]


async def test_a_throttled_bind_pauses_tells_so_and_goes_on(bound: Any, autojump_clock: Any) -> None:
    async with bound(throttle_pause="2s") as it:
        assert it.bind.throttled()
        assert it.bind.state is BindState.PAUSED
        assert not it.bind.can_send
        assert not it.bind.throttled()
        await trio.sleep(1.9)
        assert it.feed.freed_times == []
        await trio.sleep(0.7)
        assert it.bind.state is BindState.BOUND
        assert len(it.feed.freed_times) == 1
        assert it.states == [BindState.BOUND, BindState.PAUSED, BindState.BOUND]


async def test_a_receiver_bind_opens_no_feed(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    smsc = scripted_smsc()
    it = BoundBind(smsc, carrier_settings(), mode=BindMode.RECEIVER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(smsc.run)
        nursery.start_soon(it.bind.run, BindRequest(BindMode.RECEIVER, "acme", "secret"))
        await quiet()
        assert it.bind.state is BindState.BOUND
        assert not it.bind.can_send
        smsc.deliver(a_receipt())
        await smsc.flush()
        await quiet()
        assert len(it.pdus) == 1
        nursery.cancel_scope.cancel()
    assert it.feed.end is None
