"""Binds that the carrier refuses: what the status means for its other binds, and when they are tried again."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from dialed_carriers import Network

from gateway.carriers.bind_states import BindState
from gateway.metrics import BIND_REFUSALS
from protocol.command_status import CommandStatus


def refusing(status: int) -> Callable[[Network], None]:
    return lambda network: setattr(network, "bind_status", int(status))


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVPASWD, CommandStatus.ESME_RINVSYSID])
async def test_pain_31_bad_credentials_stop_all_binds_of_the_carrier_and_are_said_aloud_once(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    with caplog.at_level(logging.INFO, "sluice.carriers"):
        async with started(prepare=refusing(status), binds=3) as it:
            await trio.sleep(890)
            assert len(it.network.dials) == 1, "no other bind is tried with them"
            assert it.states == [BindState.REFUSED, BindState.WAITING, BindState.WAITING]
            assert it.carrier.alarm == CommandStatus(status).name
            assert CommandStatus(status).name in it.carrier.views()[0].last_error
            await trio.sleep(7200)
            assert 5 <= len(it.network.dials) <= 9
            assert min(it.network.gaps) >= 900
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "bad_credentials" in errors[0]
    assert "secret" not in caplog.text


async def test_a_rebind_asked_for_tries_at_once_and_the_alarm_is_over_when_the_carrier_takes_it(
    started: Any, autojump_clock: Any
) -> None:
    async with started(prepare=refusing(CommandStatus.ESME_RINVPASWD), binds=2) as it:
        await trio.sleep(60)
        it.network.bind_status = 0
        it.carrier.rebind()
        await trio.testing.wait_all_tasks_blocked()
        assert it.carrier.alarm is None
        await trio.sleep(10)
        assert it.states == [BindState.BOUND, BindState.BOUND]


async def test_bind_failed_is_bad_credentials_only_when_it_comes_again_and_again(
    started: Any, autojump_clock: Any
) -> None:
    async with started(prepare=refusing(CommandStatus.ESME_RBINDFAIL), reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(9)
        assert it.carrier.alarm is None
        await trio.sleep(800)
        assert len(it.network.dials) == 3
        assert it.carrier.alarm == "ESME_RBINDFAIL"


async def test_a_refused_bind_beside_one_that_is_up_says_nothing_against_our_credentials(
    started: Any, autojump_clock: Any
) -> None:
    async with started(binds=2, reconnect_floor="5s", rand=0.0) as it:
        await trio.sleep(1)
        it.network.bind_status = int(CommandStatus.ESME_RINVPASWD)
        await it.network.smscs[1].hang_up()
        await trio.sleep(60)
        assert it.states == [BindState.BOUND, BindState.REFUSED]
        assert it.carrier.alarm is None
        it.network.bind_status = 0
        await it.network.smscs[0].hang_up()
        await trio.sleep(6)
        assert it.states[0] is BindState.BOUND, "the first is tried as ever"


async def test_pain_30_an_already_bound_place_is_tried_again_after_the_carriers_inactivity_timer(
    started: Any, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    taken = BIND_REFUSALS.labels("telco", "already_bound")._value.get()
    with caplog.at_level(logging.INFO, "sluice.carriers"):
        async with started(
            prepare=refusing(CommandStatus.ESME_RALYBND), reconnect_floor="5s", inactivity_timeout="150s", rand=0.5
        ) as it:
            await trio.sleep(600)
            assert all(150 < gap <= 150 * 1.25 for gap in it.network.gaps)
            assert len(it.network.dials) == 4
            assert it.states == [BindState.WAITING], "a place that is taken, no fault of the credentials"
            assert it.carrier.alarm is None
    assert BIND_REFUSALS.labels("telco", "already_bound")._value.get() == taken + 4
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
