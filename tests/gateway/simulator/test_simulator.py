import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.simulator.options import Options
from gateway.simulator.simulator import Simulator
from protocol.command_status import CommandStatus
from protocol.pdus import SubmitSm
from protocol.session_events import Bound, Closed, CloseReason, PeerUnbound

MakeSubmit = Callable[..., SubmitSm]
MakeCarrier = Callable[..., Any]


async def test_a_silent_carrier_reads_and_never_answers(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    esme = await carrier(silent=True).connect()
    with trio.move_on_after(500) as scope:
        await esme.bind()
    assert scope.cancelled_caught


async def test_a_handset_writes_to_every_system_id_once(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    first, second, other = await started.bound(), await started.bound(), await started.bound("other")
    assert started.simulator.inbound("+34600000001", "1234", "Hello") == 2
    pdu = await first.delivery()
    assert (pdu.source_addr, pdu.octets) == ("34600000001", b"Hello")
    await other.delivery()
    await second.settled()
    assert not second.events


async def test_an_inbound_message_waits_for_a_bind(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    await (await started.bound()).stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    started.simulator.inbound("34600000001", "1234", "Hello")
    await (await started.bound()).delivery()


async def test_all_connections_can_be_cut(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    esmes = [await started.bound(), await started.bound()]
    assert started.simulator.cut() == 2
    for esme in esmes:
        assert (await esme.next(Closed)).reason is CloseReason.PEER_CLOSED
    assert started.simulator.figures.dropped == 2


async def test_all_sessions_can_be_unbound(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier()
    esme = await started.bound()
    assert started.simulator.unbind() == 1
    await esme.next(PeerUnbound)


async def test_faults_can_be_switched_on_while_it_runs(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier()
    esme = await started.bound()
    for share, status in ((0.0, 0), (1.0, CommandStatus.ESME_RTHROTTLED)):
        started.simulator.change(Options(throttle_share=share))
        await esme.submit(a_submit(registered_delivery=0))
        assert (await esme.answer()).status == status


async def test_figures_account_for_everything(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(throttle_share=0.2, errors=((CommandStatus.ESME_RSYSERR, 0.1),), swallow_share=0.1)
    esme = await started.bound()
    await esme.submit(*(a_submit(text=b"%d" % number) for number in range(300)))
    await esme.settled()
    figures = started.simulator.figures
    assert figures.submitted == 300 == figures.taken + figures.throttled + figures.refused
    assert figures.taken == figures.answered + figures.swallowed
    assert figures.waiting == figures.taken
    assert min(figures.throttled, figures.refused, figures.swallowed) > 0


async def test_two_sessions_over_real_sockets(nursery: trio.Nursery, a_submit: MakeSubmit, esme_over: Any) -> None:
    simulator = Simulator(Options(seed=1))
    port = await nursery.start(simulator.serve, "127.0.0.1", 0)
    esmes = [esme_over(await trio.open_tcp_stream("127.0.0.1", port)) for _ in range(2)]
    for esme in esmes:
        assert isinstance(await esme.bind(), Bound)
    await esmes[0].submit(*(a_submit(text=b"%d" % number) for number in range(50)))
    for _ in range(25):
        await esmes[1].delivery()
    mine = [await esmes[0].next_event() for _ in range(75)]
    assert len(mine) == 75
    assert simulator.figures.answered == 50
    for esme in esmes:
        await esme.stream.aclose()
    nursery.cancel_scope.cancel()


async def test_a_port_that_is_taken_is_told(nursery: trio.Nursery) -> None:
    port = await nursery.start(Simulator().serve, "127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await Simulator().serve("127.0.0.1", port)
    nursery.cancel_scope.cancel()


async def test_what_was_answered_is_on_record(
    tmp_path: Path, carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(record=tmp_path / "taken").bound()
    for number in range(3):
        await esme.submit(a_submit(text=b"%d" % number))
        answer = None
        while answer is None:
            event = await esme.next_event()
            answer = getattr(event, "message_id", None)
        lines = (tmp_path / "taken").read_text().splitlines()
        assert json.loads(lines[-1])["id"] == answer


async def test_a_connection_that_is_reset_harms_no_other(
    nursery: trio.Nursery, a_submit: MakeSubmit, esme_over: Any
) -> None:
    simulator = Simulator(Options(seed=1))
    port = await nursery.start(simulator.serve, "127.0.0.1", 0)
    lost, kept = [esme_over(await trio.open_tcp_stream("127.0.0.1", port)) for _ in range(2)]
    for esme in (lost, kept):
        await esme.bind()
    await lost.submit(a_submit())
    await lost.answer()
    # The receipt may have gone to either; what the reset one did not acknowledge must come to the other.
    lost.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await lost.stream.aclose()
    await kept.delivery()
    await kept.stream.aclose()
    nursery.cancel_scope.cancel()
