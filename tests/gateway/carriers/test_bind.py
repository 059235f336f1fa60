from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState, Ended
from gateway.carriers.outgoing import WRITE_LIMIT_SECONDS
from gateway.carriers.pacing import Pace
from gateway.carriers.reading import DELIVERIES_WAITING
from gateway.carriers.silence import OWED_LIMIT_SECONDS
from gateway.carriers.traffic import Traffic
from gateway.carriers.waiting import WAIT_BEYOND_ANSWER_SECONDS
from gateway.metrics import RECYCLED
from protocol.codec import encode
from protocol.command_status import CommandStatus
from protocol.fields import HEADER_LENGTH
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, DeliverSm, QuerySm, QuerySmResp, SubmitSm
from protocol.session_events import CloseReason, QuestionAnswered

ENQUIRE_LINK = bytes.fromhex("00000010 00000015 00000000 00000077")
ENQUIRE_LINK_RESP = bytes.fromhex("00000010 80000015 00000000 00000077")
REQUEST = BindRequest(BindMode.TRANSCEIVER, "acme", "secret")


class RecordingFeed:
    def __init__(self) -> None:
        self.answers: list[tuple[Any, int, str, bool]] = []
        self.reads: list[int] = []
        self.gone: list[Any] = []
        self.returned: list[Any] = []
        self.freed_times: list[float] = []
        self.halts = 0
        self.end: tuple[list[Any], list[Any]] | None = None

    def answered(self, answers: list[Any]) -> None:
        assert self.end is None
        self.reads.append(len(answers))
        self.answers += [(a.token, a.status, a.message_id, a.late) for a in answers]

    def expired(self, tokens: list[Any]) -> None:
        self.gone += tokens

    def unwritten(self, tokens: list[Any]) -> None:
        self.returned += tokens

    def freed(self) -> None:
        self.freed_times.append(trio.current_time())

    def halted(self) -> None:
        self.halts += 1

    def closed(self, doubtful: list[Any], unwritten: list[Any]) -> None:
        assert self.end is None
        self.end = (doubtful, unwritten)


class Setup:
    """A bind whose other end is the scripted SMSC."""

    def __init__(self, smsc: Any, settings: Any, stream: Any = None, mode: BindMode = BindMode.TRANSCEIVER) -> None:
        self.smsc = smsc
        self.feed = RecordingFeed()
        self.pdus: list[Any] = []
        self.deliveries: list[int] = []
        self.states: list[BindState] = []
        paces = [Pace(settings.submit_rate)] if settings.submit_rate else []
        traffic = Traffic(open_feed=lambda bind: self.feed, deliver=self._deliver)
        self.bind = Bind(
            "telco/1", mode, settings, stream or smsc.near, traffic, paces=paces, on_state=self.states.append
        )
        self.ended: Ended | None = None
        self.over = trio.Event()

    def _deliver(self, bind: Bind, pdus: list[Any]) -> None:
        self.deliveries.append(len(pdus))
        self.pdus += pdus

    def submit(self, count: int, first: int = 0) -> None:
        self.bind.submit([(a_body(f"text {token}"), f"t{token}") for token in range(first, first + count)])

    async def run(self) -> None:
        self.ended = await self.bind.run(REQUEST)
        self.over.set()


def a_body(text: str) -> bytes:
    return encode(SubmitSm(destination_addr="34600000001", short_message=text.encode()))[HEADER_LENGTH:]


def a_receipt() -> DeliverSm:
    return DeliverSm(source_addr="34600000001", esm_class=4, short_message=b"id:1 stat:DELIVRD")


def tokens(count: int, first: int = 0) -> list[str]:
    return [f"t{number}" for number in range(first, first + count)]


