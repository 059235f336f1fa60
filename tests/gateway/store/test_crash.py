"""A process that dies: what was claimed is in doubt, what was not is untouched, what was under way is told again."""

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import Verdict

MINUTE = 60_000


async def test_every_claimed_segment_without_an_answer_is_in_doubt(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(6)))
    bind = bench.bind()
    await bind.ask(4)
    await bind.send(messages[0])
    await bind.answer(bind.an_answer(messages[1], Verdict.POSTPONED))
    async with bench.after_a_crash() as after:
        states = [await after.state(message) for message in messages]
        assert states == [
            MessageState.SENT,
            MessageState.RETRYING,
            MessageState.IN_DOUBT,
            MessageState.IN_DOUBT,
            MessageState.QUEUED,
            MessageState.QUEUED,
        ]
        assert after.store.started_with_doubts == 2
        assert after.ready_is_right()
        assert after.store.backlog() == 2


async def test_of_a_long_message_only_the_unanswered_parts_are_in_doubt(bench):
    (message,) = await bench.accept(bench.a_long_message(3))
    bind = bench.bind()
    await bind.ask(3)
    await bind.send(message, part=2)
    async with bench.after_a_crash() as after:
        assert after.store.started_with_doubts == 2
        states = [a.state for a in (await after.story(message)).attempts]
        assert states == [AttemptState.IN_DOUBT, AttemptState.SENT, AttemptState.IN_DOUBT]


async def test_nothing_is_in_doubt_after_an_orderly_end(open_store):
    async with open_store() as bench:
        message = await bench.sent("1")
        waiting = await bench.accept_one()
    async with open_store() as bench:
        assert bench.store.started_with_doubts == 0
        assert [await bench.state(m) for m in (message, waiting)] == [MessageState.SENT, MessageState.QUEUED]


async def test_after_a_crash_resend_goes_out_again_and_hold_does_not(bench):
    resend, hold = await bench.accept(bench.a_message(), bench.a_message(lane="promotional"))
    await bench.bind().ask(2)
    async with bench.after_a_crash() as after:
        await after.after(MINUTE)
        bind = after.bind()
        await bind.ask(5)
        assert bind.messages == [resend]
        assert await after.state(hold) is MessageState.UNKNOWN


async def test_a_message_whose_intent_was_on_disk_is_never_claimed_anew_without_doubt(bench):
    (message,) = await bench.accept(bench.a_message())
    await bench.bind().ask(1)
    async with bench.after_a_crash() as after:
        assert await after.bind().ask(5) == []
        await after.after(MINUTE)
        assert (await after.story(message)).message.possible_duplicate


async def test_a_receipt_after_the_restart_settles_the_doubt(bench):
    message = await bench.accept_one()
    await bench.bind().ask(1)
    async with bench.after_a_crash() as after:
        await after.receipt("777")
        assert await after.state(message) is MessageState.DELIVERED


async def test_posts_that_were_under_way_are_made_again_with_the_same_id_and_members(bench):
    bench.take_deliveries()
    for recipient in ("+34600000001", "+34600000002", "+34600000003"):
        message = await bench.accept_one(account="mall", recipient=recipient)
        bind = bench.bind()
        await bind.ask(1)
        await bind.send(message, recipient)
    await bench.after(bench.policy.linger_ms)
    (before,) = bench.deliveries
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        (again,) = after.deliveries
        assert (again.id, again.webhook_id, again.bodies) == (before.id, before.webhook_id, before.bodies)
        await after.outcome(again)
        assert after.store.counts()["events_pending"] == 0


async def test_events_not_yet_told_are_told_after_a_crash(bench):
    await bench.sent("1")
    async with bench.after_a_crash() as after:
        after.take_deliveries()
        await after.commit()
        assert after.types(after.deliveries) == ["message.sent"]


async def test_a_crash_after_a_crash_loses_nothing(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(4)))
    await bench.bind().ask(2)
    async with bench.after_a_crash() as once, once.after_a_crash() as twice:
        assert twice.store.started_with_doubts == 0, "they are in doubt since the first"
        states = [await twice.state(message) for message in messages]
        assert states == [MessageState.IN_DOUBT] * 2 + [MessageState.QUEUED] * 2


async def test_ids_go_on_from_the_greatest_even_when_the_clock_went_back(bench):
    message = await bench.accept_one()
    bench.clock.advance(-60 * MINUTE)
    async with bench.after_a_crash() as after:
        assert after.store.last_id() > message
        assert after.ids.next() > message
