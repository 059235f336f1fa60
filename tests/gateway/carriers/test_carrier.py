"""A carrier keeps its binds up: attempts and their waits, hosts in turn, sessions made anew, draining."""

from typing import Any

import pytest
import trio
import trio.testing
from dialed_carriers import A_BODY

from gateway.carriers.bind_states import BindState
from protocol.numbers import BindMode
from protocol.session_events import CloseReason


async def test_it_keeps_every_configured_bind_up_and_says_so(started: Any, autojump_clock: Any) -> None:
    async with started(binds=3, window=7) as it:
        views = it.carrier.views()
        assert [view.name for view in views] == ["telco/1", "telco/2", "telco/3"]
        assert {view.state for view in views} == {BindState.BOUND}
        assert {(view.window, view.in_flight, view.room) for view in views} == {(7, 0, 7)}
        assert it.able == [True]
        assert [smsc.binds[0].system_id for smsc in it.network.smscs] == ["acme"] * 3
        assert it.network.smscs[0].binds[0].password == "secret"


async def test_a_pair_of_connections_makes_one_bind_where_the_carrier_wants_it(
    started: Any, autojump_clock: Any
) -> None:
    async with started(mode="transmitter+receiver") as it:
        assert [view.name for view in it.carrier.views()] == ["telco/1/transmitter", "telco/1/receiver"]
        assert [smsc.binds[0].mode for smsc in it.network.smscs] == [BindMode.TRANSMITTER, BindMode.RECEIVER]
        assert len(it.binds) == 1, "only the transmitter is fed"


async def test_a_receiver_alone_does_not_make_the_carrier_able(started: Any, autojump_clock: Any) -> None:
    async with started(mode="transmitter+receiver", reconnect_floor="5s") as it:
        it.network.down.add("one.example")
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False]
        assert it.states == [BindState.WAITING, BindState.BOUND]


async def test_only_one_attempt_at_a_time(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: setattr(network, "bind_status", None), binds=3, bind_timeout="15s"
    ) as it:
        assert len(it.network.dials) == 1
        assert it.states.count(BindState.BINDING) == 1
        await trio.sleep(14)
        assert len(it.network.dials) == 1


async def test_reconnecting_backs_off_between_floor_and_ceiling(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", reconnect_ceiling="60s", rand=1.0
    ) as it:
        await trio.sleep(400)
        assert it.network.gaps[:5] == pytest.approx([10, 20, 40, 60, 60])
        view = it.carrier.views()[0]
        assert "connection refused" in view.last_error
        assert view.losses >= 6
        assert it.able == []


async def test_jitter_may_bring_every_wait_down_to_the_floor_but_never_below(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(60)
        assert it.network.gaps == pytest.approx([5.0] * len(it.network.gaps))
        assert len(it.network.gaps) >= 10


async def test_the_floor_holds_between_attempts_of_all_its_binds(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: network.down.add("one.example"), binds=4, reconnect_floor="5s", rand=0.3
    ) as it:
        await trio.sleep(120)
        assert min(it.network.gaps) >= 5.0 - 1e-6


async def test_a_carrier_that_takes_binds_and_drops_them_is_met_with_growing_waits(
    started: Any, autojump_clock: Any
) -> None:
    async with started(reconnect_floor="5s", rand=1.0) as it:
        for wait in (10, 20, 40):
            await it.network.smscs[-1].hang_up()
            await trio.sleep(wait + 1)
            assert it.states == [BindState.BOUND]
        assert it.network.gaps == pytest.approx([10, 21, 41])


async def test_after_a_steady_time_the_first_wait_is_short_again(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), reconnect_floor="5s", rand=1.0) as it:
        await trio.sleep(100)
        it.network.down.clear()
        await trio.sleep(200)
        assert it.states == [BindState.BOUND]
        lost_at = trio.current_time()
        await it.network.smscs[-1].hang_up()
        await trio.sleep(15)
        assert it.network.dials[-1][0] - lost_at == pytest.approx(10)
        assert it.states == [BindState.BOUND]