@pytest.fixture
def bound(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A bind that runs beside its SMSC until the block is left."""

    @asynccontextmanager
    async def run(*, smsc: Any = None, stream: Any = None, wait: bool = True, **given: Any) -> AsyncIterator[Setup]:
        smsc = smsc or scripted_smsc()
        setup = Setup(smsc, carrier_settings(**given), stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(smsc.run)
            nursery.start_soon(setup.run)
            if wait:
                await trio.testing.wait_all_tasks_blocked()
                assert setup.bind.state is BindState.BOUND
            yield setup
            nursery.cancel_scope.cancel()

    return run


async def quiet() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_submits_go_out_and_their_answers_come_back_in_one_call(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.smsc.script = lambda pdu: 0
        it.submit(5)
        await quiet()
        assert it.feed.answers == [(f"t{n}", 0, f"id-{n + 1}", False) for n in range(5)]
        assert it.feed.reads == [5]
        assert it.bind.in_flight == 0


async def test_responses_out_of_order_reach_their_own_tokens(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(3)
        await quiet()
        for pdu in reversed(it.smsc.submits):
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await quiet()
        assert [answer[0] for answer in it.feed.answers] == ["t2", "t1", "t0"]


async def test_the_window_is_never_overrun_on_the_wire_even_by_a_message_of_ten_parts(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=3) as it:
        it.submit(10)
        await quiet()
        assert it.bind.in_flight == 3
        assert it.bind.waiting == 7
        for number in range(10):
            it.smsc.answer(it.smsc.submits[number])
            await it.smsc.flush()
            await quiet()
        assert it.smsc.most_unanswered == 3
        assert [pdu.short_message for pdu in it.smsc.submits] == [f"text {n}".encode() for n in range(10)]
        assert it.bind.waiting == 0


async def test_a_rate_holds_on_the_wire_and_the_feed_is_told_when_more_may_be_given(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=50, submit_rate=10) as it:
        it.submit(25)
        await quiet()
        assert len(it.smsc.submits) == 1
        await trio.sleep(1.0)
        assert 9 <= len(it.smsc.submits) <= 11
        await trio.sleep(2.0)
        assert len(it.smsc.submits) == 25
        assert it.feed.freed_times


async def test_half_open_link_is_found_by_unanswered_enquire_links(bound: Any, autojump_clock: Any) -> None:
    async with bound(enquire_link_idle="20s", enquire_link_timeout="10s", enquire_link_misses=2) as it:
        start = trio.current_time()
        it.submit(2)
        await quiet()
        it.smsc.silent = True
        with trio.fail_after(60):
            await it.over.wait()
        assert it.ended.reason is CloseReason.LINK_DEAD
        # Two may be missed; the third ends it.
        assert trio.current_time() - start == pytest.approx(50)
        assert it.feed.end == (["t0", "t1"], [])


async def test_a_link_that_answers_enquire_links_stays(bound: Any, autojump_clock: Any) -> None:
    async with bound(enquire_link_idle="20s") as it:
        await trio.sleep(3600)
        assert it.ended is None


async def test_a_bind_that_is_never_answered_ends_after_its_time(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False, bind_timeout="15s") as it:
        await trio.sleep(14.5)
        assert it.ended is None
        await trio.sleep(1)
        assert it.ended.reason is CloseReason.BIND_TIMEOUT
        assert it.ended.bound_seconds == 0
        assert it.feed.end is None


async def test_a_refused_bind_tells_its_status(bound: Any, autojump_clock: Any, scripted_smsc: type[Any]) -> None:
    async with bound(smsc=scripted_smsc(bind_status=0x0E), wait=False) as it:
        await quiet()
        assert it.ended.refusal == CommandStatus.ESME_RINVPASWD
        assert it.states == [BindState.CLOSED]


@pytest.mark.parametrize("after", ["bound", "written", "answered"])
async def test_the_peer_may_unbind_at_any_moment(bound: Any, autojump_clock: Any, after: str) -> None:
    async with bound(window=2) as it:
        if after != "bound":
            it.submit(4)
            await quiet()
        if after == "answered":
            it.smsc.answer(it.smsc.submits[0])
            it.smsc.answer(it.smsc.submits[1])
        it.smsc.unbind()
        await it.smsc.flush()
        await quiet()
        assert it.ended.reason is CloseReason.PEER_UNBOUND
        assert it.smsc.closed is not None
        assert it.smsc.closed.reason is CloseReason.UNBOUND, "our unbind_resp did not arrive"
        doubtful, unwritten = {
            "bound": ([], []),
            "written": (["t0", "t1"], ["t2", "t3"]),
            "answered": ([], ["t2", "t3"]),
        }[after]
        assert it.feed.end == (doubtful, unwritten)
        assert len(it.smsc.submits) == (0 if after == "bound" else 2)


async def test_the_peer_may_unbind_before_it_answers_the_bind(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False) as it:
        await quiet()
        await it.smsc._far.send_all(bytes.fromhex("00000010000000060000000000000001"))
        await quiet()
        assert it.ended.reason is CloseReason.PEER_UNBOUND


async def test_lost_session_leaves_only_what_was_written_in_doubt(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=3) as it:
        it.submit(5)
        await quiet()
        it.smsc.answer(it.smsc.submits[1])
        await it.smsc.flush()
        await quiet()
        await it.smsc.hang_up()
        await quiet()
        assert it.ended.reason is CloseReason.PEER_CLOSED
        assert it.feed.end == (["t0", "t2", "t3"], ["t4"])


class StuckStream(trio.abc.Stream):
    """A stream whose writes hang once `stuck`, since the peer reads no more, or fail once `broken`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.stuck = False
        self.broken = False
        self._released = trio.Event()
        self.writes: list[bytes] = []

    async def send_all(self, data: Any) -> None:
        self.writes.append(bytes(data))
        if self.stuck:
            await self._released.wait()
        if self.broken:
            raise trio.BrokenResourceError
        await self._inner.send_all(data)

    def release(self) -> None:
        """The write that hangs goes through; the next hangs if `stuck` still says so."""
        self._released.set()
        self._released = trio.Event()

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> Any:
        return await self._inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_write_that_does_not_finish_ends_the_link_and_what_stood_behind_it_is_not_in_doubt(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, window=10) as it:
        stream.stuck = True
        it.submit(2)
        await quiet()
        it.submit(3, first=2)
        await trio.sleep(WRITE_LIMIT_SECONDS - 1)
        assert it.ended is None
        await trio.sleep(3)
        assert it.ended.reason is CloseReason.LINK_DEAD
        assert it.feed.end == (tokens(2), tokens(3, first=2))


async def test_in_doubt_is_what_a_write_had_also_when_the_session_took_it_during_the_write_before(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, enquire_link_idle="10m") as it:
        stream.stuck = True
        it.submit(1)
        await quiet()
        # An answer of ours is gathered, as after every read, and then a submit_sm waits in the session alone.
        await smsc._far.send_all(ENQUIRE_LINK)
        await quiet()
        it.submit(1, first=1)
        stream.release()
        await quiet()
        assert len(stream.writes) == 3, "the bind request, and two that hung"
        await smsc.hang_up()
        await quiet()
        assert any(b"text 1" in write for write in stream.writes)
        assert it.feed.end == (tokens(2), [])


@pytest.mark.parametrize("one_pdu_per_write", [False, True])
async def test_what_is_unwritten_when_its_time_is_over_is_given_back_and_never_written(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any], one_pdu_per_write: bool
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, response_timeout="10s", one_pdu_per_write=one_pdu_per_write) as it:
        stream.stuck = True
        it.submit(1)
        await trio.sleep(1)
        it.submit(2, first=1)
        await smsc._far.send_all(ENQUIRE_LINK)
        await trio.sleep(8)
        it.submit(1, first=3)
        await trio.sleep(3)
        assert (it.feed.gone, it.feed.returned) == (["t0"], ["t1", "t2"])
        stream.stuck = False
        stream.release()
        await quiet()
        written = b"".join(stream.writes)
        assert [b"text %d" % number in written for number in range(4)] == [True, False, False, True]
        assert ENQUIRE_LINK_RESP in written
        await smsc.hang_up()
        await quiet()
        assert it.feed.end == (["t3"], [])


