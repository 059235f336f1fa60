"""Claims in hand: a row tells of many usual messages until their answers come, and nothing is lost with the memory."""

from gateway.messages import AttemptState, MessageState
from gateway.store.interface import Verdict

MINUTE = 60_000
NUMBER = "+34600000001"
"""Of every message here."""


def in_hand(bench):
    """Which messages the rows tell of, and which the mirror."""
    rows = bench.sql(
        "SELECT k.value FROM claims_in_hand c, json_each(c.members) k JOIN messages m ON m.id = k.value "
        "WHERE m.state = 3 AND NOT EXISTS (SELECT 1 FROM attempts WHERE message = m.id) ORDER BY 1"
    )
    hand = bench.store._writer.mirrors.in_hand
    mirrored = sorted(hand.claims)
    assert mirrored == [row[0] for row in rows]
    assert hand.has("telco", NUMBER) == bool(mirrored)
    assert not hand.has("other", NUMBER)
    assert not hand.has("telco", "+34600000002")
    return mirrored


async def test_a_claim_of_usual_messages_is_one_row_until_all_are_answered(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(3)
    assert bench.sql("SELECT carrier, bind, at FROM claims_in_hand") == [("telco", "telco/1", bench.clock())]
    assert bench.sql("SELECT count(*) FROM attempts") == [(0,)]
    assert in_hand(bench) == messages
    claimed_at = bench.clock()
    bench.clock.advance(40)
    await bind.answer(*(bind.an_answer(message) for message in messages[:2]))
    assert in_hand(bench) == messages[2:]
    assert bench.sql("SELECT message, part, attempt, state, carrier, bind, claimed_at, answered_at FROM attempts") == [
        (message, 1, 1, AttemptState.SENT, "telco", "telco/1", claimed_at, bench.clock()) for message in messages[:2]
    ]
    await bind.send(messages[2])
    assert in_hand(bench) == []
    assert bench.sql("SELECT * FROM claims_in_hand") == []


async def test_a_message_in_hand_is_told_of_as_submitting(bench):
    message = await bench.accept_one()
    await bench.bind().ask(1)
    (attempt,) = (await bench.story(message)).attempts
    assert attempt[:7] == (message, 1, 1, AttemptState.SUBMITTING, "telco", "telco/1", bench.clock())
    assert set(attempt[7:]) == {None}


async def test_long_messages_and_repeated_claims_have_their_attempts_at_once(bench):
    again = await bench.accept_one()
    long, bind = (await bench.accept(bench.a_long_message(2)))[0], bench.bind()
    await bind.ask(3)
    assert in_hand(bench) == [again]
    assert bench.sql("SELECT message, part FROM attempts") == [(long, 1), (long, 2)]
    await bind.answer(bind.an_answer(again, Verdict.RETRY))
    await bench.after(MINUTE)
    await bind.ask(1)
    assert bind.messages[-1] == again
    assert in_hand(bench) == []
    attempts = bench.sql("SELECT attempt, state FROM attempts WHERE message = ? ORDER BY attempt", again)
    assert attempts == [(1, AttemptState.POSTPONED), (2, AttemptState.SUBMITTING)]


async def test_after_a_crash_what_was_in_hand_is_in_doubt_and_what_was_answered_is_not(bench):
    answered, silent = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.send(answered)
    async with bench.after_a_crash() as after:
        assert await after.state(answered) is MessageState.SENT
        assert await after.state(silent) is MessageState.IN_DOUBT
        (attempt,) = (await after.story(silent)).attempts
        assert attempt[:6] == (silent, 1, 1, AttemptState.IN_DOUBT, "telco", "telco/1")
        assert after.sql("SELECT * FROM claims_in_hand") == []
        assert in_hand(after) == []


async def test_what_never_went_out_is_released_from_the_hand_and_claimed_anew(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    await bind.release(message)
    assert in_hand(bench) == []
    assert await bench.state(message) is MessageState.QUEUED
    assert bench.sql("SELECT state FROM attempts") == [(AttemptState.RELEASED,)]
    assert bench.sql("SELECT * FROM claims_in_hand") == []


async def test_a_transaction_that_fails_leaves_the_hand_as_it_was(bench):
    first, second = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    bench.sql("CREATE TRIGGER spoilt BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'spoilt'); END")
    await bind.answer(bind.an_answer(first), bind.an_answer(second))
    assert in_hand(bench) == [first, second]
    bench.sql("DROP TRIGGER spoilt")
    await bind.answer(bind.an_answer(first), bind.an_answer(second))
    assert in_hand(bench) == []
    assert await bench.state(second) is MessageState.SENT


async def test_a_message_whose_claim_can_not_be_let_go_is_still_in_hand(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    bench.sql("CREATE TRIGGER spoilt BEFORE DELETE ON claims_in_hand BEGIN SELECT RAISE(ABORT, 'spoilt'); END")
    await bind.answer(bind.an_answer(message))
    assert in_hand(bench) == [message]
    bench.sql("DROP TRIGGER spoilt")
    await bind.answer(bind.an_answer(message))
    assert in_hand(bench) == []
    assert await bench.state(message) is MessageState.SENT


async def test_a_claim_that_fails_puts_nothing_into_the_hand(bench):
    message, bind = await bench.accept_one(), bench.bind()
    bench.sql("CREATE TRIGGER spoilt AFTER INSERT ON claims_in_hand BEGIN SELECT RAISE(ABORT, 'spoilt'); END")
    await bind.ask(1)
    assert bind.messages == []
    assert in_hand(bench) == []
    bench.sql("DROP TRIGGER spoilt")
    bench.store.ask(bind.name, 1)
    await bench.after(2 * MINUTE)
    assert bind.messages == [message]
    assert in_hand(bench) == [message]


async def test_an_answer_that_comes_twice_changes_nothing(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    answer = bind.an_answer(message, carrier_message_id="first")
    await bind.answer(answer, answer)
    await bind.answer(answer)
    assert bench.sql("SELECT state, carrier_message_id FROM attempts") == [(AttemptState.SENT, "first")]
    assert await bench.state(message) is MessageState.SENT


async def test_an_answer_of_another_carrier_than_has_it_in_hand_is_looked_at_closely(bench):
    one, two = await bench.accept(bench.a_message(), bench.a_message())
    bind, stranger = bench.bind(), bench.bind("other/1")
    await bind.ask(2)
    await stranger.answer(bind.an_answer(one), bind.an_answer(two))
    assert bench.sql("SELECT DISTINCT carrier, bind FROM attempts") == [("telco", "telco/1")]
    assert in_hand(bench) == []


async def test_a_step_that_fails_by_itself_leaves_the_hand_as_it_was(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)

    def change(work):
        with work.apart("a step"):
            work.in_hand.lay_out(work, [message])
            raise LookupError

    await bench.store._writer.order(bench.store._writer.pending.by_hand, change, 1)
    assert in_hand(bench) == [message]
    await bind.send(message)
    assert in_hand(bench) == []


async def test_a_receipt_that_comes_before_its_answer_ends_the_message_with_it(bench):
    message, bind = await bench.accept_one(), bench.bind()
    await bind.ask(1)
    await bench.receipt("early")
    assert in_hand(bench) == [message]
    await bind.send(message, "early")
    assert await bench.state(message) is MessageState.DELIVERED
    assert in_hand(bench) == []


async def test_one_refusal_among_many_answers_leaves_the_others_their_short_way(bench):
    first, refused, last = await bench.accept(*(bench.a_message() for _ in range(3)))
    bind = bench.bind()
    await bind.ask(3)
    bench.sql(
        "CREATE TRIGGER long_way BEFORE INSERT ON attempts "
        f"WHEN new.state = {int(AttemptState.SUBMITTING)} AND new.message <> {refused} "
        "BEGIN SELECT RAISE(ABORT, 'laid out although it was accepted'); END"
    )
    await bind.answer(bind.an_answer(first), bind.an_answer(refused, Verdict.REFUSED), bind.an_answer(last))
    assert [await bench.state(message) for message in (first, refused, last)] == [
        MessageState.SENT,
        MessageState.FAILED,
        MessageState.SENT,
    ]
    assert in_hand(bench) == []


async def test_of_two_answers_to_a_message_the_first_counts(bench):
    message, other = await bench.accept(bench.a_message(), bench.a_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.answer(bind.an_answer(message, Verdict.RETRY), bind.an_answer(other), bind.an_answer(message))
    assert [await bench.state(m) for m in (message, other)] == [MessageState.RETRYING, MessageState.SENT]
