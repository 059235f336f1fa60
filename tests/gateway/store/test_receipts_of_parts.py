"""Carriers that give a receipt for one part only: what it says holds for the parts that have none to come."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.messages import AttemptState, MessageState
from gateway.settings.types import ReceiptsOf
from gateway.store.policy import CarrierPolicy

MINUTE = 60_000
HOUR = 60 * MINUTE
DELIVERED, UNDELIVERED, SENT = MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.SENT


@pytest.fixture
def parts_of(open_store):
    """A message of three parts on a carrier with this `receipts_of`, claimed; and the bind that has it."""

    @asynccontextmanager
    async def opened(receipts_of, answered=(1, 2, 3)):
        policy = CarrierPolicy(72 * HOUR, 3 * MINUTE)
        async with open_store(carriers={"telco": replace(policy, receipts_of=receipts_of)}) as bench:
            (message,) = await bench.accept(bench.a_long_message(3))
            bind = bench.bind()
            await bind.ask(3)
            for part in answered:
                await bind.send(message, f"id-{part}", part)
            yield bench, bind, message

    return opened


async def receipt(bench, part, stat="DELIVRD"):
    await bench.receipt(f"id-{part}", stat)


def states(story):
    return [AttemptState(attempt.state).name for attempt in story.attempts]


async def test_by_default_every_part_waits_for_its_own_receipt(parts_of):
    async with parts_of(ReceiptsOf.EVERY) as (bench, _, message):
        await receipt(bench, 1)
        await receipt(bench, 3)
        assert await bench.state(message) is SENT
        await receipt(bench, 2)
        assert await bench.state(message) is DELIVERED


@pytest.mark.parametrize("part", [1, 2, 3])
async def test_with_one_receipt_a_message_that_of_any_part_is_for_all(parts_of, part):
    async with parts_of(ReceiptsOf.ONE) as (bench, _, message):
        await receipt(bench, part, "UNDELIV")
        story = await bench.story(message)
        assert MessageState(story.message.state) is UNDELIVERED
        assert states(story) == ["UNDELIVERED"] * 3
        assert {attempt.error for attempt in story.attempts} == {"unknown_subscriber"}
        assert [(r.part, r.applied) for r in story.receipts] == [(part, 1)], "the timeline shows what was told"
        assert bench.told(message) == ["message.sent", "message.undelivered"]


@pytest.mark.parametrize(("receipts_of", "asked"), [(ReceiptsOf.FIRST, 1), (ReceiptsOf.LAST, 3)])
async def test_parts_that_asked_for_none_end_with_the_one_that_did(parts_of, receipts_of, asked):
    async with parts_of(receipts_of) as (bench, _, message):
        await receipt(bench, asked)
        assert states(await bench.story(message)) == ["DELIVERED"] * 3
        assert await bench.state(message) is DELIVERED


async def test_a_receipt_that_was_not_asked_for_is_for_its_part_alone(parts_of):
    async with parts_of(ReceiptsOf.FIRST) as (bench, _, message):
        await receipt(bench, 2)
        assert states(await bench.story(message)) == ["SENT", "DELIVERED", "SENT"]
        await receipt(bench, 1)
        assert await bench.state(message) is DELIVERED


@pytest.mark.parametrize(("receipts_of", "told"), [(ReceiptsOf.FIRST, 1), (ReceiptsOf.ONE, 1), (ReceiptsOf.LAST, 3)])
async def test_a_part_that_is_answered_after_the_receipt_ends_with_its_answer(parts_of, receipts_of, told):
    async with parts_of(receipts_of, answered=(1, 3)) as (bench, bind, message):
        await receipt(bench, told)
        assert await bench.state(message) is MessageState.SUBMITTING
        await bind.send(message, "id-2", 2)
        assert states(await bench.story(message)) == ["DELIVERED"] * 3
        assert await bench.state(message) is DELIVERED


async def test_a_part_in_doubt_is_settled_by_the_one_receipt_of_the_message(parts_of):
    async with parts_of(ReceiptsOf.ONE, answered=(1, 3)) as (bench, bind, message):
        await bind.doubt(message, [2])
        await receipt(bench, 1)
        assert await bench.state(message) is DELIVERED


async def test_a_part_in_doubt_stays_so_where_only_the_first_asks(parts_of):
    """What the first part's receipt says is true of what the carrier took, and this it may never have had."""
    async with parts_of(ReceiptsOf.FIRST, answered=(1, 3)) as (bench, bind, message):
        await bind.doubt(message, [2])
        await receipt(bench, 1)
        assert states(await bench.story(message)) == ["DELIVERED", "IN_DOUBT", "DELIVERED"]
        assert await bench.state(message) is MessageState.IN_DOUBT


async def test_a_late_receipt_of_the_first_part_replaces_unknown_for_all(parts_of):
    async with parts_of(ReceiptsOf.FIRST) as (bench, _, message):
        await bench.after(24 * HOUR + 72 * HOUR)
        assert await bench.state(message) is MessageState.UNKNOWN
        await receipt(bench, 1)
        assert await bench.state(message) is DELIVERED
        assert {attempt.error for attempt in (await bench.story(message)).attempts} == {None}


async def test_a_second_receipt_that_says_otherwise_changes_nothing(parts_of):
    async with parts_of(ReceiptsOf.ONE) as (bench, _, message):
        await receipt(bench, 1)
        await receipt(bench, 2, "UNDELIV")
        assert await bench.state(message) is DELIVERED
        assert [(r.part, r.applied) for r in (await bench.story(message)).receipts] == [(1, 1), (2, 0)]


async def test_an_intermediate_state_of_a_part_says_nothing_of_the_others(parts_of):
    async with parts_of(ReceiptsOf.ONE) as (bench, _, message):
        await receipt(bench, 1, "ENROUTE")
        assert states(await bench.story(message)) == ["SENT"] * 3
