"""What becomes of a feed's asks, claims and answers when its bind leaves or is lost."""

from typing import Any

import pytest
import trio
from fed_binds import a_claim, claims, names, quiet

from gateway.carriers.bind_states import BindState
from gateway.rules.retrying import Verdict
from gateway.store.interface import AttemptName
from protocol.command_status import CommandStatus


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
