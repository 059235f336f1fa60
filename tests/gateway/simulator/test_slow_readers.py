"""Peers that read slowly: the simulator waits for them as long as they go on reading."""

from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from gateway.simulator.connection import PIECE_BYTES, WRITE_PATIENCE_SECONDS

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
