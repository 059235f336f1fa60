from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.simulator.options import ReceiptShape
from gateway.simulator.receipt_stat import ReceiptStat
from gateway.simulator.spans import Span
from protocol.command_status import CommandStatus
from protocol.numbers import Tlv
from protocol.pdus import DataSm, SubmitSm
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


async def test_query_sm_is_answered(carrier: MakeCarrier, autojump_clock: MockClock, a_submit: MakeSubmit) -> None:
    started = carrier()
    esme = await started.bound()
    await esme.submit(a_submit("34600000403"))
    await esme.answer()
    receipt = read_receipt(await esme.delivery())
    assert receipt is not None
    assert receipt.state.value == ReceiptStat.REJECTD
