"""What the simulator delivers over its connections: to which bind, how often, and how many at a time."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.simulator.spans import Span
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import DataSm, DeliverSm, SubmitSm
from protocol.receipts import read_receipt
from protocol.session_events import (
    Delivered,
)

MakeSubmit = Callable[..., SubmitSm]
MakeCarrier = Callable[..., Any]


async def test_duplicate_receipts_are_told_twice(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(duplicate_receipts=1.0).bound()
    await esme.submit(a_submit())
    await esme.answer()
    first, second = await esme.delivery(), await esme.delivery()
    assert first.octets == second.octets


async def test_receipts_go_to_every_bind_of_the_system_id_in_turn(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier()
    sender = await started.bound(mode=BindMode.TRANSMITTER)
    receivers = [await started.bound(mode=BindMode.RECEIVER) for _ in range(2)]
    stranger = await started.bound("other")
    await sender.submit(*(a_submit() for _ in range(4)))
    for receiver in receivers * 2:
        await receiver.delivery()
    await stranger.settled()
    assert not stranger.events
    assert started.simulator.figures.receipts_acknowledged == 4


async def test_receipts_outlive_the_connection(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(receipt_delay=Span(10, 10))
    esme = await started.bound()
    await esme.submit(a_submit())
    await esme.answer()
    await esme.stream.aclose()
    await trio.sleep(20)
    await (await started.bound()).delivery()


async def test_what_was_not_acknowledged_goes_to_another_bind_when_its_own_is_lost(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier()
    first = await started.bound()
    await first.submit(a_submit())
    await first.answer()
    await first.next(Delivered)
    second = await started.bound()
    await first.stream.aclose()
    await second.delivery()
    await second.settled()
    assert started.simulator.figures.waiting == 0


async def test_a_receipt_answered_by_an_error_comes_again(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(receipt_retry=2.0).bound()
    await esme.submit(a_submit())
    await esme.answer()
    first = await esme.next(Delivered)
    began = trio.current_time()
    await esme.acknowledge(first, CommandStatus.ESME_RX_T_APPN)
    second = await esme.next(Delivered)
    assert trio.current_time() - began == pytest.approx(2.0, abs=0.01)
    assert second.pdu.octets == first.pdu.octets


async def test_a_receipt_that_is_never_answered_comes_again(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(response_timeout=15.0).bound()
    await esme.submit(a_submit())
    await esme.answer()
    await esme.next(Delivered)
    await esme.delivery()


async def test_no_more_deliveries_are_under_way_than_the_window_holds(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(deliver_window=3, response_timeout=3600.0)
    esme = await started.bound()
    await esme.submit(*(a_submit() for _ in range(10)))
    for _ in range(10):
        await esme.answer()
    waiting = [await esme.next(Delivered) for _ in range(3)]
    await esme.settled()
    assert not esme.events
    await esme.acknowledge(waiting[0])
    await esme.next(Delivered)


async def test_inbound_messages_follow_the_bind(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier(inbound=2, inbound_from="34600000001", inbound_to="777", inbound_text="STOP")
    for mode in (BindMode.RECEIVER, BindMode.TRANSCEIVER):
        esme = await started.bound(mode=mode)
        for _ in range(2):
            pdu = await esme.delivery()
            assert (pdu.source_addr, pdu.destination_addr, pdu.octets) == ("34600000001", "777", b"STOP")
            assert isinstance(pdu, DeliverSm)
            assert read_receipt(pdu) is None
        await esme.stream.aclose()


async def test_a_transmitter_is_given_nothing(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier(inbound=2)
    esme = await started.bound(mode=BindMode.TRANSMITTER)
    await esme.settled()
    assert started.simulator.figures.inbound_sent == 0


async def test_addresses_longer_than_a_deliver_sm_holds_do_no_harm(
    carrier: MakeCarrier, autojump_clock: MockClock
) -> None:
    esme = await carrier().bound()
    long = DataSm(source_addr="S" * 60, destination_addr="3" * 60, registered_delivery=1)
    await esme.submit(long)
    await esme.answer()
    assert len((await esme.delivery()).source_addr) == 20


async def test_what_was_taken_but_not_yet_answered_is_still_receipted(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(latency=Span(10, 10))
    esme = await started.bound()
    await esme.submit(a_submit())
    await trio.testing.wait_all_tasks_blocked()
    await esme.stream.aclose()
    await (await started.bound()).delivery()
