from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from gateway.carriers.bind import Bind
from gateway.carriers.bind_states import BindState
from gateway.carriers.pacing import Pace
from gateway.carriers.traffic import Traffic
from gateway.flows.bind_feed import BindFeed
from gateway.flows.send import RECORD_AGAIN_SECONDS, Send
from gateway.messages import ErrorCode
from gateway.rules.retrying import Verdict
from gateway.settings import Settings
from gateway.settings.sections import Lane
from gateway.store.interface import Answer, AttemptName, Claim, ClaimedSegment
from gateway.store.policy import policy_of
from protocol.command_status import CommandStatus
from protocol.numbers import BindMode
from protocol.pdus import BindRequest, SubmitSm
from protocol.segments import Segment

NOW = 1_750_000_000_000
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)


class RecordingStore:
    """What a store would be told. It commits when the test says so, and deals what the test gives."""

    def __init__(self) -> None:
        self.standing: int | None = None
        """The bind's standing ask; None while no window is open."""
        self.asks: list[int] = []
        self.pending: list[tuple[list[Answer], int, Callable[[bool], None]]] = []
        self.answers: list[Answer] = []
        self.released: list[AttemptName] = []
        self.doubted: list[AttemptName] = []
        self._take: Callable[[list[Claim]], None] | None = None
        self.carrier = ""

    def open_window(self, bind: str, carrier: str, take: Callable[[list[Claim]], None]) -> None:
        self.standing, self.carrier, self._take = 0, carrier, take

    def ask(self, bind: str, room: int) -> None:
        assert self.standing is not None
        assert room > 0
        self.asks.append(room)
        self.standing += room

    def withdraw(self, bind: str) -> int:
        assert self.standing is not None
        standing, self.standing = self.standing, 0
        return standing

    def answered(self, bind: str, answers: list[Answer], room: int, kept: Callable[[bool], None]) -> None:
        assert room >= 0
        self.pending.append((answers, room, kept))

    def release(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        assert room == 0
        self.released += attempts

    def doubt(self, bind: str, attempts: list[AttemptName], room: int) -> None:
        self.doubted += attempts
        if self.standing is not None:
            self.standing += room

    def close_window(self, bind: str) -> None:
        self.standing = None

    def deal(self, *claims: Claim) -> None:
        if self.standing is not None:
            self.standing -= sum(len(claim.segments) for claim in claims)
        assert self._take is not None
        self._take(list(claims))

    def commit(self, kept: bool = True) -> None:
        pending, self.pending = self.pending, []
        for answers, room, tell in pending:
            if kept:
                self.answers += answers
                if self.standing is not None:
                    self.standing += room
            tell(kept)


class Setup:
    def __init__(self, smsc: Any, settings: Any) -> None:
        self.smsc = smsc
        self.store = RecordingStore()
        lanes = {"otp": Lane.model_validate({"name": "otp", "priority": 1, "max_tries": 3})}
        self.send = Send(self.store, lanes, clock=lambda: NOW, rng=lambda: 0.0)  # type: ignore[arg-type]
        self.bind = self._new_bind(settings)

    def _new_bind(self, settings: Any) -> Bind:
        traffic = Traffic(open_feed=self._open_feed, deliver=lambda bind, pdus: None)
        paces = [Pace(settings.submit_rate)] if settings.submit_rate else []
        return Bind("telco/1", BindMode.TRANSCEIVER, settings, self.smsc.near, traffic, paces=paces)

    def _open_feed(self, bind: Bind) -> BindFeed:
        self.feed = self.send.open_feed(bind)
        return self.feed

    async def reconnect(self, nursery: trio.Nursery, smsc: Any) -> None:
        """Lose the bind, and bind again under the same name."""
        await self.smsc.hang_up()
        await quiet()
        self.smsc = smsc
        self.bind = self._new_bind(self.bind.settings)
        nursery.start_soon(smsc.run)
        nursery.start_soon(self.run)
        await quiet()

    async def run(self) -> None:
        await self.bind.run(BindRequest(BindMode.TRANSCEIVER, "acme", "secret"))

    async def answer(self, *statuses: int) -> None:
        """Answer the oldest unanswered submits, in one read."""
        first = len(self.smsc.submits) - self.smsc.unanswered
        for pdu, status in zip(self.smsc.submits[first:], statuses, strict=False):
            self.smsc.answer(pdu, status)
        await self.smsc.flush()
        await trio.testing.wait_all_tasks_blocked()


def a_claim(message: int, parts: int = 1, **changes: Any) -> Claim:
    segments = [
        ClaimedSegment(1, Segment(f"{message}.{part}".encode(), 0x40 if parts > 1 else 0, 0, part, parts))
        for part in range(1, parts + 1)
    ]
    values = {
        "message": message,
        "account": "shop",
        "lane": "otp",
        "sender": "SHOP",
        "recipient": "+34600000001",
        "expires_at": NOW + 90_500,
        "tries": 0,
        "throttles": 0,
        "segments": segments,
        **changes,
    }
    return Claim(**values)


def claims(count: int, first: int = 1) -> list[Claim]:
    return [a_claim(message) for message in range(first, first + count)]


def names(count: int, first: int = 1) -> list[AttemptName]:
    return [AttemptName(message, 1, 1) for message in range(first, first + count)]


async def quiet() -> None:
    await trio.testing.wait_all_tasks_blocked()


@pytest.fixture
def sending(scripted_smsc: type[Any], carrier_settings: Callable[..., Any]) -> Callable[..., Any]:
    """A bound bind with its feed; the store is the test's."""

    @asynccontextmanager
    async def run(**given: Any) -> AsyncIterator[Setup]:
        setup = Setup(scripted_smsc(), carrier_settings(**{"window": 10, **given}))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(setup.smsc.run)
            nursery.start_soon(setup.send.run)
            nursery.start_soon(setup.run)
            await quiet()
            yield setup
            nursery.cancel_scope.cancel()

    return run


async def test_a_bound_bind_asks_for_its_whole_window(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=7) as it:
        assert it.store.carrier == "telco"
        assert it.store.asks == [7]


async def test_a_claim_becomes_a_submit_sm_with_addresses_receipt_and_what_is_left_of_its_validity(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(service_type="WAP") as it:
        it.store.deal(a_claim(1, parts=2, sender="+34600123456"))
        await quiet()
        first, second = it.smsc.submits
        assert (first.source_addr_ton, first.source_addr_npi, first.source_addr) == (1, 1, "34600123456")
        assert (first.dest_addr_ton, first.dest_addr_npi, first.destination_addr) == (1, 1, "34600000001")
        assert first.service_type == "WAP"
        assert first.validity_period == "000000000130000R"
        assert [pdu.registered_delivery for pdu in (first, second)] == [1, 1]
        assert [pdu.esm_class for pdu in (first, second)] == [0x40, 0x40]
        assert [pdu.short_message for pdu in (first, second)] == [b"1.1", b"1.2"]


async def test_a_carriers_own_address_types_replace_the_derived_ones(sending: Any, autojump_clock: Any) -> None:
    async with sending(source_ton=0, source_npi=9, dest_ton=2, dest_npi=8) as it:
        it.store.deal(a_claim(1))
        await quiet()
        (pdu,) = it.smsc.submits
        assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (0, 9, "SHOP")
        assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == (2, 8)


async def test_answers_of_one_read_are_one_call_and_their_slots_come_back_with_the_commit(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending() as it:
        it.store.deal(*claims(4))
        await quiet()
        await it.answer(0, 0, 0, 0)
        assert it.store.standing == 6
        ((answers, room, _),) = it.store.pending
        assert room == 4
        assert [(a.message, a.part, a.attempt, a.verdict) for a in answers] == [
            (message, 1, 1, Verdict.SENT) for message in range(1, 5)
        ]
        assert [a.carrier_message_id for a in answers] == ["id-1", "id-2", "id-3", "id-4"]
        assert {(a.at, a.command_status, a.retry_at, a.error) for a in answers} == {(NOW, 0, 0, None)}
        it.store.commit()
        assert it.store.standing == 10
        assert it.store.asks == [10], "the commit gave the room; nothing was asked beside it"


async def test_answers_that_the_store_cannot_keep_hold_their_slots_and_are_put_again(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(3))
        await quiet()
        await it.answer(0, 0)
        it.store.commit(kept=False)
        assert it.store.standing == 0
        assert it.store.answers == []
        await trio.sleep(RECORD_AGAIN_SECONDS * 1.5)
        assert it.store.standing == 0
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1, 2]
        assert it.store.standing == 2


async def test_other_answers_do_not_free_a_slot_whose_answer_is_not_kept(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(3))
        await quiet()
        await it.answer(0)
        it.store.commit(kept=False)
        await it.answer(0)
        it.store.commit()
        assert it.store.standing == 1
        await trio.sleep(1)
        it.store.commit()
        assert it.store.standing == 2


async def test_a_long_message_overdraws_and_is_paid_back_before_the_next_ask(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(2))
        it.store.deal(a_claim(3, parts=10))
        await quiet()
        assert it.store.standing == -9
        assert it.smsc.most_unanswered == 3
        for answered in range(12):
            await it.answer(0)
            it.store.commit()
            assert it.store.standing == -8 + answered
            assert it.smsc.most_unanswered == 3
        assert it.store.standing == 3
        assert it.store.asks == [3]
        assert [pdu.short_message for pdu in it.smsc.submits[2:]] == [f"3.{part}".encode() for part in range(1, 11)]


@pytest.mark.parametrize("status", [THROTTLED, int(CommandStatus.ESME_RMSGQFUL)])
async def test_a_throttled_bind_gives_back_what_waits_asks_nothing_and_resumes_after_its_pause(
    sending: Any, autojump_clock: Any, status: int
) -> None:
    async with sending(window=2, throttle_pause="1s") as it:
        it.store.deal(a_claim(1, parts=4))
        await quiet()
        await it.answer(status)
        assert it.bind.state is BindState.PAUSED
        assert it.store.released == [AttemptName(1, 3, 1), AttemptName(1, 4, 1)]
        it.store.commit()
        (answer,) = it.store.answers
        assert (answer.verdict, answer.command_status, answer.error) == (Verdict.POSTPONED, status, None)
        assert answer.retry_at > NOW
        assert it.store.standing == 0
        await it.answer(0)
        it.store.commit()
        assert it.store.standing == 0
        await trio.sleep(0.9)
        assert it.store.standing == 0
        await trio.sleep(0.5)
        assert it.bind.can_send
        assert it.store.standing == 1, "half of the window"
        it.store.deal(*claims(2, first=2))
        await quiet()
        assert len(it.smsc.submits) == 3
        await it.answer(0)
        assert len(it.smsc.submits) == 3, "and a slower pace"
        await trio.sleep(0.1)
        assert len(it.smsc.submits) == 4


async def test_what_is_dealt_while_a_bind_is_paused_is_released_and_its_room_asked_again_later(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=4, throttle_pause="1s") as it:
        it.store.deal(a_claim(1))
        await quiet()
        await it.answer(THROTTLED)
        it.store.commit()
        it.store.deal(*claims(3, first=2))
        assert it.store.released == names(3, first=2)
        assert len(it.smsc.submits) == 1
        await trio.sleep(2)
        assert it.store.standing == 1
        assert it.bind.restraint.limit == 2


async def test_room_that_a_commit_brings_into_a_pause_is_withdrawn_again(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=2, throttle_pause="1s") as it:
        it.store.deal(*claims(2))
        await quiet()
        await it.answer(0)
        await it.answer(THROTTLED)
        assert [room for _, room, _ in it.store.pending] == [1, 0]
        it.store.commit()
        assert it.store.standing == 0
        await trio.sleep(2)
        assert it.store.standing == 1


async def test_a_temporary_error_is_retried_later_and_refused_when_the_tries_are_used_up(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending() as it:
        it.store.deal(a_claim(1, tries=0), a_claim(2, tries=2))
        await quiet()
        await it.answer(int(CommandStatus.ESME_RSYSERR), int(CommandStatus.ESME_RSYSERR))
        it.store.commit()
        retried, refused = it.store.answers
        assert retried.verdict is Verdict.RETRY
        assert retried.retry_at > NOW
        assert (refused.verdict, refused.error) == (Verdict.REFUSED, ErrorCode.CARRIER_UNAVAILABLE)
        assert it.bind.can_send
        assert it.store.standing == 10


async def test_a_permanent_error_is_refused(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        it.store.deal(a_claim(1))
        await quiet()
        await it.answer(int(CommandStatus.ESME_RINVDSTADR))
        it.store.commit()
        assert it.store.answers[0].verdict is Verdict.REFUSED
        assert it.store.answers[0].error == ErrorCode.DESTINATION_NOT_SERVED


async def test_a_carrier_that_lost_the_bind_is_left_and_the_message_waits_without_having_used_a_try(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=3) as it:
        it.store.deal(*claims(3))
        await quiet()
        await it.answer(int(CommandStatus.ESME_RINVBNDSTS))
        assert it.bind.state is BindState.LEAVING
        assert it.store.standing == 0
        await it.answer(0, 0)
        it.store.commit()
        assert [answer.verdict for answer in it.store.answers] == [Verdict.POSTPONED, Verdict.SENT, Verdict.SENT]
        assert it.bind.is_over
        assert it.store.doubted == []
        assert it.store.standing is None


async def test_an_unanswered_submit_is_in_doubt_its_slot_is_free_and_its_late_answer_is_recorded(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=4, response_timeout="60s") as it:
        it.store.deal(*claims(2))
        await trio.sleep(61)
        assert it.store.doubted == names(2)
        assert it.store.standing == 4
        await it.answer(0)
        ((answers, room, _),) = it.store.pending
        assert room == 0
        assert answers[0].verdict is Verdict.SENT
        assert answers[0].message == 1
        it.store.commit()
        assert it.store.standing == 4


async def test_a_recycled_bind_takes_its_ask_back_and_still_records_late_answers(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=4, response_timeout="60s") as it:
        it.store.deal(*claims(3))
        await trio.sleep(60.5)
        assert it.store.doubted == names(3)
        assert it.store.standing == 0
        await it.answer(0, 0)
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1, 2]
        await trio.sleep(61)
        assert it.bind.is_over
        assert it.store.standing is None
        assert it.store.doubted == names(3), "what was in doubt already is not told again"


async def test_claims_that_a_slow_pace_keeps_waiting_go_back_before_the_store_takes_them_for_lost(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=5, submit_rate=0.02, response_timeout="1m") as it:
        it.smsc.script = lambda pdu: 0
        start = trio.current_time()
        it.store.deal(a_claim(1, parts=10))
        await trio.sleep(89)
        assert it.store.released == []
        await trio.sleep(2)
        carrier = {"hosts": ["h:1"], "system_id": "x", "password": "y", "response_timeout": "1m"}
        policy = policy_of(Settings.model_validate({"carriers": {"telco": carrier}}))
        assert trio.current_time() - start + 60 < policy.carriers["telco"].answer_deadline_ms / 1000
        assert it.store.released == [AttemptName(1, part, 1) for part in range(3, 11)]
        it.store.commit()
        assert it.store.doubted == []
        assert it.store.standing == 1, "what an overdraft took is asked for again"


async def test_what_a_stuck_write_held_back_is_released_and_its_slots_are_asked_for_again(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=6, response_timeout="5s") as it:
        it.smsc.near.send_stream.send_all_hook = trio.sleep_forever
        it.store.deal(*claims(1))
        await trio.sleep(1)
        it.store.deal(*claims(2, first=2))
        await trio.sleep(5.5)
        assert it.store.doubted == names(1)
        assert it.store.released == names(2, first=2)
        assert it.store.standing == 6


async def test_a_lost_session_doubts_the_written_releases_the_waiting_and_closes_the_window(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=2) as it:
        it.store.deal(*claims(1))
        it.store.deal(a_claim(2, parts=4))
        await quiet()
        await it.answer(0)
        await it.smsc.hang_up()
        await quiet()
        assert it.store.doubted == [AttemptName(2, 1, 1), AttemptName(2, 2, 1)]
        assert it.store.released == [AttemptName(2, 3, 1), AttemptName(2, 4, 1)]
        assert it.store.standing is None
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1]


async def test_claims_that_come_after_the_end_are_released(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        await it.smsc.hang_up()
        await quiet()
        it.store.deal(*claims(2))
        assert it.store.released == names(2)


async def test_answers_not_kept_before_the_end_are_put_again_after_it(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        it.store.deal(*claims(1))
        await quiet()
        await it.answer(0)
        await it.smsc.hang_up()
        await quiet()
        it.store.commit(kept=False)
        await trio.sleep(1)
        ((_, room, _),) = it.store.pending
        assert room == 0
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1]


@pytest.mark.parametrize("dealt", [0, 3])
async def test_room_of_an_ended_bind_does_not_widen_the_window_of_the_next_that_has_its_name(
    sending: Any, scripted_smsc: Any, autojump_clock: Any, dealt: int
) -> None:
    async with sending(window=5) as it, trio.open_nursery() as nursery:
        it.store.deal(*claims(4))
        await quiet()
        await it.answer(0, 0, 0, 0)
        await it.reconnect(nursery, scripted_smsc())
        if dealt:
            it.store.deal(*claims(dealt, first=5))
        it.store.commit()
        assert it.store.standing == 5 - dealt
        await quiet()
        await it.answer(*[0] * dealt)
        it.store.commit()
        assert it.store.standing == 5
        nursery.cancel_scope.cancel()


async def test_room_of_an_ended_bind_that_is_not_kept_is_not_asked_of_the_next(
    sending: Any, scripted_smsc: Any, autojump_clock: Any
) -> None:
    async with sending(window=5) as it, trio.open_nursery() as nursery:
        it.store.deal(*claims(4))
        await quiet()
        await it.answer(0, 0, 0, 0)
        await it.reconnect(nursery, scripted_smsc())
        it.store.commit(kept=False)
        await trio.sleep(1)
        it.store.commit()
        assert [answer.message for answer in it.store.answers] == [1, 2, 3, 4]
        assert it.store.standing == 5
        nursery.cancel_scope.cancel()


async def test_what_no_frame_can_hold_is_refused_and_its_slot_comes_back(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=2) as it:
        it.store.deal(a_claim(1, recipient="+" + "1" * 70), a_claim(2))
        await quiet()
        assert len(it.smsc.submits) == 1
        it.store.commit()
        (answer,) = it.store.answers
        assert (answer.message, answer.verdict) == (1, Verdict.REFUSED)
        assert it.store.standing == 1


async def test_trap_21_all_parts_of_a_message_are_on_the_wire_though_throttles_have_cut_the_window(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=8, throttle_pause="1s") as it:
        it.store.deal(a_claim(1))
        await quiet()
        await it.answer(THROTTLED)
        it.store.commit()
        await trio.sleep(2)
        assert it.bind.restraint.limit == 4
        it.store.deal(a_claim(2, parts=3), a_claim(3, parts=3), a_claim(4, parts=3))
        await trio.sleep(5)
        sent = [pdu.short_message for pdu in it.smsc.submits[1:]]
        assert sent == [f"{message}.{part}".encode() for message in (2, 3) for part in (1, 2, 3)]
        rest = a_claim(5, parts=3)
        rest.segments = rest.segments[2:]
        assert it.feed.is_rest(None, (rest, rest.segments[0])), "its first parts went by an earlier claim"
        assert not it.feed.is_rest(None, (a_claim(6), a_claim(6).segments[0]))


async def test_a_paced_bind_asks_little_in_advance_and_keeps_its_rate(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=50, submit_rate=20) as it:
        it.smsc.script = lambda pdu: 0
        assert it.store.standing == 2
        start, message, most_waiting = trio.current_time(), 0, 0
        while trio.current_time() < start + 5:
            it.store.commit()
            room = it.store.standing
            if room > 0:
                it.store.deal(*claims(room, first=message + 1))
                message += room
            most_waiting = max(most_waiting, it.bind.waiting)
            await trio.sleep(0.005)
        assert 97 <= len(it.smsc.submits) <= 101
        assert most_waiting <= 2


async def test_every_slot_is_back_after_a_storm_of_throttles_losses_of_commits_and_expiries(
    sending: Any, autojump_clock: Any
) -> None:
    statuses = [0, THROTTLED, 0, 0, int(CommandStatus.ESME_RSYSERR), 0, 0]

    def script(pdu: SubmitSm) -> int | None:
        number = len(it.smsc.submits)
        return None if number % 23 == 0 else statuses[number % len(statuses)]

    async with sending(window=5, throttle_pause="100ms", response_timeout="400ms") as it:
        it.smsc.script = script
        message = 0
        for turn in range(1600):
            it.store.commit(kept=turn % 3 != 0)
            while it.store.standing > 0:
                message += 1
                it.store.deal(a_claim(message, parts=1 + message % 4))
            await trio.sleep(0.05)
            assert it.smsc.session.window.in_flight <= 5
        # A minute without throttles gives it its whole window and pace again.
        it.smsc.script = lambda pdu: 0
        for _ in range(700):
            await trio.sleep(0.1)
            it.store.commit()
            if it.store.standing > 0:
                message += 1
                it.store.deal(a_claim(message, parts=1 + message % 4))
        await trio.sleep(1)
        it.store.commit()
        assert it.bind.in_flight == it.bind.waiting == 0
        assert it.store.standing == 5
        accounted = len(it.store.answers) + len(it.store.released) + len(it.store.doubted)
        assert accounted == sum(1 + number % 4 for number in range(1, message + 1))
        assert len(it.store.doubted) > 5
        assert len(it.store.released) > 5
