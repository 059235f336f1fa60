"""Answers: each settles one attempt, once."""

from gateway.messages import AttemptState, MessageState
from gateway.store.by import by_operator
from gateway.store.interface import Verdict

BY = by_operator(None)
SECOND = 1_000
HOUR = 3_600_000


async def test_an_accepted_segment_is_sent_and_waits_for_its_receipt(bench):
    message, bind = await bench.claimed()
    await bind.send(message, "5F3A")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.SENT
    assert story.message.due == story.message.expires_at, "the sweep looks whether its receipt came by then"
    (attempt,) = story.attempts
    assert (attempt.state, attempt.carrier_message_id, attempt.latency_ms) == (AttemptState.SENT, "5F3A", 40)
    assert bind.kept == [True]
    assert bench.told(message) == ["message.sent"]


async def test_many_answers_at_once_are_each_recorded(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(7)))
    bind = bench.bind()
    await bind.ask(7)
    await bind.answer(*(bind.an_answer(message) for message in messages))
    for message in messages:
        story = await bench.story(message)
        assert MessageState(story.message.state) is MessageState.SENT
        assert [a.carrier_message_id for a in story.attempts] == [f"{message:x}-1"]
        assert bench.told(message) == ["message.sent"]


async def test_many_answers_at_once_are_told_apart(bench):
    ok, throttled, refused, again = await bench.accept(*(bench.a_message() for _ in range(4)))
    bind = bench.bind()
    await bind.ask(4)
    answers = [
        bind.an_answer(ok),
        bind.an_answer(throttled, Verdict.POSTPONED),
        bind.an_answer(refused, Verdict.REFUSED),
        bind.an_answer(again, Verdict.RETRY),
    ]
    await bind.answer(*answers)
    states = [await bench.state(message) for message in (ok, throttled, refused, again)]
    waiting = MessageState.RETRYING
    assert states == [MessageState.SENT, waiting, MessageState.FAILED, waiting]


async def test_an_answer_to_a_message_that_has_ended_spoils_none_beside_it(bench):
    one, two, three = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(3)
    await bind.doubt(two)
    await bench.store.settle_doubt(two, "unknown", by=BY)
    await bind.answer(*(bind.an_answer(message) for message in (one, two, three)))
    states = [await bench.state(message) for message in (one, two, three)]
    assert states == [MessageState.SENT, MessageState.UNKNOWN, MessageState.SENT]
    assert [bench.told(message) for message in (one, two, three)] == [
        ["message.sent"],
        ["message.unknown"],
        ["message.sent"],
    ]


async def test_a_late_answer_to_a_first_claim_does_not_send_the_second_beside_others(bench):
    again, plain = await bench.accept(*(bench.a_message() for _ in range(2)))
    bind = bench.bind()
    await bind.ask(1)
    late = bind.an_answer(again, carrier_message_id="first")
    await bind.doubt(again)
    await bench.after(60 * SECOND)
    await bind.ask(2)
    await bind.answer(bind.an_answer(plain), late)
    assert [await bench.state(m) for m in (again, plain)] == [MessageState.SUBMITTING, MessageState.SENT]
    states = [(a.attempt, a.state) for a in (await bench.story(again)).attempts]
    assert states == [(1, AttemptState.RESENT), (2, AttemptState.SUBMITTING)]


async def test_an_answer_frees_its_slot_in_the_commit_that_records_it(bench):
    first, second = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(1)
    commits = []
    bench.store.observe = lambda seconds, rows: commits.append(rows)
    bench.store.answered(bind.name, [bind.an_answer(first)], 1, bind.kept.append)
    await bench.commit()
    assert bind.messages == [first, second]
    assert len(commits) == 1


async def test_an_accepted_segment_without_an_id_is_sent(bench):
    message, bind = await bench.claimed()
    await bind.send(message, "")
    assert await bench.state(message) is MessageState.SENT
    assert (await bench.story(message)).attempts[0].carrier_message_id is None


async def test_a_throttled_message_waits_and_returns_to_its_own_place(bench):
    first, second = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(first, Verdict.POSTPONED))
    story = await bench.story(first)
    assert (MessageState(story.message.state), story.message.due) == (MessageState.RETRYING, bench.clock() + 5 * SECOND)
    assert (story.message.throttles, story.message.tries) == (1, 0)
    assert story.attempts[0].retry_at == story.message.due
    await bench.after(5 * SECOND)
    (claim,) = await bind.ask(1)
    assert (claim.message, claim.throttles, claim.tries) == (first, 1, 0), "before the one that was accepted after it"
    assert claim.segments[0].attempt == 2
    assert [c.message for c in await bind.ask(1)] == [second]


