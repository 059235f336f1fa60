"""PDUs on their way to a stream that takes whatever it is given at once."""

from typing import Any, cast

import pytest
import trio

from gateway.carriers.outgoing import WRITES_A_TURN, Outgoing
from protocol.codec import encode
from protocol.pdus import DeliverSmResp
from protocol.session import Session

ANSWERS = [encode(DeliverSmResp(0, number)) for number in range(1, 1_001)]


class Said:
    """A session that has answers to give."""

    def __init__(self) -> None:
        self.answers = ANSWERS.copy()

    def pdus_to_send(self) -> list[bytes]:
        given, self.answers = self.answers, []
        return given


class Roomy(trio.abc.SendStream):
    """Never makes anyone wait, and remembers each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    async def send_all(self, data: Any) -> None:
        self.writes.append(data)

    async def wait_send_all_might_not_block(self) -> None: ...

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("one_pdu_per_write", [True, False])
async def test_others_have_their_turns_while_pdu_by_pdu_is_written(one_pdu_per_write: bool) -> None:
    stream = Roomy()
    session, both_ways = cast(Session, Said()), cast(trio.abc.Stream, stream)
    outgoing = Outgoing("telco/1", session, both_ways, lambda count: None, one_pdu_per_write=one_pdu_per_write)
    outgoing.wake()
    longest = before = 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outgoing.write)
        while sum(map(len, stream.writes)) < sum(map(len, ANSWERS)):
            await trio.lowlevel.checkpoint()
            longest, before = max(longest, len(stream.writes) - before), len(stream.writes)
        nursery.cancel_scope.cancel()
    assert b"".join(stream.writes) == b"".join(ANSWERS)
    assert longest <= 2 * WRITES_A_TURN, "two turns may pass between two of another task's"
