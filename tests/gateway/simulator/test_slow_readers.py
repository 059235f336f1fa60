"""Peers that read slowly: the simulator waits for them as long as they go on reading; those that do not, it drops."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.simulator.connection import MOST_ANSWERS, PIECE_BYTES, WRITE_PATIENCE_SECONDS
from gateway.simulator.spans import Span
from protocol.pdus import SubmitSm
from protocol.session_events import Closed, CloseReason

MakeSubmit = Callable[..., SubmitSm]
MakeCarrier = Callable[..., Any]

MESSAGES = 2_000
OCTETS_A_SECOND = 4_000
TEXT = "Hello, this is one of many. " * 5


class SlowlyRead(trio.abc.Stream):
    """A stream whose other side takes so many octets a second."""

    def __init__(self, stream: trio.abc.Stream, rate: float) -> None:
        self._stream = stream
        self._rate = rate
        self.longest_write = 0

    async def send_all(self, data: Any) -> None:
        self.longest_write = max(self.longest_write, len(data))
        await trio.sleep(len(data) / self._rate)
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_a_peer_that_reads_slowly_but_steadily_is_not_taken_for_one_that_reads_nothing(
    carrier: Callable[..., Any], autojump_clock: Any, esme_over: Callable[..., Any]
) -> None:
    started = carrier(deliver_window=MESSAGES, inbound=MESSAGES, inbound_text=TEXT, response_timeout=3_600)
    near, far = trio.testing.memory_stream_pair()
    slow = SlowlyRead(far, OCTETS_A_SECOND)
    started.nursery.start_soon(started.simulator.attend, slow)
    esme = esme_over(near)
    began = trio.current_time()
    await esme.bind()
    for _ in range(MESSAGES):
        await esme.delivery()
    assert slow.longest_write == PIECE_BYTES
    assert trio.current_time() - began > 2 * WRITE_PATIENCE_SECONDS
    assert started.simulator.figures.dropped == 0


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
    assert (await esme.next(Closed)).reason is CloseReason.PEER_CLOSED
    assert started.simulator.figures.taken == MOST_ANSWERS
    assert "100,000 answers wait" in caplog.text
