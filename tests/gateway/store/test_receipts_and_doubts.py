"""Receipts of attempts whose answer never came: they settle a doubt where they can be about nothing else."""

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import Verdict

SECOND = 1_000
MINUTE = 60_000


async def test_a_receipt_that_can_only_be_about_a_doubt_settles_it(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    await bench.receipt("777")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.matched for r in story.receipts] == ["doubt"]
    assert story.attempts[0].carrier_message_id == "777"


async def test_a_receipt_that_settled_a_doubt_told_twice_changes_nothing(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    await bench.receipt("777")
    await bench.receipt("777")
    assert len((await bench.story(message)).receipts) == 1
    assert bench.parked() == 0


async def test_a_receipt_that_came_before_the_doubt_settles_it(bench):
    message, bind = await bench.claimed()
    await bench.receipt("777")
    await bind.doubt(message)
    assert (await bench.state(message), bench.parked()) == (MessageState.DELIVERED, 0)


async def test_a_receipt_from_before_the_claim_is_not_about_the_doubt(bench):
    await bench.receipt("777")
    bench.clock.advance(SECOND)
    message, bind = await bench.claimed()
    await bind.doubt(message)
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_a_receipt_that_fits_two_doubts_settles_none(bench):
    first, second = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(first)
    await bind.doubt(second)
    await bench.receipt("777")
    assert [await bench.state(m) for m in (first, second)] == [MessageState.IN_DOUBT] * 2
    assert bench.parked() == 1


async def test_a_receipt_that_may_be_ahead_of_another_answer_settles_no_doubt(bench):
    first, second = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(first)
    await bench.receipt("777")
    assert await bench.state(first) is MessageState.IN_DOUBT
    await bind.send(second, "777")
    assert [await bench.state(m) for m in (first, second)] == [MessageState.IN_DOUBT, MessageState.DELIVERED]


async def test_a_receipt_that_may_be_about_an_older_message_without_id_settles_no_doubt(bench):
    old, bind = await bench.claimed(lane="promotional")
    await bind.doubt(old)
    await bench.after(MINUTE)
    assert await bench.state(old) is MessageState.UNKNOWN
    new, bind = await bench.claimed()
    await bind.doubt(new)
    await bench.receipt("777")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.UNKNOWN, MessageState.IN_DOUBT]


async def test_a_receipt_for_another_number_settles_no_doubt(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    await bench.receipt("777", to="34600000002")
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_a_receipt_spares_the_second_sending_after_a_doubt(bench):
    message, bind = await bench.claimed()
    await bind.answer()
    await bind.doubt(message)
    bench.store.answered(bind.name, [bind.an_answer(message, carrier_message_id="9")], 0, bind.kept.append)
    await bench.after(MINUTE)
    await bench.receipt("9")
    assert await bench.state(message) is MessageState.DELIVERED
    assert await bind.ask(1) == []
    assert bench.ready_is_right()


async def test_a_receipt_for_a_postponed_attempt_is_kept_and_not_applied(bench):
    message, bind = await bench.claimed()
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED))
    await bench.receipt("5")
    assert (await bench.state(message), bench.parked()) == (MessageState.RETRYING, 1)
    assert (await bench.story(message)).attempts[0].state == AttemptState.POSTPONED
