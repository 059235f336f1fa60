"""Long messages: doubt, retry and policy act on parts; the message follows its parts."""

from gateway.messages import AttemptState, MessageState
from gateway.store.by import by_account
from gateway.store.cutting import reference_of
from gateway.store.interface import CancelOutcome, Verdict

SECOND = 1_000
MINUTE = 60_000


async def claimed(bench, parts=2, lane="transactional", route="pair"):
    message = bench.a_long_message(parts, lane=lane, route=route)
    await bench.accept(message)
    bind = bench.bind()
    await bind.ask(parts)
    return message.id, bind


async def test_a_message_is_sent_when_all_its_parts_are(bench):
    message, bind = await claimed(bench, 3)
    await bind.send(message, part=2)
    await bind.send(message, part=1)
    assert await bench.state(message) is MessageState.SUBMITTING
    await bind.send(message, part=3)
    assert await bench.state(message) is MessageState.SENT
    assert bench.told(message) == ["message.sent"]


async def test_answers_to_all_parts_in_one_commit_send_the_message(bench):
    message, bind = await claimed(bench, 3)
    await bind.answer(*(bind.an_answer(message, part=part) for part in (1, 2, 3)))
    assert await bench.state(message) is MessageState.SENT
    assert bench.told(message) == ["message.sent"]


async def test_only_the_throttled_part_goes_out_again_and_with_the_same_carrier(bench):
    message, bind = await claimed(bench)
    await bind.send(message, part=1)
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=2))
    assert await bench.state(message) is MessageState.RETRYING
    await bench.after(5 * SECOND)
    other = bench.bind("other/1")
    assert await other.ask(5) == []
    (claim,) = await bind.ask(5)
    assert [(s.segment.part, s.segment.total, s.attempt) for s in claim.segments] == [(2, 2, 2)]
    await bind.send(message, part=2)
    assert await bench.state(message) is MessageState.SENT
    states = [(a.part, a.attempt, a.state) for a in (await bench.story(message)).attempts]
    assert states == [(1, 1, AttemptState.SENT), (2, 1, AttemptState.POSTPONED), (2, 2, AttemptState.SENT)]


async def test_the_same_reference_joins_the_parts_of_both_claims(bench):
    message, bind = await claimed(bench)
    await bind.send(message, part=1)
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=2))
    await bench.after(5 * SECOND)
    await bind.ask(1)
    references = {s.segment.short_message[3] for claim in bind.claims for s in claim.segments}
    assert len(references) == 1


async def test_a_refused_part_fails_the_message_and_the_rest_is_not_sent(bench):
    message, bind = await claimed(bench, 3)
    await bind.send(message, part=1)
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=3))
    await bind.answer(bind.an_answer(message, Verdict.REFUSED, part=2))
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.FAILED, "destination_not_served")
    await bench.after(MINUTE)
    assert await bind.ask(5) == []
    assert bench.told(message) == ["message.failed"]
    assert bench.ready_is_right()


async def test_a_message_is_delivered_only_when_all_parts_are(bench):
    message, bind = await claimed(bench)
    await bind.send(message, "a", part=1)
    await bind.send(message, "b", part=2)
    await bench.receipt("b")
    assert await bench.state(message) is MessageState.SENT
    await bench.receipt("a")
    assert await bench.state(message) is MessageState.DELIVERED
    assert bench.told(message) == ["message.sent", "message.delivered"]


async def test_receipts_of_all_parts_in_one_commit_deliver_the_message(bench):
    message, bind = await claimed(bench)
    await bind.send(message, "a", part=1)
    await bind.send(message, "b", part=2)
    kept = []
    for carrier_message_id in ("a", "b"):
        bench.store.receipt(bench.a_receipt(carrier_message_id), kept.append)
    await bench.commit()
    assert await bench.state(message) is MessageState.DELIVERED
    assert kept == [True, True]


