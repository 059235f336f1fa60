"""A text sent again by a carrier that cuts it otherwise: late receipts of the first count for its own parts only."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.messages import AttemptState, MessageState
from gateway.settings.types import ReceiptsOf
from gateway.store.by import by_operator
from gateway.store.policy import CarrierPolicy
from protocol.segments import LongMessages
from protocol.writing import TextWay

BY = by_operator(None)
MINUTE = 60_000
HOUR = 60 * MINUTE
USUAL = CarrierPolicy(72 * HOUR, 3 * MINUTE)
WHOLE = replace(USUAL, way=TextWay(long_messages=LongMessages.PAYLOAD))
DELIVERED, SENT = MessageState.DELIVERED, MessageState.SENT


@pytest.fixture
def sent_again(open_store):
    """A message of three parts that one carrier had in doubt and another was then dealt; both know it by its id."""

    @asynccontextmanager
    async def opened(first, second):
        async with open_store(carriers={"telco": first, "other": second}) as bench:
            (message,) = await bench.accept(bench.a_long_message(3, route="pair"))
            before, after = bench.bind("telco/1"), bench.bind("other/1")
            await before.ask(3)
            lost = before.names(message)
            bench.store.withdraw("telco/1")
            await before.doubt(message)
            await bench.store.settle_doubt(message, "resend", by=BY)
            await after.ask(3)
            # Its answers came late, and make its ids known.
            await before.answer(
                *(before.an_answer(message, name=name, carrier_message_id=f"A{name.part}") for name in lost)
            )
            yield bench, after, message

    return opened


def states(story):
    return [AttemptState(attempt.state).name for attempt in story.attempts]


async def test_one_part_of_three_does_not_stand_for_the_whole_that_went_after_it(sent_again):
    async with sent_again(USUAL, WHOLE) as (bench, after, message):
        await after.send(message, "B1")
        await bench.receipt("A1")
        await bench.receipt("A2")
        assert await bench.state(message) is SENT
        await bench.receipt("A3")
        assert await bench.state(message) is DELIVERED, "all of it has arrived as the first carrier had it"
        assert bench.told(message).count("message.delivered") == 1


async def test_the_whole_that_arrived_late_ends_a_message_of_which_only_parts_went_after_it(sent_again):
    async with sent_again(WHOLE, USUAL) as (bench, after, message):
        for part in (1, 2, 3):
            await after.send(message, f"B{part}", part)
        assert await bench.state(message) is SENT
        await bench.receipt("A1")
        assert await bench.state(message) is DELIVERED


@pytest.mark.parametrize("stat", ["UNDELIV", "EXPIRED", "REJECTD"])
async def test_an_end_of_the_first_sending_that_is_none_to_wish_for_leaves_the_second_to_its_own(sent_again, stat):
    async with sent_again(USUAL, WHOLE) as (bench, after, message):
        await after.send(message, "B1")
        for part in (1, 2, 3):
            await bench.receipt(f"A{part}", stat)
        assert await bench.state(message) is SENT
        await bench.receipt("B1", carrier="other")
        assert await bench.state(message) is DELIVERED


async def test_the_parts_of_two_ways_do_not_make_a_whole(sent_again):
    async with sent_again(WHOLE, USUAL) as (bench, after, message):
        for part in (1, 2, 3):
            await after.send(message, f"B{part}", part)
        await bench.receipt("B2", carrier="other")
        await bench.receipt("B3", carrier="other")
        await bench.receipt("A1", "UNDELIV")
        assert await bench.state(message) is SENT
        await bench.receipt("B1", carrier="other")
        assert await bench.state(message) is DELIVERED


async def test_where_one_receipt_is_for_all_that_of_the_first_sending_is_for_all_of_it(sent_again):
    async with sent_again(replace(USUAL, receipts_of=ReceiptsOf.ONE), WHOLE) as (bench, after, message):
        await after.send(message, "B1")
        await bench.receipt("A2")
        assert await bench.state(message) is DELIVERED


async def test_what_arrived_of_one_cut_is_not_left_out_of_the_next(open_store):
    """A rest is what lacks of the parts that there are now, whatever arrived of others."""
    async with open_store(carriers={"telco": USUAL, "other": USUAL}) as bench:
        other = bench.bind("other/1")
        (message,) = await bench.accept(bench.a_message(route="pair", text="x" * 306, segments=2))
        bench.sql("UPDATE messages SET claims = 1 WHERE id = ?", message)
        bench.sql(
            "INSERT INTO attempts (message, part, attempt, state, carrier, bind, claimed_at, parts) "
            "VALUES (?, 1, 1, ?, 'telco', 'telco/1', 0, 3)",
            message,
            int(AttemptState.DELIVERED),
        )
        await other.ask(2)
        assert [s.segment.part for s in other.claim_of(message).segments] == [1, 2]


async def test_a_message_that_is_cut_alike_keeps_no_note_of_it(sent_again):
    async with sent_again(USUAL, USUAL) as (bench, after, message):
        assert bench.sql("SELECT DISTINCT parts FROM attempts") == [(None,)]
        for part in (1, 2, 3):
            await after.send(message, f"B{part}", part)
        await bench.receipt("A1")
        await bench.receipt("B2", carrier="other")
        await bench.receipt("B3", carrier="other")
        assert await bench.state(message) is DELIVERED
        assert "DELIVERED" in states(await bench.story(message))
