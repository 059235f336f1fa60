"""A carrier that is to have no binds: they leave once they have their answers, and come again when it may."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from dialed_carriers import A_BODY, Network

from gateway.carriers.bind_states import BindState
from gateway.carriers.carrier import Carrier
from gateway.carriers.fleet import Fleet
from gateway.carriers.traffic import Traffic

Settings = Callable[..., Any]


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_binds_leave_once_they_have_their_answers_and_none_is_made(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2, response_timeout="30s") as it:
        it.binds[1].submit([(A_BODY, "owed")])
        it.carrier.unbind()
        await trio.sleep(5)
        assert [view.name for view in it.carrier.views()] == ["telco/2"], "it is owed an answer"
        assert it.carrier.able is False
        await trio.sleep(600)
        assert it.carrier.views() == []
        assert len(it.network.dials) == 2


async def test_all_binds_are_made_at_once_when_it_may_have_them_again(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as it:
        it.carrier.unbind()
        await trio.sleep(60)
        began = trio.current_time()
        it.carrier.bind_again()
        await settled()
        assert it.states == [BindState.BOUND] * 2
        assert trio.current_time() == began
        assert it.able == [True, False, True]


@pytest.mark.parametrize("ticks", range(1, 6))
async def test_one_that_has_just_begun_may_be_unbound_and_bound_again(started: Any, ticks: int) -> None:
    async with started(binds=3) as it:
        another = Carrier(it.carrier.settings, it.carrier.traffic, it.carrier._on_able, dial=it.network.dial)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(another.run)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            another.unbind()
            await settled()
            another.bind_again()
            await settled()
            assert [view.state for view in another.views()] == [BindState.BOUND] * 3
            nursery.cancel_scope.cancel()


async def test_one_that_is_just_connecting_gives_it_up(started: Any, autojump_clock: Any) -> None:
    def hang(network: Network) -> None:
        network.hanging = True

    async with started(binds=2, prepare=hang) as it:
        it.carrier.unbind()
        await settled()
        assert it.carrier.views() == []
        it.network.hanging = False
        it.carrier.bind_again()
        await trio.sleep(5)
        assert it.states == [BindState.BOUND] * 2


async def test_other_settings_do_not_bind_it(started: Any, carrier_settings: Settings, autojump_clock: Any) -> None:
    async with started(binds=1) as it:
        it.carrier.unbind()
        await trio.sleep(60)
        it.carrier.reconfigure(carrier_settings(binds=3, system_type="other"))
        await trio.sleep(60)
        assert it.carrier.views() == []
        assert len(it.network.dials) == 1
        it.carrier.bind_again()
        await trio.sleep(5)
        assert it.states == [BindState.BOUND] * 3


async def test_it_drains_at_a_stop_though_nothing_is_bound(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as it:
        it.carrier.unbind()
        await trio.sleep(60)
        began = trio.current_time()
        await it.carrier.drain(20)
        assert trio.current_time() == began


async def test_one_that_may_have_binds_again_while_it_stops_makes_none(started: Any, autojump_clock: Any) -> None:
    async with started(binds=2) as it:
        it.carrier.unbind()
        await trio.sleep(60)
        await it.carrier.drain(20)
        it.carrier.bind_again()
        await settled()
        assert len(it.network.dials) == 2


async def test_one_that_comes_with_a_reload_is_as_unbound_as_its_name(carrier_settings: Settings) -> None:
    fleet = Fleet({}, Traffic(_nothing, _nothing), lambda name, able: None)
    fleet.unbind("telco")
    fleet.reconfigure({"telco": carrier_settings(binds=2)})
    assert fleet.carriers["telco"].is_unbound
    assert fleet.carriers["telco"].views() == []
    fleet.bind_again("telco")
    assert [view.name for view in fleet.carriers["telco"].views()] == ["telco/1", "telco/2"]


def _nothing(*given: Any) -> Any:
    raise AssertionError(given)
