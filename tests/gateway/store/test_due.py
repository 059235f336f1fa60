"""Every message ends: whatever its state, its time comes."""

from gateway.identifiers import MESSAGE, public
from gateway.messages import AttemptState, MessageState
from gateway.store.interface import Verdict

SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def test_a_scheduled_message_is_ready_when_its_time_comes(bench):
    message = await bench.accept_one(scheduled_at=bench.clock() + HOUR, account="curious")
    bind = bench.bind()
    await bind.ask(1)
    await bench.after(HOUR - 1)
    assert (await bench.state(message), bench.store.backlog()) == (MessageState.SCHEDULED, 0)
    await bench.after(1)
    assert bind.messages == [message]
    assert bench.told(message) == ["message.scheduled", "message.queued"]


async def test_a_scheduled_message_fires_once_at_its_time_after_a_crash(bench):
    message = await bench.accept_one(scheduled_at=bench.clock() + HOUR)
    async with bench.after_a_crash() as again:
        bind = again.bind()
        await bind.ask(2)
        await again.after(HOUR - 1)
        assert bind.messages == []
        await again.after(1)
        assert bind.messages == [message]
        assert again.ready_is_right()


async def test_a_message_that_is_not_sent_in_its_validity_expires(bench):
    message = await bench.accept_one(expires_at=bench.clock() + HOUR)
    await bench.after(HOUR - 1)
    assert await bench.state(message) is MessageState.QUEUED
    await bench.after(1)
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.EXPIRED, "expired")
    assert (bench.told(message), bench.store.backlog()) == (["message.expired"], 0)
    assert bench.ready_is_right()


async def test_a_scheduled_message_whose_validity_is_over_expires(bench):
    message = await bench.accept_one(scheduled_at=bench.clock() + HOUR, expires_at=bench.clock() + 2 * HOUR)
    await bench.after(3 * HOUR)
    assert await bench.state(message) is MessageState.EXPIRED


async def test_a_message_on_the_wire_does_not_expire(bench):
    message = await bench.accept_one(expires_at=bench.clock() + MINUTE)
    bind = bench.bind()
    await bind.ask(1)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.SUBMITTING
    await bind.send(message, "1")
    await bench.receipt("1")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_sent_message_without_a_receipt_is_unknown_at_the_horizon(bench):
    message = await bench.sent("1")
    await bench.after(24 * HOUR + 72 * HOUR - 1)
    assert await bench.state(message) is MessageState.SENT
    await bench.after(1)
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.UNKNOWN, "no_receipt")
    assert story.attempts[0].state == AttemptState.UNKNOWN


async def test_a_retry_is_ready_at_its_time_and_expires_with_its_message(bench):
    message = await bench.accept_one(expires_at=bench.clock() + 8 * SECOND)
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(message, Verdict.RETRY))
    await bench.after(5 * SECOND)
    assert await bench.state(message) is MessageState.QUEUED
    await bench.after(3 * SECOND)
    assert await bench.state(message) is MessageState.EXPIRED


async def test_thousands_that_are_due_at_once_are_settled_a_slice_at_a_time(bench):
    due = bench.clock() + HOUR
    messages = await bench.accept(*(bench.a_message(expires_at=due) for _ in range(1_200)))
    bench.clock.advance(HOUR)
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    for _ in range(4):
        await bench.commit()
    assert bench.sql("SELECT count(*) FROM messages WHERE state <> 12") == [(0,)]
    assert len(commits) >= 3
    assert len(messages) == 1_200


async def test_the_writer_wakes_by_itself_when_something_is_due(bench):
    await bench.accept_one(expires_at=bench.clock() + HOUR)
    assert bench.store._writer._wake_at == bench.clock() + HOUR
    await bench.accept_one(scheduled_at=bench.clock() + MINUTE)
    assert bench.store._writer._wake_at == bench.clock() + MINUTE


async def test_what_is_due_and_cannot_be_settled_is_put_off_and_does_not_block_the_rest(bench, caplog):
    stuck = await bench.accept_one(expires_at=bench.clock() + 2 * MINUTE)
    held = f"BEFORE UPDATE OF done_at ON messages WHEN new.id = {stuck}"
    bench.sql(f"CREATE TRIGGER held {held} BEGIN SELECT RAISE(ABORT, 'held'); END")
    other = await bench.accept_one(expires_at=bench.clock() + 3 * MINUTE)
    await bench.after(3 * MINUTE)
    assert await bench.state(other) is MessageState.EXPIRED
    assert (await bench.story(stuck)).message.due == bench.clock() + MINUTE
    assert f"settling {public(MESSAGE, stuck)}" in caplog.text


async def test_a_doubt_whose_message_has_expired_meanwhile_is_settled_and_ends_at_once(bench, caplog):
    message = bench.a_long_message(2, lane="promotional", expires_at=bench.clock() + 30 * SECOND)
    (message,) = await bench.accept(message)
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(message, [1])
    await bind.release(message, [2])
    await bench.after(61 * SECOND)
    assert await bench.state(message) is MessageState.EXPIRED
    assert "could not be settled" not in caplog.text
