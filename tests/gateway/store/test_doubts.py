"""Doubt from its beginning to its end: what settles it, in which order, how often, and what is told of it after."""

from dataclasses import replace

import pytest
import trio
import trio.testing

from gateway.identifiers import MESSAGE, public
from gateway.messages import AttemptState, MessageState
from gateway.settings import InDoubt, Settings
from gateway.store.by import by_account, by_operator
from gateway.store.interface import CancelOutcome, Verdict
from gateway.store.policy import CarrierPolicy, LanePolicy, policy_of

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


async def doubted(bench, **changes):
    """A message in doubt, and the bind that wrote it."""
    message = await bench.accept_one(**changes)
    bind = bench.bind(f"telco/{message}")
    await bind.ask(1)
    assert bind.messages == [message]
    await bind.doubt(message)
    return message, bind


async def given_up(bench, **changes):
    """A message that was held, and whose grace is over."""
    message, bind = await doubted(bench, lane="otp", **changes)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.UNKNOWN
    return message, bind


def marks(bench, message):
    """What each event of a message says of a duplicate, in order."""
    mine = [b for b in bench.bodies() if b["message_id"] == public(MESSAGE, message)]
    return [(b["type"].removeprefix("message."), b["data"]["possible_duplicate"]) for b in mine]


# --- late answers


async def test_an_answer_in_the_commit_in_which_the_grace_ends_is_heard_before_the_policy(bench):
    message, bind = await doubted(bench)
    bench.clock.advance(MINUTE)
    bench.store.answered(bind.name, [bind.an_answer(message)], 0, bind.kept.append)
    await bench.commit()
    story = await bench.story(message)
    assert (story.message.state, story.message.possible_duplicate) == (MessageState.SENT, 0)
    assert await bind.ask(1) == []


async def test_an_answer_after_unknown_is_recorded_and_its_receipt_corrects_the_end(bench):
    message, bind = await given_up(bench)
    await bind.send(message, "A1")
    assert await bench.state(message) is MessageState.UNKNOWN
    await bench.receipt("A1")
    assert await bench.state(message) is MessageState.DELIVERED
    assert bench.told(message) == ["message.unknown", "message.delivered"]


# --- receipts


async def test_a_receipt_after_unknown_corrects_it_although_no_answer_ever_told_its_id(bench):
    message, _ = await given_up(bench)
    bench.clock.advance(HOUR)
    await bench.receipt("777")
    story = await bench.story(message)
    assert (story.message.state, story.message.error) == (MessageState.DELIVERED, None)
    assert [(r.matched, bool(r.applied)) for r in story.receipts] == [("doubt", True)]
    assert bench.told(message) == ["message.unknown", "message.delivered"]
    await bench.receipt("777")
    assert bench.told(message) == ["message.unknown", "message.delivered"]


async def test_a_receipt_that_fits_two_that_were_given_up_corrects_none(bench):
    first, _ = await given_up(bench)
    second, _ = await given_up(bench)
    await bench.receipt("777")
    assert [await bench.state(m) for m in (first, second)] == [MessageState.UNKNOWN] * 2


@pytest.mark.parametrize("dated", ["submitted_at", "done_at"])
async def test_a_receipt_that_is_dated_before_what_was_given_up_is_of_another_and_parked(bench, dated):
    began = bench.clock()
    bench.clock.advance(HOUR)
    message, _ = await given_up(bench)
    assert await bench.receive(replace(bench.a_receipt("777"), **{dated: began}))
    assert await bench.state(message) is MessageState.UNKNOWN
    assert [row.carrier_message_id for row in (await bench.store.parked(limit=9, cursor=None)).rows] == ["777"]


async def test_a_receipt_of_what_another_sent_to_the_same_number_later_is_parked(bench):
    message, _ = await given_up(bench)
    await bench.after(HOUR)
    foreign = bench.a_receipt("777")
    assert await bench.receive(replace(foreign, submitted_at=foreign.at, done_at=foreign.at))
    assert await bench.state(message) is MessageState.UNKNOWN
    assert bench.store.counts()["parked"] == 1