async def test_the_next_host_is_tried_after_a_failure_and_the_first_again_after_a_loss(
    started: Any, autojump_clock: Any
) -> None:
    hosts = ["one.example:2775", "two.example:2776", "[2001:db8::7]:2777"]
    async with started(
        prepare=lambda network: network.down.update({"one.example", "two.example"}), hosts=hosts, reconnect_floor="5s"
    ) as it:
        await trio.sleep(11)
        assert [host for _, host in it.network.dials] == ["one.example", "two.example", "2001:db8::7"]
        assert it.carrier.views()[0].host == "[2001:db8::7]:2777"
        it.network.down.clear()
        await it.network.smscs[-1].hang_up()
        await trio.sleep(20)
        assert it.network.dials[-1][1] == "one.example"
        assert it.states == [BindState.BOUND]


async def test_in_turn_each_bind_begins_with_the_next_host(started: Any, autojump_clock: Any) -> None:
    hosts = ["one.example:2775", "two.example:2776", "three.example:2777"]
    async with started(hosts=hosts, hosts_order="round_robin", binds=4, reconnect_floor="5s") as it:
        assert [host for _, host in it.network.dials] == ["one.example", "two.example", "three.example", "one.example"]
        await it.network.smscs[0].hang_up()
        await trio.sleep(20)
        assert it.network.dials[-1][1] == "two.example", "not the one that has just been lost"
        assert it.states == [BindState.BOUND] * 4


async def test_in_turn_a_host_that_is_down_is_passed_over_after_the_floor(started: Any, autojump_clock: Any) -> None:
    hosts = ["one.example:2775", "two.example:2776"]
    async with started(
        prepare=lambda network: network.down.add("one.example"), hosts=hosts, hosts_order="round_robin", rand=1.0
    ) as it:
        await trio.sleep(5.5)
        assert [host for _, host in it.network.dials] == ["one.example", "two.example"]
        assert it.states == [BindState.BOUND]


async def test_after_the_messages_that_a_session_may_carry_it_is_made_anew_without_a_loss(
    started: Any, autojump_clock: Any
) -> None:
    async with started(messages_per_session=3, reconnect_floor="5s", window=10) as it:
        smsc = it.network.smscs[0]
        smsc.script = lambda pdu: 0
        await trio.sleep(60)
        it.binds[0].submit([(A_BODY, n) for n in range(5)])
        await trio.testing.wait_all_tasks_blocked()
        assert len(smsc.submits) == 3
        assert smsc.closed.reason is CloseReason.PEER_UNBOUND
        assert it.feeds[0].end == ([], [3, 4]), "the rest is given back unsent"
        assert it.states == [BindState.BOUND], "the last attempt is long ago: no floor to wait for"
        assert it.carrier.views()[0].losses == 0
        assert len(it.network.dials) == 2


async def test_sessions_that_end_quickly_still_keep_the_floor_between_binds(started: Any, autojump_clock: Any) -> None:
    async with started(messages_per_session=1, reconnect_floor="5s") as it:
        for _ in range(3):
            it.network.smscs[-1].script = lambda pdu: 0
            it.binds[-1].submit([(A_BODY, "token")])
            await trio.sleep(6)
        assert len(it.network.dials) == 4
        assert min(it.network.gaps) >= 5.0


async def test_the_bind_carries_what_the_carrier_asks_for(started: Any, autojump_clock: Any) -> None:
    async with started(
        address_range="346*", system_type="VMA", interface_version="5.0", password="more than eight", mode="transceiver"
    ) as it:
        (request,) = it.network.smscs[0].binds
        assert (request.address_range, request.system_type, request.interface_version) == ("346*", "VMA", 0x50)
        assert request.password == "more than eight"


