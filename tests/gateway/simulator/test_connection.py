from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.simulator.connection import MOST_ANSWERS, WRITE_PATIENCE_SECONDS
from gateway.simulator.options import ReceiptShape
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.spans import Span
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode, Tlv
from protocol.pdus import DataSm, DeliverSm, SubmitSm
from protocol.receipts import read_receipt
from protocol.session_events import (
    BindRefused,
    Bound,
    Closed,
    CloseReason,
    Delivered,
    PeerComplained,
    PeerUnbound,
    SubmitAnswered,
)

MakeSubmit = Callable[..., SubmitSm]
MakeCarrier = Callable[..., Any]


async def closed(esme: Any) -> Closed:
    return await esme.next(Closed)


async def test_a_message_is_answered_and_its_receipt_follows(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier().bound()
    pdu = a_submit()
    await esme.submit(pdu)
    answer = await esme.answer()
    assert (answer.token, answer.status, answer.message_id) == (pdu, 0, "1")
    receipt = read_receipt(await esme.delivery())
    assert receipt is not None
    assert receipt.message_id == "1"


async def test_the_answers_to_one_read_leave_in_one_write(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier().bound()
    await esme.submit(*(a_submit(registered_delivery=0) for _ in range(20)))
    await esme.answer()
    assert len(esme.events) == 19


async def test_data_sm_is_taken_too(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    esme = await carrier(receipt_shape=ReceiptShape.DATA_SM).bound()
    pdu = DataSm(destination_addr="34600111222", registered_delivery=1, tlvs={Tlv.MESSAGE_PAYLOAD: b"Hello"})
    await esme.submit(pdu)
    assert (await esme.answer()).message_id == "1"
    assert isinstance(await esme.delivery(), DataSm)


async def test_answers_take_their_latency(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(latency=Span(0.2, 0.2)).bound()
    began = trio.current_time()
    await esme.submit(a_submit())
    await esme.answer()
    assert trio.current_time() - began == pytest.approx(0.2, abs=0.005)


async def test_a_receipt_takes_its_delay_from_the_answer_on(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(latency=Span(0.2, 0.2), receipt_delay=Span(3, 3)).bound()
    began = trio.current_time()
    await esme.submit(a_submit())
    await esme.answer()
    await esme.delivery()
    assert trio.current_time() - began == pytest.approx(3.2, abs=0.01)


async def test_a_slow_carrier_answers_at_its_rate(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(max_rate=10).bound()
    began = trio.current_time()
    await esme.submit(*(a_submit(registered_delivery=0) for _ in range(21)))
    for _ in range(21):
        await esme.answer()
    assert trio.current_time() - began == pytest.approx(2.0, abs=0.05)


async def test_answers_may_come_in_another_order(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(reorder=True).bound()
    pdus = [a_submit(registered_delivery=0) for _ in range(20)]
    await esme.submit(*pdus)
    answered = [(await esme.answer()).token.sequence for _ in pdus]
    assert answered != sorted(answered)
    assert sorted(answered) == [pdu.sequence for pdu in pdus]


async def test_the_receipt_may_come_before_the_answer(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    for options in ({}, {"latency": Span(1, 1), "receipt_delay": Span(5, 5)}):
        esme = await carrier(receipt_first=1.0, **options).bound()
        await esme.submit(a_submit())
        assert isinstance(await esme.next_event(), Delivered)
        assert isinstance(await esme.next_event(), SubmitAnswered)


async def test_a_swallowed_message_has_a_receipt_but_no_answer(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(swallow_share=1.0)
    esme = await started.bound()
    await esme.submit(a_submit())
    await esme.delivery()
    await esme.settled()
    assert not esme.events
    assert started.simulator.figures.swallowed == 1


async def test_a_late_answer_comes_in_the_end_and_its_receipt_behind_it(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(late_answer=65.0).bound()
    began = trio.current_time()
    await esme.submit(a_submit("34600000504"))
    await esme.answer()
    assert trio.current_time() - began == pytest.approx(65, abs=0.01)
    await esme.delivery()


async def test_errors_are_answered_by_share(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    esme = await carrier(errors=((CommandStatus.ESME_RMSGQFUL, 1.0),)).bound()
    await esme.submit(a_submit())
    answer = await esme.answer()
    assert (answer.status, answer.message_id) == (CommandStatus.ESME_RMSGQFUL, "")


async def test_the_nth_message_cuts_the_connection(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(drop_every=3)
    esme = await started.bound()
    pdus = [a_submit(registered_delivery=0, text=b"%d" % number) for number in range(5)]
    await esme.submit(*pdus)
    for pdu in pdus[:2]:
        assert (await esme.answer()).token is pdu
    assert (await closed(esme)).unanswered == pdus[2:]
    figures = started.simulator.figures
    assert (figures.submitted, figures.taken, figures.dropped) == (3, 3, 1)


async def test_a_cut_by_share_leaves_the_receipt_to_the_next_bind(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(drop_share=1.0)
    esme = await started.bound()
    await esme.submit(a_submit())
    await closed(esme)
    await (await started.bound()).delivery()


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


async def test_a_wrong_password_is_refused_and_may_be_corrected(
    carrier: MakeCarrier, autojump_clock: MockClock
) -> None:
    started = carrier(password="right")
    esme = await started.connect()
    refusal = await esme.bind(password="wrong")
    assert refusal == BindRefused(CommandStatus.ESME_RINVPASWD)
    other = await started.connect()
    assert isinstance(await other.bind(password="right"), Bound)
    assert started.simulator.figures.binds_refused == 1


async def test_a_bind_that_is_never_answered(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    started = carrier(never_bind=True)
    esme = await started.connect()
    with trio.move_on_after(500) as scope:
        await esme.bind()
    assert scope.cancelled_caught


async def test_a_peer_that_never_binds_is_shown_out(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    esme = await carrier().connect()
    began = trio.current_time()
    assert (await closed(esme)).reason is CloseReason.PEER_CLOSED
    assert trio.current_time() - began == pytest.approx(60, abs=0.01)


async def test_a_session_is_unbound_after_its_time(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    esme = await carrier(unbind_after=5.0).bound()
    began = trio.current_time()
    await esme.next(PeerUnbound)
    assert trio.current_time() - began == pytest.approx(5, abs=0.01)
    assert (await closed(esme)).reason is CloseReason.PEER_UNBOUND


async def test_an_unbind_is_answered_and_the_stream_closed(carrier: MakeCarrier, autojump_clock: MockClock) -> None:
    esme = await carrier().bound()
    esme.session.unbind(trio.current_time())
    await esme.flush()
    await esme.next_event()
    assert (await closed(esme)).reason is CloseReason.UNBOUND
    assert await esme.stream.receive_some(1) == b""


async def test_silence_is_enquired_into_and_a_dead_link_given_up(
    carrier: MakeCarrier, autojump_clock: MockClock
) -> None:
    started = carrier(enquire_link_idle=30.0)
    esme = await started.bound()
    began = trio.current_time()
    while await esme.stream.receive_some(1000):
        # Reads the enquire_links and never answers.
        pass
    assert 30 < trio.current_time() - began < 100


async def test_garbage_ends_the_connection_and_no_other(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier()
    esme, other = await started.bound(), await started.bound()
    await esme.stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
    await esme.next(PeerComplained)  # the generic_nack for a length that cannot be
    await closed(esme)
    await other.submit(a_submit())
    await other.answer()


async def test_addresses_longer_than_a_deliver_sm_holds_do_no_harm(
    carrier: MakeCarrier, autojump_clock: MockClock
) -> None:
    esme = await carrier().bound()
    long = DataSm(source_addr="S" * 60, destination_addr="3" * 60, registered_delivery=1)
    await esme.submit(long)
    await esme.answer()
    assert len((await esme.delivery()).source_addr) == 20


async def test_query_sm_is_answered(carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit) -> None:
    started = carrier()
    esme = await started.bound()
    await esme.submit(a_submit("34600000403"))
    await esme.answer()
    receipt = read_receipt(await esme.delivery())
    assert receipt is not None
    assert receipt.state.value == ReceiptStat.REJECTD


async def test_what_was_taken_but_not_yet_answered_is_still_receipted(
    carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit
) -> None:
    started = carrier(latency=Span(10, 10))
    esme = await started.bound()
    await esme.submit(a_submit())
    await trio.testing.wait_all_tasks_blocked()
    await esme.stream.aclose()
    await (await started.bound()).delivery()


async def test_a_peer_that_does_not_read_is_not_read_from(
    carrier: MakeCarrier, nursery: trio.Nursery, autojump_clock: MockClock, a_submit: MakeSubmit, esme_over: Any
) -> None:
    started = carrier(latency=Span(1, 1))
    near, far = trio.testing.lockstep_stream_pair()
    nursery.start_soon(started.simulator.attend, far)
    esme = esme_over(near)
    await esme.bind()
    await esme.submit(a_submit(registered_delivery=0))
    await trio.sleep(2)  # its answer is being written, and nobody reads
    await esme.submit(a_submit(registered_delivery=0))
    with trio.move_on_after(5) as scope:
        await near.send_all(b"")
        await near.wait_send_all_might_not_block()
        await esme.submit(a_submit(registered_delivery=0))
    assert scope.cancelled_caught
    assert started.simulator.figures.submitted == 2
    await esme.answer()
    await esme.answer()


async def test_a_peer_that_never_reads_is_dropped(
    carrier: MakeCarrier,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
    a_submit: MakeSubmit,
    esme_over: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = carrier()
    near, far = trio.testing.lockstep_stream_pair()
    ended = trio.Event()

    async def attend() -> None:
        await started.simulator.attend(far)
        ended.set()

    nursery.start_soon(attend)
    esme = esme_over(near)
    await esme.bind()
    await esme.submit(a_submit(registered_delivery=0))
    began = trio.current_time()
    await ended.wait()
    assert trio.current_time() - began == pytest.approx(WRITE_PATIENCE_SECONDS, abs=0.1)
    assert started.simulator.figures.dropped == 1
    assert [record.getMessage() for record in caplog.records] == [
        "the connection of system_id='shop' is closed: it has read less than 64 KiB in 30 s"
    ]


async def test_a_peer_without_a_window_is_dropped_before_its_answers_fill_the_memory(
    carrier: MakeCarrier,
    autojump_clock: MockClock,
    a_submit: MakeSubmit,
    esme_over: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = carrier(latency=Span(3600, 3600))
    near, far = trio.testing.memory_stream_pair()
    started.nursery.start_soon(started.simulator.attend, far)
    esme = esme_over(near, window=MOST_ANSWERS + 1)
    await esme.bind()
    pdus = [a_submit(registered_delivery=0)] * MOST_ANSWERS
    await esme.submit(*pdus)
    await trio.testing.wait_all_tasks_blocked()
    assert caplog.records == []
    assert started.simulator.figures.taken == MOST_ANSWERS
    await esme.submit(pdus[0])
    assert (await closed(esme)).reason is CloseReason.PEER_CLOSED
    assert started.simulator.figures.taken == MOST_ANSWERS
    assert "100,000 answers wait" in caplog.text
