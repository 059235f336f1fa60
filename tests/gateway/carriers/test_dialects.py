"""SMSCs that behave as real ones do: octets as they come on the wire, against one bind."""

import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing
from bound_binds import REQUEST, RecordingFeed, a_body, tokens

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.traffic import Traffic
from protocol.codec import encode
from protocol.numbers import BindMode
from protocol.pdus import DeliverSm
from protocol.session_events import CloseReason

BIND, SUBMIT, DELIVER, UNBIND, ENQUIRE, NACK, RESP = 0x09, 0x04, 0x05, 0x06, 0x15, 0x8000_0000, 0x8000_0000


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


class Raw:
    """An SMSC that does nothing by itself; `heard` lists command and sequence of what came."""

    def __init__(self, settings: Any) -> None:
        near, self.far = trio.testing.memory_stream_pair()
        self.reads: list[bytes] = []
        self.feed = RecordingFeed()
        self.delivered: list[Any] = []
        self.ended: Ended | None = None
        self.over = trio.Event()
        traffic = Traffic(lambda bind: self.feed, lambda bind, pdus: self.delivered.extend(pdus))
        self.bind = Bind("telco/1", BindMode.TRANSCEIVER, settings, near, traffic)

    @property
    def answers(self) -> list[tuple[Any, int, str]]:
        return [(answer.token, answer.status, answer.message_id) for answer in self.feed.answers]

    @property
    def heard(self) -> list[tuple[int, int]]:
        octets, found = b"".join(self.reads), []
        while octets:
            length, command, _, sequence = struct.unpack_from(">IIII", octets)
            found.append((command, sequence))
            octets = octets[length:]
        return found

    def sequences(self, command: int) -> list[int]:
        return [sequence for heard, sequence in self.heard if heard == command]

    async def say(self, *frames: bytes) -> None:
        await self.far.send_all(b"".join(frames))
        await trio.testing.wait_all_tasks_blocked()

    async def listen(self) -> None:
        with suppress(trio.ClosedResourceError):
            while octets := await self.far.receive_some():
                self.reads.append(bytes(octets))

    async def live(self) -> None:
        self.ended = await self.bind.run(REQUEST)
        self.over.set()

    def submit(self, count: int) -> None:
        self.bind.submit([(a_body("Hello"), token) for token in tokens(count)])


@pytest.fixture
def raw(carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    @asynccontextmanager
    async def run(*, is_bound: bool = True, **given: Any) -> AsyncIterator[Raw]:
        it = Raw(carrier_settings(**given))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.listen)
            nursery.start_soon(it.live)
            await trio.testing.wait_all_tasks_blocked()
            if is_bound:
                await it.say(pdu(BIND | RESP, 1, b"smsc\0"))
                assert it.bind.state is BindState.BOUND
            yield it
            nursery.cancel_scope.cancel()

    return run


def a_delivery(sequence: int) -> bytes:
    return encode(DeliverSm(source_addr="34600000001", short_message=b"Hello", sequence=sequence))


async def test_trap_3_deliveries_and_enquiries_before_bind_resp_are_taken_and_answered(
    raw: Any, autojump_clock: Any
) -> None:
    async with raw(is_bound=False) as it:
        await it.say(a_delivery(7), pdu(ENQUIRE, 8))
        assert it.heard == [(BIND, 1), (ENQUIRE | RESP, 8)]
        it.bind.answer(it.delivered[0], 0)
        await trio.testing.wait_all_tasks_blocked()
        assert it.heard[-1] == (DELIVER | RESP, 7)
        await it.say(pdu(BIND | RESP, 1, b"smsc\0"))
        assert it.bind.state is BindState.BOUND


