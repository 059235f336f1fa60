"""What a carrier's answers ask of the bind and of its carrier, by its failure table."""

from typing import Any

import pytest
import trio
from fed_binds import claims, quiet

from gateway.carriers.bind_states import BindState
from gateway.rules.retrying import Verdict
from protocol.command_status import CommandStatus

ROK, SYSERR, REFUSED = 0, int(CommandStatus.ESME_RSYSERR), int(CommandStatus.ESME_RINVDSTADR)
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)
VENDORS = 0x0400


class Listener:
    """A Hearing that writes down what it hears."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, int, int]] = []
        self.missing: list[tuple[str, int, float]] = []
        self.stopped: list[tuple[str, str]] = []

    def heard(self, carrier: str, taken: int, errors: int, slowest: float, quickest: float, others: int = 0) -> None:
        assert slowest >= quickest >= 0
        self.answers.append((carrier, taken, errors, others))

    def unanswered(self, carrier: str, count: int, waited: float = 0.0) -> None:
        self.missing.append((carrier, count, waited))

    def received(self, carrier: str, count: int) -> None: ...

    def stop(self, carrier: str, status: str) -> None:
        self.stopped.append((carrier, status))


async def verdicts(it: Any, *statuses: int) -> list[Verdict]:
    """Answers to as many claims, in one read."""
    it.store.deal(*claims(len(statuses)))
    await quiet()
    await it.answer(*statuses)
    it.store.commit()
    return [answer.verdict for answer in it.store.answers]


async def test_a_read_is_heard_once_and_told_apart(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        it.send.hearing = Listener()
        told = await verdicts(it, ROK, ROK, SYSERR, REFUSED, THROTTLED)
        assert told == [Verdict.SENT, Verdict.SENT, Verdict.RETRY, Verdict.REFUSED, Verdict.POSTPONED]
        assert it.send.hearing.answers == [("telco", 2, 1, 2)]


async def test_wrong_numbers_that_others_may_try_are_no_fault_of_the_carrier(sending: Any, autojump_clock: Any) -> None:
    async with sending(on_status={"ESME_RINVDSTADR": "retry_elsewhere", "0x0400": "retry_elsewhere"}) as it:
        it.send.hearing = Listener()
        assert await verdicts(it, REFUSED, REFUSED, VENDORS) == [Verdict.RETRY] * 3
        assert it.send.hearing.answers == [("telco", 0, 1, 2)]


async def test_answers_that_never_came_are_told_with_how_long_they_were_waited_for(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(window=10, response_timeout="5s") as it:
        it.send.hearing = Listener()
        it.store.deal(*claims(3))
        await quiet()
        await trio.sleep(5.5)
        assert it.send.hearing.missing == [("telco", 3, 5.0)]
        await it.smsc.hang_up()
        await quiet()


async def test_a_lost_link_tells_of_what_was_in_flight(sending: Any, autojump_clock: Any) -> None:
    async with sending() as it:
        it.send.hearing = Listener()
        it.store.deal(*claims(2))
        await quiet()
        await it.smsc.hang_up()
        await quiet()
        assert it.send.hearing.missing == [("telco", 2, 0.0)]


async def test_a_status_that_stops_the_carrier_says_so_and_the_part_goes_elsewhere(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(on_status={"0x0400": "stop"}) as it:
        it.send.hearing = Listener()
        assert await verdicts(it, VENDORS, VENDORS) == [Verdict.RETRY, Verdict.RETRY]
        assert it.send.hearing.stopped == [("telco", "0x00000400")], "once a read"
        assert it.send.hearing.answers == [("telco", 0, 2, 0)]


@pytest.mark.parametrize(
    ("action", "verdict"),
    [("retry_here", Verdict.RETRY), ("retry_elsewhere", Verdict.RETRY), ("fail", Verdict.REFUSED)],
)
async def test_a_vendors_status_means_what_the_settings_say(
    sending: Any, autojump_clock: Any, action: str, verdict: Verdict
) -> None:
    async with sending(on_status={"0x0400": action}) as it:
        assert await verdicts(it, VENDORS) == [verdict]
        assert it.bind.can_send


async def test_a_status_that_asks_for_less_pauses_the_bind_as_a_throttle_does(
    sending: Any, autojump_clock: Any
) -> None:
    async with sending(on_status={"0x0400": "slow"}) as it:
        assert await verdicts(it, VENDORS) == [Verdict.POSTPONED]
        assert not it.bind.can_send


async def test_a_throttle_that_is_made_final_pauses_nothing(sending: Any, autojump_clock: Any) -> None:
    async with sending(on_status={"ESME_RTHROTTLED": "fail"}) as it:
        assert await verdicts(it, THROTTLED) == [Verdict.REFUSED]
        assert it.bind.can_send


async def test_a_lost_bind_made_final_is_not_left(sending: Any, autojump_clock: Any) -> None:
    async with sending(on_status={"ESME_RINVBNDSTS": "retry_elsewhere"}) as it:
        assert await verdicts(it, int(CommandStatus.ESME_RINVBNDSTS)) == [Verdict.RETRY]
        assert it.bind.state is BindState.BOUND