async def test_pain_37_a_password_longer_than_eight_is_sent_whole_with_a_warning(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(password="ninechars") as it:
        assert it.network.smscs[0].binds[0].password == "ninechars"
    (warning,) = [record.getMessage() for record in caplog.records if "password" in record.getMessage()]
    assert "longer than the 8" in warning
    assert "ninechars" not in caplog.text


async def test_a_connection_that_never_opens_is_given_up(started: Any, autojump_clock: Any) -> None:
    async with started(
        prepare=lambda network: setattr(network, "hanging", True), connect_timeout="10s", reconnect_floor="5s", rand=0.0
    ) as it:
        await trio.sleep(31)
        assert it.network.gaps == pytest.approx([15, 15])
        assert "too long" in it.carrier.views()[0].last_error


async def test_able_is_told_when_the_first_bind_can_send_and_when_the_last_stops(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, throttle_pause="1s", reconnect_floor="5s", rand=0.0) as it:
        first, second = it.binds
        first.throttled()
        assert it.able == [True]
        second.throttled()
        assert it.able == [True, False], "a paused bind cannot send"
        await trio.sleep(2)
        assert it.able == [True, False, True]
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False, True]
        await it.network.smscs[1].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert it.able == [True, False, True, False]


async def test_a_fault_of_ours_in_one_bind_is_logged_and_the_bind_comes_back(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(binds=2, reconnect_floor="5s") as it:

        def break_down(answers: list[Any]) -> None:
            raise ZeroDivisionError

        it.feeds[0].answered = break_down
        it.network.smscs[0].script = lambda pdu: 0
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        assert it.states == [BindState.WAITING, BindState.BOUND]
        assert "ZeroDivisionError" in caplog.text
        assert it.feeds[0].end is not None
        await trio.sleep(30)
        assert it.states == [BindState.BOUND, BindState.BOUND]


async def test_draining_waits_for_the_answers_unbinds_and_ends(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as it:
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.carrier.drain, 30.0)
            await trio.sleep(3)
            assert it.states == [BindState.LEAVING, BindState.CLOSED]
            smsc = it.network.smscs[0]
            smsc.answer(smsc.submits[0])
            await smsc.flush()
        assert it.states == [BindState.CLOSED, BindState.CLOSED]
        assert it.feeds[0].end == ([], [])
        assert all(smsc.closed is not None for smsc in it.network.smscs)
        assert it.able == [True, False]
        await trio.sleep(1000)
        assert len(it.network.dials) == 2


async def test_draining_ends_in_time_whatever_the_carrier_does(started: Any, autojump_clock: Any) -> None:
    async with started() as it:
        it.binds[0].submit([(A_BODY, "token")])
        await trio.testing.wait_all_tasks_blocked()
        it.network.smscs[0].silent = True
        before = trio.current_time()
        await it.carrier.drain(20.0)
        assert trio.current_time() - before <= 26
        assert it.feeds[0].end == (["token"], [])


async def test_draining_stops_a_carrier_that_is_still_trying(started: Any, autojump_clock: Any) -> None:
    async with started(prepare=lambda network: network.down.add("one.example"), binds=3) as it:
        before = trio.current_time()
        await it.carrier.drain(30.0)
        assert trio.current_time() == before
        assert it.states == [BindState.CLOSED] * 3


async def test_it_tells_how_long_the_oldest_submit_of_a_bind_has_waited(started: Any, autojump_clock: Any) -> None:
    async with started() as it:

        def oldest() -> float:
            (view,) = it.carrier.views()
            return float(view.oldest_seconds)

        assert oldest() == 0
        it.network.smscs[0].silent = True
        it.binds[0].submit([(A_BODY, "first")])
        await trio.sleep(3)
        it.binds[0].submit([(A_BODY, "second")])
        await trio.sleep(4)
        assert oldest() == pytest.approx(7)
        await it.network.smscs[0].hang_up()
        await trio.testing.wait_all_tasks_blocked()
        assert oldest() == 0, "what a lost link leaves is in doubt"