@pytest.mark.parametrize("octets", [b"\x04\x28\x00\x01\x5a", b"\x14\x00\x00\x02??\x04\x28\x00\x01\x5a"])
async def test_trap_8_a_response_with_tlvs_tells_how_congested_the_carrier_is(
    raw: Any, autojump_clock: Any, octets: bytes
) -> None:
    async with raw() as it:
        it.submit(2)
        await trio.testing.wait_all_tasks_blocked()
        await it.say(pdu(SUBMIT | RESP, 2, b"5F3A\0" + octets), pdu(SUBMIT | RESP, 3, b"5F3B\0"))
        assert it.answers == [("t0", 0, "5F3A"), ("t1", 0, "5F3B")]
        assert [answer.congestion for answer in it.feed.answers] == [90, None]


async def test_trap_9_answers_of_300_ms_each_in_series_are_no_silence(raw: Any, autojump_clock: Any) -> None:
    async with raw(window=10, response_timeout="5s") as it:
        it.submit(20)
        for sequence in range(2, 22):
            await trio.sleep(0.3)
            await it.say(pdu(SUBMIT | RESP, sequence, b"%d\0" % sequence))
        assert [token for token, _, _ in it.answers] == [f"t{number}" for number in range(20)]
        assert it.feed.gone == []


async def test_trap_12_a_bind_answered_by_generic_nack_is_refused(raw: Any, autojump_clock: Any) -> None:
    async with raw(is_bound=False) as it:
        await it.say(pdu(NACK, 1, status=0x03))
        assert it.ended is not None
        assert (it.ended.reason, it.ended.refusal) == (CloseReason.BIND_REFUSED, 3)


@pytest.mark.parametrize("command", [0x01, 0x02])
async def test_trap_12_a_bind_answered_by_another_binds_response_is_bound(
    raw: Any, autojump_clock: Any, command: int
) -> None:
    async with raw(is_bound=False) as it:
        await it.say(pdu(command | RESP, 1, b"smsc\0"))
        assert it.bind.state is BindState.BOUND


@pytest.mark.parametrize("answer", [pdu(UNBIND, 77), pdu(UNBIND | RESP, 2), pdu(NACK, 2, status=3)])
async def test_trap_14_an_unbind_is_over_however_it_is_answered(raw: Any, autojump_clock: Any, answer: bytes) -> None:
    async with raw() as it:
        it.bind.leave(5.0)
        await trio.testing.wait_all_tasks_blocked()
        assert it.heard[-1] == (UNBIND, 2)
        await trio.sleep(4)
        await it.say(answer)
        assert it.ended is not None
        assert it.ended.reason is CloseReason.UNBOUND
        if answer == pdu(UNBIND, 77):
            assert it.heard[-1] == (UNBIND | RESP, 77), "theirs is answered too"


async def test_trap_14_an_unbind_answered_by_closing_is_over(raw: Any, autojump_clock: Any) -> None:
    async with raw() as it:
        it.bind.leave(5.0)
        await trio.testing.wait_all_tasks_blocked()
        await it.far.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert it.ended is not None
        assert it.ended.reason is CloseReason.UNBOUND


async def test_trap_14_an_unbind_never_answered_is_over_after_unbind_timeout(raw: Any, autojump_clock: Any) -> None:
    async with raw(unbind_timeout="3s") as it:
        it.bind.leave(60.0)
        start = trio.current_time()
        await it.over.wait()
        assert trio.current_time() - start == pytest.approx(3.0)


@pytest.mark.parametrize("sequence", [0, 0x8000_0002, 0xFFFF_FFFF])
async def test_pain_24_a_response_with_an_impossible_sequence_number_settles_nothing(
    raw: Any, autojump_clock: Any, sequence: int
) -> None:
    async with raw() as it:
        it.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await it.say(pdu(SUBMIT | RESP, sequence, b"wrong\0"))
        assert it.answers == []
        await it.say(pdu(SUBMIT | RESP, 2, b"right\0"))
        assert it.answers == [("t0", 0, "right")]