async def test_a_temporary_error_costs_a_try(bench):
    message, bind = await bench.claimed()
    await bind.answer(bind.an_answer(message, Verdict.RETRY))
    await bench.after(5 * SECOND)
    (claim,) = await bind.ask(1)
    assert (claim.tries, claim.throttles) == (1, 0)


async def test_nothing_waits_for_a_retry_beyond_its_validity(bench):
    message, bind = await bench.claimed(expires_at=bench.clock() + 3 * SECOND)
    await bind.answer(bind.an_answer(message, Verdict.RETRY))
    assert (await bench.story(message)).message.due == bench.clock() + 3 * SECOND
    await bench.after(3 * SECOND)
    assert await bench.state(message) is MessageState.EXPIRED


async def test_a_refused_message_fails_and_tells_why(bench):
    message, bind = await bench.claimed()
    bench.take_deliveries()
    await bind.answer(bind.an_answer(message, Verdict.REFUSED))
    await bench.commit()
    story = await bench.story(message)
    assert story.message.state == MessageState.FAILED
    assert story.message.error == "destination_not_served"
    (body,) = bench.bodies()
    assert (body["type"], body["data"]["carrier"], body["data"]["attempts"]) == ("message.failed", "telco", 1)
    assert body["data"]["error"]["code"] == "destination_not_served"
    assert body["data"]["error"]["carrier_code"]["command_status"] == "ESME_RINVDSTADR"


async def test_an_answer_told_twice_changes_nothing(bench):
    message, bind = await bench.claimed()
    answer = bind.an_answer(message)
    await bind.answer(answer)
    before = await bench.story(message)
    await bind.answer(answer)
    await bind.answer(bind.an_answer(message, Verdict.REFUSED))
    assert await bench.story(message) == before
    assert bench.told(message) == ["message.sent"]


async def test_two_equal_answers_in_one_commit_are_one(bench):
    message, bind = await bench.claimed()
    await bind.answer(bind.an_answer(message), bind.an_answer(message))
    assert await bench.state(message) is MessageState.SENT
    assert bench.told(message) == ["message.sent"]


async def test_a_late_answer_ends_a_doubt(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    assert await bench.state(message) is MessageState.IN_DOUBT
    await bind.send(message, "5F3A")
    assert await bench.state(message) is MessageState.SENT
    await bench.receipt("5F3A")
    assert await bench.state(message) is MessageState.DELIVERED
    assert not (await bench.story(message)).message.possible_duplicate


async def test_a_late_refusal_ends_a_doubt(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    await bind.answer(bind.an_answer(message, Verdict.REFUSED))
    assert await bench.state(message) is MessageState.FAILED


async def test_a_late_answer_spares_the_second_sending(bench):
    message, bind = await bench.claimed()
    await bind.doubt(message)
    await bench.after(60 * SECOND)
    assert await bench.state(message) is MessageState.QUEUED
    await bind.send(message, "5F3A")
    assert await bench.state(message) is MessageState.SENT
    assert await bind.ask(1) == []
    assert bench.ready_is_right()


async def test_a_late_answer_after_the_second_claim_is_recorded_and_its_receipt_counts(bench):
    message, bind = await bench.claimed()
    late = bind.an_answer(message, carrier_message_id="first")
    await bind.doubt(message)
    await bench.after(60 * SECOND)
    await bind.ask(1)
    await bind.answer(late)
    assert await bench.state(message) is MessageState.SUBMITTING
    await bench.receipt("first")
    assert await bench.state(message) is MessageState.DELIVERED
    await bind.send(message, "second")
    await bench.receipt("second", "UNDELIV")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.applied for r in story.receipts] == [1, 0]


async def test_an_answer_to_what_was_released_is_recorded_but_moves_nothing(bench):
    message, bind = await bench.claimed()
    await bind.release(message)
    await bind.send(message, "5F3A")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.QUEUED
    assert (story.attempts[0].state, story.attempts[0].carrier_message_id) == (AttemptState.RELEASED, "5F3A")


async def test_answers_of_a_bind_that_is_gone_are_kept(bench):
    message, bind = await bench.claimed()
    bench.store.close_window(bind.name)
    await bind.send(message)
    assert await bench.state(message) is MessageState.SENT
    assert bind.kept == [True]


async def test_an_answer_for_a_message_that_is_not_there_is_nothing(bench):
    message, bind = await bench.claimed()
    await bind.answer(bind.an_answer(message)._replace(message=message + 1))
    assert bind.kept == [True]
    assert await bench.state(message) is MessageState.SUBMITTING
