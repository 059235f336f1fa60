"""What a bind could not finish: released without doubt, or in doubt until something settles it."""

from gateway.messages import AttemptState, MessageState
from gateway.store.by import by_operator
from gateway.store.due import LOOK_FOR_LOST_MS
from gateway.store.interface import AttemptName

BY = by_operator(None)
SECOND = 1_000
MINUTE = 60_000


async def claimed(bench, lane="transactional", **changes):
    message = await bench.accept_one(lane=lane, **changes)
    bind = bench.bind()
    await bind.ask(1)
    return message, bind


async def test_what_was_never_written_is_unsent_without_doubt(bench):
    message, bind = await claimed(bench)
    await bind.release(message)
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.QUEUED
    assert (story.message.attempts, story.message.possible_duplicate) == (0, 0)
    (claim,) = await bind.ask(1)
    assert (claim.message, claim.segments[0].attempt) == (message, 2)
    assert bench.ready_is_right()


async def test_room_comes_back_with_a_release_and_with_a_doubt(bench):
    first, second, _ = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(1)
    bench.store.doubt(bind.name, bind.names(first), 1)
    await bench.commit()
    assert bind.messages == [first, second]
    bench.store.release(bind.name, bind.names(second), 1)
    await bench.commit()
    assert bind.messages == [first, second, second]


async def test_what_was_written_and_not_answered_is_in_doubt_for_the_lanes_grace(bench):
    message, bind = await claimed(bench)
    await bind.doubt(message)
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.IN_DOUBT
    assert story.message.due == bench.clock() + MINUTE
    await bench.after(MINUTE - 1)
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_a_doubt_is_told_to_those_who_ask_for_it(bench):
    message = await bench.accept_one(account="curious")
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    assert bench.told(message) == ["message.queued", "message.in_doubt"]


async def test_doubts_are_listed(bench):
    message, bind = await claimed(bench)
    assert await bench.store.doubts_count() == 0
    await bind.doubt(message)
    page = await bench.store.doubts(limit=10, cursor=None)
    (row,) = page.rows
    assert (row.message, row.carrier, row.lane, row.policy) == (message, "telco", "transactional", "resend")
    assert page.next_cursor is None
    assert await bench.store.doubts_count() == 1


async def test_doubts_are_listed_page_by_page(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(5)))
    bind = bench.bind()
    await bind.ask(5)
    for message in messages:
        await bind.doubt(message)
    found, cursor = [], None
    for _ in range(3):
        page = await bench.store.doubts(limit=2, cursor=cursor)
        found += [row.message for row in page.rows]
        cursor = page.next_cursor
    assert (found, cursor) == (messages, None)


async def test_resend_sends_again_once_and_says_that_it_may_be_a_duplicate(bench):
    message, bind = await claimed(bench)
    bench.take_deliveries()
    await bind.doubt(message)
    await bench.after(MINUTE)
    await bind.ask(1)
    assert bind.messages == [message, message]
    await bind.send(message, "2")
    await bench.commit()
    assert bench.bodies()[0]["data"]["possible_duplicate"] is True
    assert (await bench.story(message)).attempts[0].state == AttemptState.RESENT


async def test_hold_never_sends_twice_and_ends_unknown_after_its_grace(bench):
    message, bind = await claimed(bench, lane="promotional")
    await bind.doubt(message)
    await bench.after(MINUTE)
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.UNKNOWN, "outcome_unknown")
    await bench.after(10 * MINUTE)
    assert await bind.ask(5) == []
    assert bench.told(message) == ["message.unknown"]


async def test_a_doubt_that_outlives_its_validity_is_not_sent_again(bench):
    message, bind = await claimed(bench, expires_at=bench.clock() + 30 * SECOND)
    await bind.doubt(message)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.UNKNOWN


async def test_a_resend_that_finds_no_slot_before_its_validity_ends_is_unknown_not_expired(bench):
    message, bind = await claimed(bench, expires_at=bench.clock() + 2 * MINUTE)
    bind_answer = bind.an_answer(message, carrier_message_id="9")
    await bind.doubt(message)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.QUEUED
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.UNKNOWN
    await bind.answer(bind_answer)
    await bench.receipt("9")
    assert await bench.state(message) is MessageState.DELIVERED
    assert bench.ready_is_right()


async def test_a_doubt_of_a_lane_that_is_gone_is_held(open_store):
    async with open_store() as bench:
        message, bind = await claimed(bench)
        await bind.doubt(message)
    async with open_store(lanes={}) as bench:
        await bench.after(MINUTE)
        assert await bench.state(message) is MessageState.UNKNOWN


async def test_what_is_settled_already_cannot_be_released_or_doubted(bench):
    message, bind = await claimed(bench)
    await bind.send(message)
    before = await bench.story(message)
    await bind.release(message)
    await bind.doubt(message)
    assert await bench.story(message) == before


async def test_a_name_that_is_not_there_is_nothing(bench):
    bench.store.release("telco/1", [AttemptName(1, 1, 1)], 0)
    bench.store.doubt("telco/1", [AttemptName(2, 1, 1)], 0)
    await bench.commit()


async def test_a_claim_that_nobody_answers_or_ends_is_in_doubt_at_its_deadline(bench):
    message, _ = await claimed(bench)
    await bench.after(3 * MINUTE - 1)
    assert await bench.state(message) is MessageState.SUBMITTING
    await bench.after(1)
    await bench.after(LOOK_FOR_LOST_MS)
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_an_operator_settles_a_doubt_as_sent_resend_or_unknown(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(3)
    for message in messages:
        await bind.doubt(message)
    for message, outcome in zip(messages, ("sent", "resend", "unknown"), strict=True):
        assert await bench.store.settle_doubt(message, outcome, by=BY)
    states = [await bench.state(message) for message in messages]
    assert states == [MessageState.SENT, MessageState.QUEUED, MessageState.UNKNOWN]
    assert not await bench.store.settle_doubt(messages[0], "unknown", by=BY)
    assert bench.sql("SELECT count(*) FROM audit") == [(3,)]
    assert bench.ready_is_right()


async def test_a_claim_of_which_nothing_went_out_was_no_attempt(bench):
    (message,) = await bench.accept(bench.a_long_message(2))
    bind = bench.bind()
    await bind.ask(2)
    await bind.release(message, [1])
    await bind.release(message, [2])
    assert (await bench.story(message)).message.attempts == 0


async def test_a_claim_of_which_a_part_may_have_gone_out_was_an_attempt(bench):
    (message,) = await bench.accept(bench.a_long_message(2))
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(message, [1])
    await bind.release(message, [2])
    assert (await bench.story(message)).message.attempts == 1