async def test_the_worst_part_decides_and_tells_its_own_cause(bench):
    message, bind = await claimed(bench)
    bench.take_deliveries()
    await bind.send(message, "a", part=1)
    await bind.send(message, "b", part=2)
    await bench.receipt("a", "UNDELIV", error="absent_subscriber", err="027")
    assert await bench.state(message) is MessageState.SENT
    await bench.receipt("b", "DELIVRD")
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.UNDELIVERED, "absent_subscriber")
    for delivery in list(bench.deliveries):
        await bench.outcome(delivery)
    error = bench.bodies()[-1]["data"]["error"]
    assert (error["code"], error["carrier_code"]["err"]) == ("absent_subscriber", "027")
    assert bench.bodies()[-1]["data"]["carrier_message_id"] == "a"


async def test_receipts_overtaking_the_answers_of_a_long_message_end_it(bench):
    message, bind = await claimed(bench)
    await bench.receipt("a")
    await bind.send(message, "a", part=1)
    assert await bench.state(message) is MessageState.SUBMITTING
    await bench.receipt("b")
    await bind.send(message, "b", part=2)
    assert await bench.state(message) is MessageState.DELIVERED


async def test_doubt_waits_until_every_part_is_answered(bench):
    message, bind = await claimed(bench, 3)
    await bind.doubt(message, [2])
    assert await bench.state(message) is MessageState.SUBMITTING
    await bind.send(message, part=1)
    await bind.send(message, part=3)
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_only_the_doubtful_part_is_sent_again(bench):
    message, bind = await claimed(bench)
    await bind.send(message, part=1)
    await bind.doubt(message, [2])
    await bench.after(MINUTE)
    (claim,) = await bind.ask(5)
    assert [s.segment.part for s in claim.segments] == [2]
    assert (await bench.story(message)).message.possible_duplicate


async def test_a_held_part_is_given_up_while_the_unsent_one_goes_out(bench):
    message, bind = await claimed(bench, lane="promotional")
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=1))
    await bind.doubt(message, [2])
    await bench.after(MINUTE)
    (claim,) = await bind.ask(5)
    assert [s.segment.part for s in claim.segments] == [1]
    await bind.send(message, "a", part=1)
    await bench.receipt("a")
    assert await bench.state(message) is MessageState.UNKNOWN


async def test_parts_that_were_never_written_are_released_and_those_written_are_in_doubt(bench):
    message, bind = await claimed(bench, 3)
    await bind.send(message, part=1)
    await bind.release(message, [3])
    await bind.doubt(message, [2])
    assert await bench.state(message) is MessageState.IN_DOUBT
    await bench.after(MINUTE)
    (claim,) = await bind.ask(5)
    assert [s.segment.part for s in claim.segments] == [2, 3]


async def test_a_message_whose_first_part_went_out_cannot_be_canceled(bench):
    message, bind = await claimed(bench)
    await bind.send(message, part=1)
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=2))
    assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE


async def test_a_receipt_for_a_part_of_a_failed_message_ends_that_part_alone(bench):
    message, bind = await claimed(bench)
    await bind.send(message, "a", part=1)
    await bind.answer(bind.an_answer(message, Verdict.REFUSED, part=2))
    await bench.receipt("a")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.FAILED
    assert story.attempts[0].state == AttemptState.DELIVERED
    assert bench.told(message) == ["message.failed"]


def test_pain_27_messages_to_one_number_have_references_of_their_own_a_moment_apart():
    """Of one request or of requests a few milliseconds apart: both were on their way to the phone at once."""
    at = 1_795_328_022_618
    moments = [(at + ms) << 20 for ms in range(256)]
    bulk = [(at << 20) + n for n in range(256)]
    for ids in (moments, bulk):
        assert len({reference_of(message) & 0xFF for message in ids}) == 256
    assert len({reference_of((at + ms) << 20) for ms in range(60_000)}) == 60_000