@pytest.mark.parametrize("body", [b"", b"\0", b"Some words\0", b"\0\x00\x1d\x00\x05busy\0"])
async def test_pain_25_an_error_is_an_answer_with_or_without_a_body(raw: Any, autojump_clock: Any, body: bytes) -> None:
    async with raw() as it:
        it.submit(1)
        await trio.testing.wait_all_tasks_blocked()
        await it.say(pdu(SUBMIT | RESP, 2, body, status=0x58))
        assert [(token, status) for token, status, _ in it.answers] == [("t0", 0x58)]
        assert it.bind.state is BindState.BOUND


async def test_trap_20_a_length_of_15_is_nacked_and_ends_the_link(raw: Any, autojump_clock: Any) -> None:
    async with raw() as it:
        await it.say(b"\0\0\0\x0f" + b"\0" * 12)
        assert it.ended is not None
        assert it.ended.reason is CloseReason.BAD_FRAME
        assert it.heard[-1] == (NACK, 0)


@pytest.mark.parametrize("status", [0x0D, 0x0E])
@pytest.mark.parametrize("body", [b"", b"\0", b"smsc\0"])
async def test_trap_20_a_wrong_password_is_told_with_or_without_a_body(
    raw: Any, autojump_clock: Any, status: int, body: bytes
) -> None:
    async with raw(is_bound=False) as it:
        await it.say(pdu(BIND | RESP, 1, body, status=status))
        assert it.ended is not None
        assert it.ended.refusal == status


async def test_trap_21_all_segments_of_a_long_message_are_on_the_wire_before_the_first_is_answered(
    raw: Any, autojump_clock: Any
) -> None:
    async with raw(window=10) as it:
        it.submit(7)
        await trio.testing.wait_all_tasks_blocked()
        assert len(it.sequences(SUBMIT)) == 7
        await it.say(*[pdu(SUBMIT | RESP, sequence, b"id\0") for sequence in it.sequences(SUBMIT)])
        assert len(it.answers) == 7


async def test_trap_22_a_delivery_is_answered_while_every_slot_waits(raw: Any, autojump_clock: Any) -> None:
    async with raw(window=2) as it:
        it.submit(5)
        await it.say(a_delivery(70))
        it.bind.answer(it.delivered[0], 0)
        await trio.testing.wait_all_tasks_blocked()
        assert it.heard[-1] == (DELIVER | RESP, 70)
        assert it.bind.in_flight == 2


async def test_trap_23_a_link_is_asked_before_thirty_seconds_of_silence(raw: Any, autojump_clock: Any) -> None:
    async with raw(enquire_link_idle="20s") as it:
        await trio.sleep(29)
        assert it.sequences(ENQUIRE) == [2]


async def test_pain_23_enquiries_and_answers_are_heard_while_a_thousand_deliveries_wait_to_be_written_down(
    raw: Any, autojump_clock: Any
) -> None:
    async with raw(window=10) as it:
        it.submit(10)
        await trio.testing.wait_all_tasks_blocked()
        await it.say(*[a_delivery(number) for number in range(100, 1_000)])
        await it.say(*[pdu(SUBMIT | RESP, sequence, b"id\0") for sequence in range(2, 12)], pdu(ENQUIRE, 5))
        assert len(it.delivered) == 900
        assert len(it.answers) == 10
        assert it.heard[-1] == (ENQUIRE | RESP, 5)


async def test_pain_26_unknown_tlvs_and_pdus_cost_no_bind_and_only_the_unknown_command_is_nacked(
    raw: Any, autojump_clock: Any
) -> None:
    async with raw() as it:
        await it.say(_with_tlv(a_delivery(5)))
        assert it.delivered[0].tlvs == {0x1401: b"??"}
        await it.say(pdu(0x0001_0200, 6, b"??"), pdu(DELIVER, 7, b"cut"))
        assert it.heard[-2:] == [(NACK, 6), (DELIVER | RESP, 7)]
        assert it.bind.state is BindState.BOUND


def _with_tlv(frame: bytes) -> bytes:
    octets = frame + b"\x14\x01\x00\x02??"
    return struct.pack(">I", len(octets)) + octets[4:]