async def test_a_receipt_that_is_dated_to_the_minute_of_what_was_given_up_corrects_it(bench):
    submitted_at = bench.clock() // MINUTE * MINUTE
    message, _ = await given_up(bench)
    await bench.after(HOUR)
    mine = bench.a_receipt("777")
    assert await bench.receive(replace(mine, submitted_at=submitted_at, done_at=mine.at))
    assert await bench.state(message) is MessageState.DELIVERED


async def test_of_two_receipts_that_fit_what_was_given_up_none_corrects_it(bench):
    message, _ = await given_up(bench)
    other, bind = await bench.accept_one(), bench.bind("telco/later")
    await bind.ask(1)
    await bench.receipt("777")
    assert bench.store.counts()["parked"] == 1, "it may be ahead of the answer to the other"
    await bind.send(other, "778")
    await bench.receipt("779")
    assert await bench.state(message) is MessageState.UNKNOWN
    assert bench.store.counts()["parked"] == 2


async def doubt_with_a_receipt(bench, **dates):
    """A message in doubt, and a receipt that could be about it but for how long before the claim it is dated (ms)."""
    message, _ = await doubted(bench)
    receipt = bench.a_receipt("777")
    assert await bench.receive(replace(receipt, **{date: receipt.at - before for date, before in dates.items()}))
    return await bench.state(message)


@pytest.mark.parametrize("dated", ["submitted_at", "done_at"])
@pytest.mark.parametrize("before", [26 * HOUR + 1, 30 * DAY])
async def test_a_receipt_that_is_too_old_in_every_time_zone_is_not_about_a_doubt(bench, dated, before):
    assert await doubt_with_a_receipt(bench, **{dated: before}) is MessageState.IN_DOUBT
    assert bench.store.counts()["parked"] == 1


@pytest.mark.parametrize("dated", ["submitted_at", "done_at"])
@pytest.mark.parametrize("before", [26 * HOUR, 14 * HOUR, 0, -14 * HOUR])
async def test_a_receipt_that_is_dated_in_a_zone_nobody_told_us_is_about_a_doubt(bench, dated, before):
    assert await doubt_with_a_receipt(bench, **{dated: before}) is MessageState.DELIVERED


@pytest.mark.parametrize(("before", "state"), [(5 * MINUTE + 1, "IN_DOUBT"), (5 * MINUTE, "DELIVERED")])
async def test_where_the_zone_of_receipts_is_set_a_doubt_minds_their_dates_to_the_minute(open_store, before, state):
    async with open_store(carriers={"telco": CarrierPolicy(72 * HOUR, 3 * MINUTE, knows_zone=True)}) as bench:
        found = await doubt_with_a_receipt(bench, submitted_at=before, done_at=0)
        assert found is MessageState[state]


async def test_a_parked_receipt_of_long_ago_does_not_keep_a_doubt_from_its_own(bench):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    foreign = bench.a_receipt("776")
    assert await bench.receive(replace(foreign, done_at=foreign.at - 30 * DAY))
    await bench.receipt("777")
    await bind.doubt(message)
    story = await bench.story(message)
    assert story.message.state == MessageState.DELIVERED
    assert [a.carrier_message_id for a in story.attempts] == ["777"]


@pytest.mark.parametrize(("zone", "is_known"), [({}, False), ({"receipt_timezone": "UTC"}, True)])
def test_the_zone_of_receipts_is_known_where_the_settings_say_it(zone, is_known):
    usual = {"hosts": ["smpp.telco.example:2775"], "system_id": "acme", "password": "secret"}
    settings = Settings.model_validate(
        {"carriers": {"telco": {**usual, **zone}}, "routes": [{"name": "rest", "tiers": ["telco"]}]}
    )
    assert policy_of(settings).carriers["telco"].knows_zone is is_known


async def test_a_receipt_after_the_horizon_is_not_about_what_was_given_up(bench):
    message, _ = await given_up(bench)
    await bench.after(DAY + 72 * HOUR)
    await bench.receipt("777")
    assert await bench.state(message) is MessageState.UNKNOWN


async def test_what_was_given_up_beyond_the_horizon_does_not_make_a_doubt_ambiguous(bench):
    await given_up(bench)
    await bench.after(DAY + 72 * HOUR)
    message, _ = await doubted(bench)
    await bench.receipt("777")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_receipt_of_the_first_sending_spares_the_second(bench):
    message, bind = await doubted(bench)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.QUEUED
    await bench.receipt("777")
    assert await bench.state(message) is MessageState.DELIVERED
    assert await bind.ask(1) == []
    assert bench.ready_is_right()


