"""What a bind asks for and gives back while a throttle or a pace holds it."""

from typing import Any

import pytest
import trio
from fed_binds import NOW, THROTTLED, a_claim, claims, names, quiet

from gateway.carriers.bind_states import BindState
from gateway.carriers.pacing import Pace
from gateway.rules.retrying import Verdict
from gateway.settings import Settings
from gateway.store.interface import AttemptName
from gateway.store.policy import policy_of
from protocol.command_status import CommandStatus
from protocol.pdus import SubmitSm


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


async def test_other_settings_of_a_bound_carrier_ask_for_its_new_window_and_write_its_new_way(
    sending: Any, carrier_settings: Any, autojump_clock: Any
) -> None:
    async with sending(window=2) as it:
        settings = Settings.model_validate({"carriers": {"telco": {**KEYS, "window": 5, "service_type": "CMT"}}})
        assert it.store.standing == 2
        it.bind.restraint.retune(settings.carriers["telco"], [])
        it.bind.reconfigure(settings.carriers["telco"])
        it.send.reconfigure(settings)
        assert it.store.standing == 5
        it.store.deal(a_claim(1))
        await quiet()
        assert it.smsc.submits[-1].service_type == "CMT"
        it.bind.restraint.retune(carrier_settings(window=1), [])
        it.bind.reconfigure(carrier_settings(window=1))
        assert it.store.standing == 0, "one is in flight"


async def test_a_bind_that_leaves_keeps_its_way_where_its_carrier_comes_back_meanwhile(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=2) as it:
        it.send.reconfigure(Settings.model_validate({"carriers": {}}))
        settings = Settings.model_validate({"carriers": {"telco": {**KEYS, "service_type": "CMT"}}})
        it.send.reconfigure(settings)
        it.store.deal(a_claim(1))
        await quiet()
        assert it.smsc.submits[-1].service_type == ""


async def test_binds_that_come_to_share_a_pace_share_what_they_have_at_hand(sending: Any, autojump_clock: Any) -> None:
    async with sending(window=50) as it:
        paced = {**KEYS, "window": 50, "submit_rate": 50, "binds": 2}
        settings = Settings.model_validate({"carriers": {"telco": paced}})
        it.bind.restraint.retune(settings.carriers["telco"], [Pace(50)])
        it.bind.reconfigure(settings.carriers["telco"])
        it.send.reconfigure(settings)
        assert it.store.standing <= 5, "a tenth of a second's worth"


KEYS = {"hosts": ["one.example:2775"], "system_id": "acme", "password": "secret", "enquire_link_idle": "10m"}
