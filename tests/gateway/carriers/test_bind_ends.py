"""How one bind ends: by either side, by silence, by a link that breaks; and what is in doubt then."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import ENQUIRE_LINK, BoundBind, StuckStream, a_receipt, quiet, tokens

from gateway.carriers.bind_states import BindState
from gateway.carriers.outgoing import WRITE_LIMIT_SECONDS
from protocol.command_status import CommandStatus
from protocol.session import OWED_SECONDS
from protocol.session_events import CloseReason


async def test_half_open_link_is_found_by_unanswered_enquire_links(bound: Any, autojump_clock: Any) -> None:
    async with bound(enquire_link_idle="20s", enquire_link_timeout="10s", enquire_link_misses=2) as it:
        start = trio.current_time()
        it.submit(2)
        await quiet()
        it.smsc.silent = True
        with trio.fail_after(60):
            await it.over.wait()
        assert it.ended.reason is CloseReason.LINK_DEAD
        # Two may be missed; the third ends it.
        assert trio.current_time() - start == pytest.approx(50)
        assert it.feed.end == (["t0", "t1"], [])


async def test_a_link_that_answers_enquire_links_stays(bound: Any, autojump_clock: Any) -> None:
    async with bound(enquire_link_idle="20s") as it:
        await trio.sleep(3600)
        assert it.ended is None


async def test_a_bind_that_is_never_answered_ends_after_its_time(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False, bind_timeout="15s") as it:
        await trio.sleep(14.5)
        assert it.ended is None
        await trio.sleep(1)
        assert it.ended.reason is CloseReason.BIND_TIMEOUT
        assert it.ended.bound_seconds == 0
        assert it.feed.end is None


async def test_a_refused_bind_tells_its_status(bound: Any, autojump_clock: Any, scripted_smsc: type[Any]) -> None:
    async with bound(smsc=scripted_smsc(bind_status=0x0E), wait=False) as it:
        await quiet()
        assert it.ended.refusal == CommandStatus.ESME_RINVPASWD
        assert it.states == [BindState.CLOSED]


@pytest.mark.parametrize("after", ["bound", "written", "answered"])
async def test_the_peer_may_unbind_at_any_moment(bound: Any, autojump_clock: Any, after: str) -> None:
    async with bound(window=2) as it:
        if after != "bound":
            it.submit(4)
            await quiet()
        if after == "answered":
            it.smsc.answer(it.smsc.submits[0])
            it.smsc.answer(it.smsc.submits[1])
        it.smsc.unbind()
        await it.smsc.flush()
        await quiet()
        if after == "written":
            await trio.sleep(OWED_SECONDS + 1)
        assert it.ended.reason is CloseReason.PEER_UNBOUND
        assert it.smsc.closed is not None
        assert it.smsc.closed.reason is CloseReason.UNBOUND, "our unbind_resp did not arrive"
        doubtful, unwritten = {
            "bound": ([], []),
            "written": (["t0", "t1"], ["t2", "t3"]),
            "answered": ([], ["t2", "t3"]),
        }[after]
        assert it.feed.end == (doubtful, unwritten)
        assert len(it.smsc.submits) == (0 if after == "bound" else 2)


async def test_what_a_carrier_that_unbinds_still_answers_is_not_in_doubt(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=2) as it:
        it.submit(3)
        await quiet()
        it.smsc.unbind()
        await it.smsc.flush()
        await quiet()
        assert (it.ended, it.feed.halts, it.bind.state) == (None, 1, BindState.LEAVING)
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await quiet()
        assert it.ended.reason is CloseReason.PEER_UNBOUND
        assert it.smsc.closed.reason is CloseReason.UNBOUND, "our unbind_resp did not arrive"
        assert [answer[0] for answer in it.feed.told()] == tokens(2)
        assert it.feed.end == ([], tokens(1, first=2))


@pytest.mark.parametrize("who", ["we", "carrier"])
async def test_what_was_delivered_has_its_answer_before_the_end(bound: Any, autojump_clock: Any, who: str) -> None:
    async with bound() as it:
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        if who == "we":
            it.bind.leave(30)
        else:
            it.smsc.unbind()
            await it.smsc.flush()
        await trio.sleep(3)
        assert it.ended is None
        it.bind.answer(it.pdus[0], 0)
        await trio.sleep(1)
        assert it.ended.reason is (CloseReason.UNBOUND if who == "we" else CloseReason.PEER_UNBOUND)
        assert it.smsc.delivered == [(None, 0)]


async def test_leaving_waits_for_no_delivery_that_comes_after_it_began(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        it.bind.leave(30)
        for _ in range(5):
            it.smsc.deliver(a_receipt())
            await it.smsc.flush()
            await trio.sleep(0.01)
        it.bind.answer(it.pdus[0], 0)
        await trio.sleep(1)
        assert it.ended.reason is CloseReason.UNBOUND


async def test_a_carrier_that_unbinds_has_its_answer_although_there_is_no_time_left(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound() as it:
        it.submit(1)
        await quiet()
        it.bind.leave(1)
        it.smsc.unbind()
        await it.smsc.flush()
        await trio.sleep(2)
        assert it.ended.reason is CloseReason.PEER_UNBOUND
        assert it.smsc.closed.reason is CloseReason.UNBOUND, "our unbind_resp did not arrive"


async def test_an_unbind_behind_a_delivery_that_is_answered_at_once_is_not_waited_with(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound() as it:
        it.answers_at_once = True
        it.smsc.deliver(a_receipt())
        it.smsc.unbind()
        await it.smsc.flush()
        await trio.sleep(1)
        assert it.ended.reason is CloseReason.PEER_UNBOUND
        assert it.smsc.delivered == [(None, 0)]


async def test_a_delivery_that_gets_no_commit_does_not_keep_a_bind_from_leaving(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound() as it:
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        it.bind.leave(30)
        await trio.sleep(31)
        assert it.ended.reason is CloseReason.UNBOUND


async def test_the_peer_may_unbind_before_it_answers_the_bind(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False) as it:
        await quiet()
        await it.smsc._far.send_all(bytes.fromhex("00000010000000060000000000000001"))
        await quiet()
        assert it.ended.reason is CloseReason.PEER_UNBOUND


async def test_lost_session_leaves_only_what_was_written_in_doubt(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=3) as it:
        it.submit(5)
        await quiet()
        it.smsc.answer(it.smsc.submits[1])
        await it.smsc.flush()
        await quiet()
        await it.smsc.hang_up()
        await quiet()
        assert it.ended.reason is CloseReason.PEER_CLOSED
        assert it.feed.end == (["t0", "t2", "t3"], ["t4"])


async def test_a_write_that_does_not_finish_ends_the_link_and_what_stood_behind_it_is_not_in_doubt(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, window=10) as it:
        stream.stuck = True
        it.submit(2)
        await quiet()
        it.submit(3, first=2)
        await trio.sleep(WRITE_LIMIT_SECONDS - 1)
        assert it.ended is None
        await trio.sleep(3)
        assert it.ended.reason is CloseReason.LINK_DEAD
        assert it.feed.end == (tokens(2), tokens(3, first=2))


async def test_in_doubt_is_what_a_write_had_also_when_the_session_took_it_during_the_write_before(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, enquire_link_idle="10m") as it:
        stream.stuck = True
        it.submit(1)
        await quiet()
        # An answer of ours is gathered, as after every read, and then a submit_sm waits in the session alone.
        await smsc._far.send_all(ENQUIRE_LINK)
        await quiet()
        it.submit(1, first=1)
        stream.release()
        await quiet()
        assert len(stream.writes) == 3, "the bind request, and two that hung"
        await smsc.hang_up()
        await quiet()
        assert any(b"text 1" in write for write in stream.writes)
        assert it.feed.end == (tokens(2), [])


async def test_answers_that_came_before_the_write_side_broke_are_still_read(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        it.submit(2)
        await quiet()
        stream.broken = True
        it.submit(1, first=2)
        await trio.sleep(0.5)
        smsc.answer(smsc.submits[0])
        await smsc.flush()
        await trio.sleep(1)
        assert [answer[0] for answer in it.feed.told()] == ["t0"]
        assert it.ended.reason is CloseReason.LINK_DEAD
        assert it.feed.end == (["t1", "t2"], [])


async def test_in_doubt_is_exactly_what_a_write_had_however_an_unbind_and_a_write_cross(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    orders = set()
    for _ in range(60):
        smsc = scripted_smsc()
        stream = StuckStream(smsc.near)
        it = BoundBind(smsc, carrier_settings(), stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(smsc.run)
            nursery.start_soon(it.run)
            await quiet()
            smsc.unbind()
            smsc.near.receive_stream.put_data(smsc.session.bytes_to_send())
            it.submit(2)
            await it.over.wait()
        was_handed_on = any(b"text 0" in write for write in stream.writes)
        assert it.feed.end == ((tokens(2), []) if was_handed_on else ([], tokens(2)))
        orders.add(was_handed_on)
    assert orders == {True, False}, "chance orders the tasks; both orders were to be met"


async def test_only_the_pdu_in_its_write_is_in_doubt_when_each_has_its_own(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, one_pdu_per_write=True) as it:
        stream.stuck = True
        it.submit(4)
        await quiet()
        await smsc.hang_up()
        await quiet()
        assert it.feed.end == (tokens(1), tokens(3, first=1))


async def test_an_answer_after_the_end_does_nothing(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        await it.smsc.hang_up()
        await quiet()
        it.bind.answer(it.pdus[0], 0)
        assert it.ended is not None


async def test_leaving_waits_for_answers_then_unbinds(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=2) as it:
        it.submit(2)
        await quiet()
        it.bind.leave(30)
        assert it.feed.halts == 1
        await trio.sleep(10)
        assert it.ended is None
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await quiet()
        assert it.ended.reason is CloseReason.UNBOUND
        assert it.smsc.closed.reason is CloseReason.PEER_UNBOUND
        assert len(it.feed.told()) == 2
        assert it.feed.end == ([], [])


async def test_leaving_gives_up_on_answers_that_do_not_come_and_on_an_unbind_that_is_not_answered(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound() as it:
        it.submit(1)
        await quiet()
        it.smsc.silent = True
        it.bind.leave(30)
        await trio.sleep(29)
        assert it.ended is None
        await trio.sleep(2 + 9)
        assert it.ended is None, "unbind_timeout is 10 s"
        await trio.sleep(1)
        assert it.ended is not None
        assert it.feed.end == (["t0"], [])


async def test_leaving_before_the_bind_is_answered_ends_it_at_once(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False) as it:
        await quiet()
        it.bind.leave(30)
        await quiet()
        assert it.ended is not None


async def test_answers_and_a_close_in_one_read_are_both_told(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(2)
        await quiet()
        it.smsc.answer(it.smsc.submits[0])
        unbinds_twice = 2 * bytes.fromhex("00000010000000060000000000000001")
        await it.smsc._far.send_all(it.smsc.session.bytes_to_send() + unbinds_twice)
        await quiet()
        assert [answer[0] for answer in it.feed.told()] == ["t0"]
        assert it.feed.end == (["t1"], [])


async def test_leaving_while_answers_and_a_close_are_told_ends_in_order(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        answered = it.feed.answered

        def answered_and_left(answers: list[Any]) -> None:
            answered(answers)
            it.bind.leave(5)

        it.feed.answered = answered_and_left
        it.submit(2)
        await quiet()
        it.smsc.answer(it.smsc.submits[0], 0x04)
        it.smsc.unbind()
        await it.smsc.flush()
        await trio.sleep(OWED_SECONDS + 1)
        assert it.feed.end == (["t1"], [])


async def test_stopping_in_the_middle_tells_what_is_in_doubt(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    smsc = scripted_smsc()
    it = BoundBind(smsc, carrier_settings(window=1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(smsc.run)
        async with trio.open_nursery() as inner:
            inner.start_soon(it.run)
            await quiet()
            it.submit(2)
            await quiet()
            inner.cancel_scope.cancel()
        assert it.feed.end == (["t0"], ["t1"])
        await smsc.ended.wait()
