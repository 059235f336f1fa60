"""Messages for later whose carrier is to hold them until then."""

from dataclasses import replace

from gateway.messages import MessageState
from gateway.rules.options import MessageOptions, to_json
from gateway.store.by import by_account
from gateway.store.interface import CancelOutcome, Verdict
from gateway.store.policy import CarrierPolicy

SECOND = 1_000
HOUR = 3_600 * SECOND


def holding(*carriers):
    """A change of the policy: which carriers hold what is scheduled."""
    usual = CarrierPolicy(72 * HOUR, 180 * SECOND)
    names = ("telco", "other", "backup")
    return {"carriers": {name: replace(usual, holds_schedules=name in carriers) for name in names}}


def for_later(bench, **fields):
    """A message of an hour later, filed for carriers that hold it."""
    at = bench.clock() + HOUR
    options = to_json(MessageOptions(deliver_at=at))
    return {"scheduled_at": at, "expires_at": at + HOUR, "options": options, **fields}


async def test_a_carrier_that_holds_it_gets_it_at_once(open_store):
    async with open_store(**holding("telco")) as bench:
        telco = bench.bind("telco/1")
        fields = for_later(bench)
        message = await bench.accept_one(**fields)
        await telco.ask(1)
        assert telco.messages == [message]
        assert telco.claims[0].options.deliver_at == fields["scheduled_at"]
        assert bench.ready_is_right()


async def test_a_carrier_that_does_not_hold_it_leaves_it_here_until_its_time(open_store):
    async with open_store(**holding("telco")) as bench:
        other = bench.bind("other/1")
        message = await bench.accept_one(route="pair", **for_later(bench))
        plain = await bench.accept_one(route="pair")
        await other.ask(2)
        await bench.commit()
        assert other.messages == [plain]
        assert await bench.state(message) is MessageState.RETRYING
        assert bench.ready_is_right()
        await bench.after(HOUR)
        assert other.messages == [plain, message]
        assert bench.told(message) == []


async def test_one_that_came_back_to_wait_is_canceled_as_any_that_is_unsent(open_store):
    async with open_store(**holding()) as bench:
        telco = bench.bind("telco/1")
        message = await bench.accept_one(**for_later(bench))
        await telco.ask(1)
        await bench.commit()
        assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.CANCELED
        assert bench.told(message) == ["message.canceled"]


async def test_what_the_carrier_would_not_hold_goes_out_at_its_time(open_store):
    async with open_store(**holding("telco")) as bench:
        telco = bench.bind("telco/1")
        fields = for_later(bench)
        message = await bench.accept_one(**fields)
        await telco.ask(1)
        await telco.answer(telco.an_answer(message, Verdict.POSTPONED, retry_at=fields["scheduled_at"]))
        assert await bench.state(message) is MessageState.RETRYING
        await telco.ask(1)
        assert telco.messages == [message]
        await bench.after(HOUR)
        assert telco.messages == [message, message]


async def test_one_of_which_parts_are_held_and_others_wait_here_cannot_be_canceled_before_its_time(open_store):
    """cancel_sm is asked of what is sent; the rest that waits here keeps the message from being that."""
    policy = CarrierPolicy(72 * HOUR, 180 * SECOND, cancel_sm=True, holds_schedules=True)
    async with open_store(carriers={"telco": policy}) as bench:
        telco = bench.bind("telco/1")
        fields = for_later(bench, text="x" * 306, segments=2)
        message = await bench.accept_one(**fields)
        await telco.ask(2)
        await telco.send(message, "A1", part=1)
        await telco.answer(telco.an_answer(message, Verdict.POSTPONED, part=2, retry_at=fields["scheduled_at"]))
        assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE
        await telco.ask(1)
        await bench.after(HOUR)
        await telco.send(message, "A2", part=2)
        assert await bench.store.cancel("shop", message, by_account("shop", 2)) is CancelOutcome.ASKED
