import json
from collections.abc import Callable
from typing import Any

import pytest
from trio.testing import MockClock

from gateway.simulator.control import obey
from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator
from protocol.session_events import Closed, PeerUnbound

MakeCarrier = Callable[..., Any]


def test_figures_are_told() -> None:
    assert json.loads(obey(Simulator(), "figures\n"))["submitted"] == 0


async def test_an_inbound_message_is_sent(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    esme = await started.bound()
    assert obey(started.simulator, "inbound +34600000001 1234 STOP it  now") == "inbound to 1"
    pdu = await esme.delivery()
    assert (pdu.source_addr, pdu.destination_addr, pdu.octets) == ("34600000001", "1234", b"STOP it now")


async def test_connections_are_cut_and_unbound(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    esme = await started.bound()
    assert obey(started.simulator, "cut") == "cut 1"
    await esme.next(Closed)
    esme = await started.bound()
    assert obey(started.simulator, "unbind") == "unbinding 1"
    await esme.next(PeerUnbound)


def test_options_are_set_with_or_without_dashes() -> None:
    simulator = Simulator(Options(seed=7))
    assert obey(simulator, "set throttle-share 5%") == "set"
    assert obey(simulator, "set --latency 10ms --no-number-outcomes") == "set"
    assert simulator.options.throttle_share == 0.05
    assert simulator.options.latency.most == 0.01
    assert simulator.options.seed == 7
    assert obey(simulator, "set error RSYSERR=0.1") == "set"
    assert obey(simulator, "set error RSYSERR=0.2") == "set"
    assert simulator.options.errors == ((8, 0.2),)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "set",
        "set nonsense 1",
        "set throttle-share 7",
        "set throttle-share",
        "inbound 1 2",
        'inbound "1 2 3',
    ],
)
def test_a_line_that_makes_no_sense_is_told_and_changes_nothing(line: str) -> None:
    simulator = Simulator()
    assert obey(simulator, line).startswith("error: ")
    assert simulator.options == Options()


def test_help_is_given_and_empty_lines_are_passed_over() -> None:
    assert "figures" in obey(Simulator(), "help")
    assert obey(Simulator(), " \n") == ""