async def test_a_receipt_is_not_taken_for_the_first_sending_while_the_second_has_no_answer(bench):
    message, bind = await doubted(bench)
    await bench.after(MINUTE)
    await bind.ask(1)
    await bench.receipt("777")
    assert await bench.state(message) is MessageState.SUBMITTING
    await bind.doubt(message)
    assert await bench.state(message) is MessageState.IN_DOUBT, "it may be about either"


async def test_receipts_end_a_long_message_of_which_one_part_is_in_doubt(bench):
    (message,) = await bench.accept(bench.a_long_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.send(message, "P1", part=1)
    await bind.doubt(message, [2])
    assert await bench.state(message) is MessageState.IN_DOUBT
    await bench.receipt("P1")
    assert await bench.state(message) is MessageState.IN_DOUBT
    await bench.receipt("P2")
    story = await bench.story(message)
    assert (story.message.state, story.message.attempts) == (MessageState.DELIVERED, 1)


async def test_a_receipt_may_be_about_any_of_two_parts_in_doubt_and_settles_none(bench):
    (message,) = await bench.accept(bench.a_long_message())
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(message)
    await bench.receipt("P1")
    assert {a.state for a in (await bench.story(message)).attempts} == {AttemptState.IN_DOUBT}


async def test_a_receipt_may_be_about_a_part_that_was_given_up_and_settles_no_doubt_of_another(bench):
    (message,) = await bench.accept(bench.a_long_message(lane="promotional"))
    bind = bench.bind()
    await bind.ask(2)
    await bind.doubt(message, [1])
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED, part=2))
    await bench.after(MINUTE)
    await bench.after(MINUTE)
    await bind.ask(2)
    await bind.doubt(message, [2])
    await bench.receipt("P1")
    states = [(a.part, AttemptState(a.state)) for a in (await bench.story(message)).attempts]
    assert states == [(1, AttemptState.UNKNOWN), (2, AttemptState.POSTPONED), (2, AttemptState.IN_DOUBT)]


# --- resending