@pytest.mark.parametrize("terms", [{"submit_rate": 0.05}, {"window": 1}], ids=["pace", "window"])
async def test_what_waits_too_long_for_the_pace_or_the_window_is_given_back(
    bound: Any, autojump_clock: Any, terms: dict[str, Any]
) -> None:
    async with bound(response_timeout="20s", **terms) as it:
        it.submit(6)
        for _ in range(2):
            await trio.sleep(19)
            it.smsc.answer(it.smsc.submits[-1])
            await it.smsc.flush()
        await trio.sleep(20 + WAIT_BEYOND_ANSWER_SECONDS - 2 * 19 - 1)
        assert (it.bind.waiting, it.feed.returned) == (3, [])
        await trio.sleep(2)
        assert it.bind.waiting == 0
        assert it.feed.returned == tokens(3, first=3)
        await trio.sleep(60)
        assert len(it.smsc.submits) == 3


async def test_answers_that_came_before_the_write_side_broke_are_still_read(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        it.submit(2)
        await quiet()
        stream.broken = True
        it.submit(1, first=2)
        await trio.sleep(0.5)
        smsc.answer(smsc.submits[0])
        await smsc.flush()
        await trio.sleep(1)
        assert [answer[0] for answer in it.feed.answers] == ["t0"]
        assert it.ended.reason is CloseReason.LINK_DEAD
        assert it.feed.end == (["t1", "t2"], [])


async def test_in_doubt_is_exactly_what_a_write_had_however_an_unbind_and_a_write_cross(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    orders = set()
    for _ in range(60):
        smsc = scripted_smsc()
        stream = StuckStream(smsc.near)
        it = Setup(smsc, carrier_settings(), stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(smsc.run)
            nursery.start_soon(it.run)
            await quiet()
            smsc.unbind()
            smsc.near.receive_stream.put_data(smsc.session.bytes_to_send())
            it.submit(2)
            await it.over.wait()
        was_handed_on = any(b"text 0" in write for write in stream.writes)
        assert it.feed.end == ((tokens(2), []) if was_handed_on else ([], tokens(2)))
        orders.add(was_handed_on)
    assert orders == {True, False}, "chance orders the tasks; both orders were to be met"


async def test_one_pdu_per_write_where_the_carrier_needs_it(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, one_pdu_per_write=True) as it:
        stream.writes.clear()
        it.submit(4)
        await quiet()
        assert [int.from_bytes(write[:4], "big") for write in stream.writes] == [len(write) for write in stream.writes]
        assert len(stream.writes) == 4
        assert len(smsc.submits) == 4


async def test_pdus_share_a_write_otherwise(bound: Any, autojump_clock: Any, scripted_smsc: type[Any]) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        stream.writes.clear()
        it.submit(4)
        await quiet()
        assert len(stream.writes) == 1
        assert len(smsc.submits) == 4


async def test_only_the_pdu_in_its_write_is_in_doubt_when_each_has_its_own(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream, one_pdu_per_write=True) as it:
        stream.stuck = True
        it.submit(4)
        await quiet()
        await smsc.hang_up()
        await quiet()
        assert it.feed.end == (tokens(1), tokens(3, first=1))


async def test_it_reads_on_only_while_fewer_than_a_thousand_deliveries_wait(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        for number in range(3 * DELIVERIES_WAITING):
            it.smsc.deliver(a_receipt(), number)
        await it.smsc.flush()
        await quiet()
        held = len(it.pdus)
        assert DELIVERIES_WAITING <= held < 2 * DELIVERIES_WAITING + 100
        for pdu in it.pdus[: held - DELIVERIES_WAITING]:
            it.bind.answer(pdu, 0)
        await quiet()
        assert len(it.pdus) == held
        it.bind.answer(it.pdus[held - DELIVERIES_WAITING], 0)
        await quiet()
        assert len(it.pdus) > held


async def test_deliveries_of_a_read_are_handed_on_in_one_call_and_answers_share_a_write(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    smsc = scripted_smsc()
    stream = StuckStream(smsc.near)
    async with bound(smsc=smsc, stream=stream) as it:
        for number in range(20):
            smsc.deliver(a_receipt(), number)
        await smsc.flush()
        await quiet()
        assert it.deliveries == [20]
        assert smsc.delivered == []
        stream.writes.clear()
        for pdu in it.pdus:
            it.bind.answer(pdu, 0)
        await quiet()
        assert smsc.delivered == [(number, 0) for number in range(20)]
        assert len(stream.writes) == 1


async def test_a_receipt_before_the_answer_is_handed_on(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(1)
        await quiet()
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        assert len(it.pdus) == 1
        assert it.feed.answers == []


async def test_an_answer_after_the_end_does_nothing(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.smsc.deliver(a_receipt())
        await it.smsc.flush()
        await quiet()
        await it.smsc.hang_up()
        await quiet()
        it.bind.answer(it.pdus[0], 0)
        assert it.ended is not None


async def test_an_expired_submit_is_told_once_and_its_late_answer_still_matches(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(response_timeout="60s") as it:
        it.submit(1)
        await trio.sleep(59)
        assert it.feed.gone == []
        await trio.sleep(2)
        assert it.feed.gone == ["t0"]
        assert it.bind.in_flight == 0
        it.smsc.answer(it.smsc.submits[0])
        await it.smsc.flush()
        await quiet()
        assert it.feed.answers == [("t0", 0, "id-1", True)]


async def test_a_bind_whose_overdue_answers_exceed_half_of_its_window_is_recycled(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=10, response_timeout="60s") as it:
        before = RECYCLED.labels("telco")._value.get()
        it.submit(6)
        await trio.sleep(60.5)
        assert sorted(it.feed.gone) == tokens(6)
        assert (it.bind.state, it.feed.halts, it.bind.can_send) == (BindState.LEAVING, 1, False)
        assert RECYCLED.labels("telco")._value.get() == before + 1
        await trio.sleep(OWED_LIMIT_SECONDS - 1)
        assert it.ended is None
        await it.over.wait()
        assert it.ended.reason is CloseReason.UNANSWERED
        assert it.ended.detail == "recycled: 6 answers are overdue, of a window of 10"
        assert it.feed.end == ([], [])


async def test_half_a_window_of_overdue_answers_is_borne(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=10, response_timeout="60s", enquire_link_idle="10m") as it:
        it.submit(5)
        await trio.sleep(70)
        assert len(it.feed.gone) == 5
        assert it.bind.state is BindState.BOUND


async def test_a_recycled_bind_waits_for_late_answers_and_leaves_once_it_has_them(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="60s") as it:
        it.submit(3)
        await trio.sleep(60.5)
        assert it.bind.state is BindState.LEAVING
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        left = trio.current_time()
        await it.smsc.flush()
        await it.over.wait()
        assert [(token, late) for token, _, _, late in it.feed.answers] == [(token, True) for token in tokens(3)]
        assert trio.current_time() - left < 1
        assert it.feed.end == ([], [])


async def test_a_late_answer_is_no_longer_overdue(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as it:
        it.submit(2)
        await trio.sleep(10.5)
        it.smsc.answer(it.smsc.submits[0])
        await it.smsc.flush()
        await quiet()
        it.submit(2, first=2)
        await trio.sleep(9)
        it.smsc.answer(it.smsc.submits[3])
        await it.smsc.flush()
        await trio.sleep(2)
        assert it.feed.gone == ["t0", "t1", "t2"]
        assert it.bind.state is BindState.BOUND


async def test_what_is_overdue_for_longer_than_a_response_timeout_counts_until_the_carrier_answers_something(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as answering:
        answering.submit(2)
        await trio.sleep(15)
        answering.submit(2, first=2)
        await trio.sleep(1)
        answering.smsc.answer(answering.smsc.submits[2])
        await answering.smsc.flush()
        await trio.sleep(10)
        assert answering.feed.gone == ["t0", "t1", "t3"]
        assert answering.bind.state is BindState.BOUND
    async with bound(window=4, response_timeout="10s", enquire_link_idle="10m") as silent:
        silent.submit(2)
        await trio.sleep(15)
        silent.submit(1, first=2)
        await trio.sleep(10.5)
        assert silent.bind.state is BindState.LEAVING


async def test_a_bind_that_does_not_read_itself_is_not_recycled_for_the_answers_it_has_not_read(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound(window=4, response_timeout="10s") as it:
        it.submit(4)
        await quiet()
        for number in range(3 * DELIVERIES_WAITING):
            it.smsc.deliver(a_receipt(), number)
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await trio.sleep(11)
        assert len(it.feed.gone) == 4
        assert it.bind.state is BindState.BOUND
        while it.bind._reading._undecided:
            for pdu in it.pdus[-it.bind._reading._undecided :]:
                it.bind.answer(pdu, 0)
            await quiet()
        assert [late for *_, late in it.feed.answers] == [True] * 4


async def test_a_window_of_one_is_recycled_by_the_second_silence_in_a_row(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=1, response_timeout="10s", enquire_link_idle="10m") as it:
        it.submit(2)
        await trio.sleep(10.5)
        assert (it.feed.gone, it.bind.state) == (["t0"], BindState.BOUND)
        await trio.sleep(10)
        assert (it.feed.gone, it.bind.state) == (["t0", "t1"], BindState.LEAVING)


async def test_a_throttled_bind_pauses_tells_so_and_goes_on(bound: Any, autojump_clock: Any) -> None:
    async with bound(throttle_pause="2s") as it:
        assert it.bind.throttled()
        assert it.bind.state is BindState.PAUSED
        assert not it.bind.can_send
        assert not it.bind.throttled()
        await trio.sleep(1.9)
        assert it.feed.freed_times == []
        await trio.sleep(0.7)
        assert it.bind.state is BindState.BOUND
        assert len(it.feed.freed_times) == 1
        assert it.states == [BindState.BOUND, BindState.PAUSED, BindState.BOUND]


async def test_leaving_waits_for_answers_then_unbinds(bound: Any, autojump_clock: Any) -> None:
    async with bound(window=2) as it:
        it.submit(2)
        await quiet()
        it.bind.leave(30)
        assert it.feed.halts == 1
        await trio.sleep(10)
        assert it.ended is None
        for pdu in it.smsc.submits:
            it.smsc.answer(pdu)
        await it.smsc.flush()
        await quiet()
        assert it.ended.reason is CloseReason.UNBOUND
        assert it.smsc.closed.reason is CloseReason.PEER_UNBOUND
        assert len(it.feed.answers) == 2
        assert it.feed.end == ([], [])


async def test_leaving_gives_up_on_answers_that_do_not_come_and_on_an_unbind_that_is_not_answered(
    bound: Any, autojump_clock: Any
) -> None:
    async with bound() as it:
        it.submit(1)
        await quiet()
        it.smsc.silent = True
        it.bind.leave(30)
        await trio.sleep(29)
        assert it.ended is None
        await trio.sleep(2 + 9)
        assert it.ended is None, "unbind_timeout is 10 s"
        await trio.sleep(1)
        assert it.ended is not None
        assert it.feed.end == (["t0"], [])


async def test_leaving_before_the_bind_is_answered_ends_it_at_once(
    bound: Any, autojump_clock: Any, scripted_smsc: type[Any]
) -> None:
    async with bound(smsc=scripted_smsc(bind_status=None), wait=False) as it:
        await quiet()
        it.bind.leave(30)
        await quiet()
        assert it.ended is not None


async def test_answers_and_a_close_in_one_read_are_both_told(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        it.submit(2)
        await quiet()
        it.smsc.answer(it.smsc.submits[0])
        it.smsc.unbind()
        await it.smsc.flush()
        await quiet()
        assert [answer[0] for answer in it.feed.answers] == ["t0"]
        assert it.feed.end == (["t1"], [])


async def test_leaving_while_answers_and_a_close_are_told_ends_in_order(bound: Any, autojump_clock: Any) -> None:
    async with bound() as it:
        answered = it.feed.answered

        def answered_and_left(answers: list[Any]) -> None:
            answered(answers)
            it.bind.leave(5)

        it.feed.answered = answered_and_left
        it.submit(2)
        await quiet()
        it.smsc.answer(it.smsc.submits[0], 0x04)
        it.smsc.unbind()
        await it.smsc.flush()
        await quiet()
        assert it.feed.end == (["t1"], [])


async def test_stopping_in_the_middle_tells_what_is_in_doubt(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    smsc = scripted_smsc()
    it = Setup(smsc, carrier_settings(window=1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(smsc.run)
        async with trio.open_nursery() as inner:
            inner.start_soon(it.run)
            await quiet()
            it.submit(2)
            await quiet()
            inner.cancel_scope.cancel()
        assert it.feed.end == (["t0"], ["t1"])
        await smsc.ended.wait()


async def test_a_receiver_bind_opens_no_feed(
    scripted_smsc: type[Any], carrier_settings: Callable[..., Any], autojump_clock: Any
) -> None:
    smsc = scripted_smsc()
    it = Setup(smsc, carrier_settings(), mode=BindMode.RECEIVER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(smsc.run)
        nursery.start_soon(it.bind.run, BindRequest(BindMode.RECEIVER, "acme", "secret"))
        await quiet()
        assert it.bind.state is BindState.BOUND
        assert not it.bind.can_send
        smsc.deliver(a_receipt())
        await smsc.flush()
        await quiet()
        assert len(it.pdus) == 1
        nursery.cancel_scope.cancel()
    assert it.feed.end is None


def fails(answer: Any) -> None:
    raise LookupError("a fault of ours")


async def test_answers_are_handed_on_although_the_asker_of_a_question_beside_them_fails(
    bound: Any, autojump_clock: Any
) -> None:
    asked: list[Any] = []
    with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
        async with bound() as it:
            it.smsc.script = lambda pdu: 0
            it.smsc.reply = lambda pdu: QuerySmResp(sequence=pdu.sequence)
            it.bind.question(QuerySm("id-0"), fails)
            it.bind.question(QuerySm("id-0"), asked.append)
            it.submit(1)
            await quiet()
    assert it.feed.answers == [("t0", 0, "id-1", False)]
    assert [type(answer) for answer in asked] == [QuestionAnswered], "the next asker is told too"
    assert it.feed.end == ([], [])


async def test_the_end_is_told_although_the_asker_of_a_question_that_it_left_fails(
    bound: Any, autojump_clock: Any
) -> None:
    asked: list[Any] = []
    with pytest.RaisesGroup(pytest.RaisesExc(LookupError), flatten_subgroups=True):
        async with bound() as it:
            it.bind.question(QuerySm("id-0"), fails)
            it.bind.question(QuerySm("id-0"), asked.append)
            it.submit(1)
            await quiet()
            await it.smsc.hang_up()
            await quiet()
    assert asked == [None]
    assert it.feed.end == (["t0"], [])
    assert it.states[-1] is BindState.CLOSED
