"""What a throttle and late answers taught outlives the connection that met them."""

from typing import Any

import trio

from gateway.carriers.bind_states import BindState


async def test_the_binds_of_a_carrier_share_what_late_answers_taught(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as setup:
        await trio.sleep(30)
        first, second = setup.binds
        assert first.session.window._patience is second.session.window._patience is setup.carrier.patience
        await setup.network.smscs[0].hang_up()
        await trio.sleep(60)
        assert len(setup.binds) == 3
        assert setup.binds[2].session.window._patience is setup.carrier.patience


async def test_a_throttle_cuts_the_window_of_the_first_connection_too(started: Any, autojump_clock: Any) -> None:
    async with started(window=8, throttle_pause="1s", rand=0.0) as it:
        assert it.binds[0].throttled()
        await trio.sleep(2)
        (view,) = it.carrier.views()
        assert (view.state, view.window_limit, view.room) == (BindState.BOUND, 4, 4)
        assert it.binds[0].session.window.limit == 4


async def test_a_reconnect_forgets_neither_the_throttle_nor_how_the_window_was_cut(
    started: Any, autojump_clock: Any
) -> None:
    async with started(window=8, throttle_pause="1s", reconnect_floor="5s", rand=0.0) as it:
        assert it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(6)
        (view,) = it.carrier.views()
        assert view.state is BindState.BOUND
        assert (view.window_limit, view.room) == (4, 4)
        assert view.submit_rate == 12, "the least pace, and a second's climb"
        assert it.binds[1].restraint is it.binds[0].restraint


async def test_a_reconnect_within_the_pause_waits_for_its_end(started: Any, autojump_clock: Any) -> None:
    async with started(throttle_pause="20s", reconnect_floor="5s", rand=0.0) as it:
        begun = trio.current_time()
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(10)
        assert it.states == [BindState.PAUSED]
        assert not it.carrier.able
        await trio.sleep_until(begun + 26)
        assert it.states == [BindState.BOUND]


async def test_a_carrier_whose_bind_reconnects_within_its_pause_is_never_able_meanwhile(
    started: Any, autojump_clock: Any
) -> None:
    """Tiers below wait for a second each time that it was able, so a flicker would hold up what they may send."""
    async with started(throttle_pause="20s", reconnect_floor="5s", rand=0.0) as it:
        it.binds[0].throttled()
        assert it.able == [True, False]
        await it.network.smscs[0].hang_up()
        await trio.sleep(10)
        assert len(it.binds) == 2
        assert it.able == [True, False]
        await trio.sleep(16)
        assert it.able == [True, False, True]


async def test_a_bind_that_reconnects_within_its_pause_lets_the_others_connect(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, throttle_pause="30s", reconnect_floor="1s", rand=0.0) as it:
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(5)
        assert it.states == [BindState.PAUSED, BindState.BOUND]
        await it.network.smscs[1].hang_up()
        await trio.sleep(5)
        assert it.states == [BindState.PAUSED, BindState.BOUND]
        assert len(it.network.dials) == 4


async def test_a_reconnect_a_minute_later_begins_with_the_whole_window_and_no_brake(
    started: Any, autojump_clock: Any
) -> None:
    async with started(window=8, throttle_pause="1s", reconnect_floor="90s", rand=0.0) as it:
        it.binds[0].throttled()
        await it.network.smscs[0].hang_up()
        await trio.sleep(91)
        (view,) = it.carrier.views()
        assert (view.state, view.window_limit, view.submit_rate) == (BindState.BOUND, 8, 0)