async def test_what_no_answer_ever_follows_is_not_sent_for_ever(open_store):
    lanes = {"transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, max_tries=3)}
    async with open_store(lanes=lanes) as bench:
        message, bind = await doubted(bench)
        for _ in range(2):
            await bench.after(MINUTE)
            assert [claim.message for claim in await bind.ask(1)] == [message]
            await bind.doubt(message)
        await bench.after(MINUTE)
        story = await bench.story(message)
        assert (story.message.state, story.message.possible_duplicate) == (MessageState.UNKNOWN, 1)
        assert [AttemptState(a.state) for a in story.attempts] == [AttemptState.RESENT] * 2 + [AttemptState.UNKNOWN]


async def test_after_a_resend_every_event_says_that_it_may_be_a_duplicate(bench):
    bench.take_deliveries()
    message, bind = await doubted(bench, webhook_url=None)
    await bench.after(MINUTE)
    await bind.ask(1)
    await bind.send(message, "second")
    bench.store.answered(
        bind.name, [bind.an_answer(message, name=bind.names(message)[0]._replace(attempt=1))], 0, bind.kept.append
    )
    await bench.receipt("second")
    for delivery in bench.deliveries:
        await bench.outcome(delivery)
    assert marks(bench, message) == [("sent", True), ("delivered", True)]
    assert (await bench.story(message)).message.possible_duplicate == 1


async def test_each_doubt_is_told_and_the_second_says_that_there_was_a_first(bench):
    bench.take_deliveries()
    message = await bench.accept_one(account="curious")
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    await bench.after(MINUTE)
    await bind.ask(1)
    await bind.doubt(message)
    for _ in range(3):
        for delivery in bench.deliveries[len(bench.sql("SELECT 1 FROM events WHERE state = 3")) :]:
            await bench.outcome(delivery)
    assert marks(bench, message) == [("queued", False), ("in_doubt", False), ("in_doubt", True)]


# --- by hand


async def test_a_receipt_of_what_an_operator_knows_as_sent_is_found_without_its_id(bench):
    message, _ = await doubted(bench)
    assert await bench.store.settle_doubt(message, "sent", by=by_operator(1))
    assert await bench.state(message) is MessageState.SENT
    await bench.after(HOUR)
    await bench.receipt("777")
    assert await bench.state(message) is MessageState.DELIVERED
    assert bench.told(message) == ["message.sent", "message.delivered"]


async def test_what_an_operator_knows_as_sent_makes_a_doubt_for_the_same_number_ambiguous(bench):
    known, _ = await doubted(bench)
    assert await bench.store.settle_doubt(known, "sent", by=by_operator(1))
    doubtful, _ = await doubted(bench)
    await bench.receipt("777")
    assert [await bench.state(m) for m in (known, doubtful)] == [MessageState.SENT, MessageState.IN_DOUBT]


@pytest.mark.parametrize("outcome", ["sent", "resend", "unknown"])
async def test_a_doubt_is_settled_by_hand_once(bench, outcome):
    message, _ = await doubted(bench)
    assert await bench.store.settle_doubt(message, outcome, by=by_operator(1))
    story = await bench.story(message)
    for again in ("sent", "resend", "unknown"):
        assert not await bench.store.settle_doubt(message, again, by=by_operator(2))
    assert await bench.story(message) == story
    assert bench.sql("SELECT count(*) FROM audit") == [(1,)]


async def test_of_two_operators_in_one_commit_one_settles(bench):
    message, _ = await doubted(bench)
    outcomes = []

    async def settle(outcome):
        outcomes.append((outcome, await bench.store.settle_doubt(message, outcome, by=by_operator(1))))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(settle, "resend")
        nursery.start_soon(settle, "unknown")
    (chosen,) = [outcome for outcome, settled in outcomes if settled]
    assert await bench.state(message) is {"resend": MessageState.QUEUED, "unknown": MessageState.UNKNOWN}[chosen]


@pytest.mark.parametrize("outcome", ["sent", "resend", "unknown"])
@pytest.mark.parametrize("receipt_first", [True, False])
async def test_a_receipt_and_an_operator_at_the_same_moment_agree_on_what_the_receipt_says(
    bench, outcome, receipt_first
):
    message, bind = await doubted(bench)
    kept = []
    settled = []

    async def settle():
        settled.append(await bench.store.settle_doubt(message, outcome, by=by_operator(1)))

    async with trio.open_nursery() as nursery:
        if receipt_first:
            bench.store.receipt(bench.a_receipt("777"), kept.append)
        nursery.start_soon(settle)
        if not receipt_first:
            await trio.testing.wait_all_tasks_blocked()
            bench.store.receipt(bench.a_receipt("777"), kept.append)
    await bench.commit()
    assert kept == [True]
    assert settled == [not receipt_first]
    story = await bench.story(message)
    assert story.message.state == MessageState.DELIVERED
    assert story.message.possible_duplicate == (outcome == "resend" and not receipt_first)
    assert await bind.ask(1) == []
    assert bench.told(message)[-1] == "message.delivered"
    assert bench.ready_is_right()


async def test_a_doubt_can_neither_be_canceled_nor_does_its_cancelling_settle_it(bench):
    message, bind = await doubted(bench)
    assert await bench.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE
    assert await bench.state(message) is MessageState.IN_DOUBT
    await bind.send(message)
    assert await bench.state(message) is MessageState.SENT


async def test_what_is_settled_or_was_never_there_is_not_in_doubt(bench):
    message, bind = await doubted(bench)
    await bind.send(message)
    assert not await bench.store.settle_doubt(message, "unknown", by=by_operator(1))
    assert not await bench.store.settle_doubt(message + 1, "unknown", by=by_operator(1))
    assert await bench.state(message) is MessageState.SENT
    assert bench.sql("SELECT count(*) FROM audit") == [(0,)]


async def test_the_list_of_doubts_is_walked_while_they_are_settled(bench):
    messages = [(await doubted(bench, recipient=f"+3460000000{n}"))[0] for n in range(5)]
    first = await bench.store.doubts(limit=2, cursor=None)
    assert [row.message for row in first.rows] == messages[:2]
    for message in (messages[1], messages[2]):
        assert await bench.store.settle_doubt(message, "unknown", by=by_operator(1))
    rest = await bench.store.doubts(limit=2, cursor=first.next_cursor)
    assert [row.message for row in rest.rows] == messages[3:]
    assert rest.next_cursor is None
