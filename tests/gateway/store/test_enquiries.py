"""What carriers are asked: query_sm before a message is given up, cancel_sm for a cancel after the sending."""

from dataclasses import replace

import pytest

from gateway.messages import AttemptState, MessageState
from gateway.settings import InDoubt
from gateway.store.by import by_account
from gateway.store.enquiries import AFTER_CANCEL_MS, GRACE_MS, LATE_ANSWER_MS, MOST_TRIES, TURN_MS
from gateway.store.enquiry import Enquiry, EnquiryAnswer, EnquiryKind
from gateway.store.interface import AttemptName, CancelOutcome
from gateway.store.policy import CarrierPolicy, LanePolicy
from protocol.command_status import CommandStatus
from protocol.receipts import ReceiptState

SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE
HORIZON = 24 * HOUR + 72 * HOUR
QUERY, CANCEL = EnquiryKind.QUERY, EnquiryKind.CANCEL
QUERY_FAILED = int(CommandStatus.ESME_RQUERYFAIL)
CANCEL_FAILED = int(CommandStatus.ESME_RCANCELFAIL)
UNKNOWN_COMMAND = int(CommandStatus.ESME_RINVCMDID)
THROTTLED = int(CommandStatus.ESME_RTHROTTLED)


def carriers(**changes):
    telco = CarrierPolicy(72 * HOUR, 3 * MINUTE, query_sm=True, cancel_sm=True)
    return {"telco": replace(telco, **changes), "other": CarrierPolicy(72 * HOUR, 3 * MINUTE)}


@pytest.fixture
async def bench(open_store):
    """A store whose carrier `telco` takes query_sm and cancel_sm, and `other` neither."""
    async with open_store(carriers=carriers()) as bench:
        yield bench


async def to_ask(bench, most=5):
    return (await bench.store.enquiries("telco", most)).now


async def answer(bench, enquiry, status=0, stat=None, **changes):
    """The carrier's answer; `stat` is what a query_sm_resp tells."""
    told = None if stat is None else bench.a_receipt(enquiry.carrier_message_id, stat, **changes)
    state = None if told is None else told.receipt.state.value
    said = EnquiryAnswer(enquiry.name, enquiry.kind, "telco/1", bench.clock(), 40, status, state, told)
    await bench.store.enquired(said)
    await bench.commit()


async def test_a_message_whose_receipt_never_came_is_asked_about_before_it_is_given_up(bench):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON - 1)
    assert await to_ask(bench) == []
    await bench.after(1)
    assert await bench.state(message) is MessageState.SENT
    (enquiry,) = await to_ask(bench)
    assert enquiry == Enquiry(AttemptName(message, 1, 1), QUERY, "5F3A", "SHOP", "+34600000001")

    await answer(bench, enquiry, stat="DELIVRD")

    story = await bench.story(message)
    assert story.message.state == MessageState.DELIVERED
    (receipt,) = story.receipts
    assert (receipt.matched, receipt.applied) == ("query_sm", True)
    (row,) = story.enquiries
    assert (row.kind, row.command_status, row.message_state) == (QUERY, 0, ReceiptState.DELIVERED.value)
    assert bench.told(message)[-1] == "message.delivered"
    assert await to_ask(bench) == []


@pytest.mark.parametrize(
    ("status", "stat"), [(QUERY_FAILED, None), (UNKNOWN_COMMAND, None), (0, "ENROUTE"), (0, "UNKNOWN")]
)
async def test_a_message_of_which_the_carrier_knows_no_end_is_given_up_at_once(bench, status, stat):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON)
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry, status, stat)
    await bench.commit()
    story = await bench.story(message)
    assert (story.message.state, story.message.error) == (MessageState.UNKNOWN, "no_receipt")
    assert await to_ask(bench) == []


async def test_a_carrier_that_does_not_answer_is_asked_three_times_and_then_no_more(bench):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON)
    for number in range(1, MOST_TRIES + 1):
        (enquiry,) = await to_ask(bench)
        await answer(bench, enquiry, None if number < MOST_TRIES else THROTTLED)
        assert await to_ask(bench) == []
        await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.UNKNOWN


async def test_a_message_that_is_never_asked_about_ends_when_the_grace_is_over(bench):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON)
    await bench.after(GRACE_MS - 1)
    assert await bench.state(message) is MessageState.SENT
    await bench.after(1)
    assert await bench.state(message) is MessageState.UNKNOWN
    assert await to_ask(bench) == []


async def test_a_receipt_that_comes_meanwhile_makes_the_question_idle(bench):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON)
    (enquiry,) = await to_ask(bench)
    await bench.receipt("5F3A", "UNDELIV")
    assert await to_ask(bench) == []
    await answer(bench, enquiry, stat="DELIVRD")
    assert await bench.state(message) is MessageState.UNDELIVERED
    assert len((await bench.story(message)).receipts) == 1


async def test_without_an_id_or_where_the_carrier_takes_no_questions_nothing_is_asked(bench):
    nameless = await bench.sent("")
    await bench.after(HORIZON)
    assert await bench.state(nameless) is MessageState.UNKNOWN
    deaf = await bench.accept_one(route="pair")
    bind = bench.bind("other/1")
    await bind.ask(1)
    await bind.send(deaf, "5F3A")
    await bench.after(HORIZON)
    assert await bench.state(deaf) is MessageState.UNKNOWN
    assert bench.sql("SELECT count(*) FROM enquiries") == [(0,)]


async def test_questions_of_many_messages_take_turns_and_what_finds_none_is_given_up_as_ever(bench):
    count = GRACE_MS // TURN_MS
    messages = await bench.accept(*(bench.a_message() for _ in range(count + 20)))
    bind = bench.bind()
    await bind.ask(len(messages))
    await bind.answer(*(bind.an_answer(message) for message in messages))
    await bench.after(HORIZON)
    for _ in range(len(messages) // 500 + 1):
        await bench.commit()
    assert bench.sql("SELECT count(*) FROM enquiries") == [(count,)]
    assert bench.sql("SELECT count(*) FROM messages WHERE state = 17") == [(20,)]
    found = await bench.store.enquiries("telco", 5)
    assert len(found.now) == 1
    await answer(bench, found.now[0], stat="DELIVRD")
    assert (await bench.store.enquiries("telco", 5)).next_at == bench.clock() + TURN_MS


async def test_a_question_survives_a_crash(bench):
    await bench.sent("5F3A")
    await bench.after(HORIZON)
    (enquiry,) = await to_ask(bench)
    async with bench.after_a_crash(carriers=carriers()) as again:
        assert await to_ask(again) == [enquiry]


async def test_the_store_tells_of_whom_there_is_more_to_ask(bench):
    told: list[str] = []
    bench.store.tell_enquiries(told.append)
    await bench.sent("5F3A")
    assert told == []
    await bench.after(HORIZON)
    assert told == ["telco"]


# --- doubts


async def a_doubt_with_an_id(bench, **changes):
    """Its answer never came; an intermediate receipt did, which can only be about it."""
    message = await bench.accept_one(**changes)
    bind = bench.bind()
    await bind.ask(1)
    await bind.doubt(message)
    await bench.receipt("5F3A", "ENROUTE")
    return message


@pytest.mark.parametrize("stat", ["ENROUTE", "ACCEPTD"])
async def test_a_doubt_that_the_carrier_says_it_has_is_sent_and_not_sent_again(bench, stat):
    message = await a_doubt_with_an_id(bench)
    await bench.after(MINUTE)
    assert await bench.state(message) is MessageState.IN_DOUBT
    (enquiry,) = await to_ask(bench)
    assert (enquiry.kind, enquiry.carrier_message_id) == (QUERY, "5F3A")
    await answer(bench, enquiry, stat=stat)
    story = await bench.story(message)
    assert (story.message.state, story.message.possible_duplicate) == (MessageState.SENT, False)
    assert bench.store.backlog() == 0
    await bench.receipt("5F3A")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_doubt_is_settled_by_the_end_that_the_carrier_tells(bench):
    message = await a_doubt_with_an_id(bench)
    await bench.after(MINUTE)
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry, stat="DELIVRD")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_doubt_that_the_carrier_does_not_know_goes_by_the_lanes_policy(bench):
    message = await a_doubt_with_an_id(bench)
    await bench.after(MINUTE)
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry, QUERY_FAILED)
    await bench.commit()
    story = await bench.story(message)
    assert (story.message.state, story.message.possible_duplicate) == (MessageState.QUEUED, True)


async def test_what_was_given_up_is_asked_about_when_its_answer_comes_after_all(open_store):
    lanes = {"transactional": LanePolicy(2, InDoubt.HOLD, MINUTE, 24 * HOUR)}
    async with open_store(carriers=carriers(), lanes=lanes) as bench:
        message = await bench.accept_one()
        bind = bench.bind()
        await bind.ask(1)
        await bind.doubt(message)
        await bench.after(MINUTE)
        assert await bench.state(message) is MessageState.UNKNOWN
        await bind.send(message, "5F3A")
        assert await to_ask(bench) == []
        await bench.after(LATE_ANSWER_MS)
        (enquiry,) = await to_ask(bench)
        await answer(bench, enquiry, stat="DELIVRD")
        assert await bench.state(message) is MessageState.DELIVERED


# --- cancels after the sending


async def test_a_sent_message_is_canceled_by_asking_its_carrier(bench):
    message = await bench.sent("5F3A")
    assert await bench.store.cancel("shop", message, by_account("shop", 7)) is CancelOutcome.ASKED
    (enquiry,) = await to_ask(bench)
    assert (enquiry.kind, enquiry.carrier_message_id) == (CANCEL, "5F3A")
    await answer(bench, enquiry)
    assert await bench.state(message) is MessageState.SENT
    await bench.receipt("5F3A", "DELETED")
    story = await bench.story(message)
    assert (story.message.state, story.message.error) == (MessageState.CANCELED, "canceled")
    assert story.attempts[0].state == AttemptState.CANCELED
    assert bench.told(message)[-1] == "message.canceled"
    await bench.receipt("5F3A", "DELETED")
    assert len((await bench.story(message)).receipts) == 1
    assert await bench.store.cancel("shop", message, by_account("shop", 8)) is CancelOutcome.ALREADY_CANCELED


async def test_a_receipt_that_overtakes_the_answer_to_cancel_sm_cancels_too(bench):
    message = await bench.sent("5F3A")
    await bench.store.cancel("shop", message, by_account("shop", 7))
    (enquiry,) = await to_ask(bench)
    await bench.receipt("5F3A", "DELETED")
    await answer(bench, enquiry)
    assert await bench.state(message) is MessageState.CANCELED


async def test_what_a_carrier_deletes_unasked_is_undelivered(bench):
    message = await bench.sent("5F3A")
    await bench.receipt("5F3A", "DELETED")
    assert await bench.state(message) is MessageState.UNDELIVERED


async def test_deleted_receipts_that_come_together_are_looked_at_one_by_one(bench):
    asked, unasked = await bench.sent("1", recipient="+34600000001"), await bench.sent("2", recipient="+34600000002")
    await bench.store.cancel("shop", asked, by_account("shop", 7))
    for known_as, to in (("1", "34600000001"), ("2", "34600000002")):
        bench.store.receipt(bench.a_receipt(known_as, "DELETED", to=to), lambda kept: None)
    await bench.commit()
    assert await bench.state(asked) is MessageState.CANCELED
    assert await bench.state(unasked) is MessageState.UNDELIVERED


async def test_a_cancel_that_came_too_late_ends_as_the_receipt_says(bench):
    message = await bench.sent("5F3A")
    await bench.store.cancel("shop", message, by_account("shop", 7))
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry, CANCEL_FAILED)
    assert await bench.store.cancel("shop", message, by_account("shop", 8)) is CancelOutcome.TOO_LATE
    assert await to_ask(bench) == []
    await bench.receipt("5F3A")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_repeated_cancel_asks_once_and_is_audited_once(bench):
    message = await bench.sent("5F3A")
    for request in (7, 8):
        assert await bench.store.cancel("shop", message, by_account("shop", request)) is CancelOutcome.ASKED
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry)
    assert await bench.store.cancel("shop", message, by_account("shop", 9)) is CancelOutcome.ASKED
    assert [e.kind for e in await to_ask(bench)] == []
    assert bench.sql("SELECT what, outcome, request_id, message FROM audit") == [("cancel", "asked", 7, message)]


async def test_a_cancel_that_nobody_answered_may_be_asked_for_again(bench):
    message = await bench.sent("5F3A")
    await bench.store.cancel("shop", message, by_account("shop", 7))
    for _ in range(MOST_TRIES):
        (enquiry,) = await to_ask(bench)
        await answer(bench, enquiry, None)
        await bench.after(MINUTE)
    assert await to_ask(bench) == []
    assert await bench.store.cancel("shop", message, by_account("shop", 8)) is CancelOutcome.ASKED
    assert len(await to_ask(bench)) == 1
    assert bench.sql("SELECT request_id FROM audit") == [(7,), (8,)]


async def test_cancel_is_too_late_where_the_carrier_takes_no_cancel_sm_or_gave_no_id(bench, open_store):
    nameless = await bench.sent("")
    assert await bench.store.cancel("shop", nameless, by_account("shop", 7)) is CancelOutcome.TOO_LATE
    deaf = await bench.accept_one(route="pair")
    bind = bench.bind("other/1")
    await bind.ask(1)
    await bind.send(deaf, "5F3A")
    assert await bench.store.cancel("shop", deaf, by_account("shop", 7)) is CancelOutcome.TOO_LATE
    ended = await bench.sent("77")
    await bench.receipt("77")
    assert await bench.store.cancel("shop", ended, by_account("shop", 7)) is CancelOutcome.TOO_LATE
    assert bench.sql("SELECT count(*) FROM enquiries") == [(0,)]


async def test_every_part_of_a_long_message_that_is_still_out_is_canceled(bench):
    (message,) = await bench.accept(bench.a_long_message(3))
    bind = bench.bind()
    await bind.ask(3)
    for part in (1, 2, 3):
        await bind.send(message, f"id{part}", part=part)
    await bench.receipt("id2")
    assert await bench.store.cancel("shop", message, by_account("shop", 7)) is CancelOutcome.ASKED
    asked = await to_ask(bench)
    assert [(e.kind, e.carrier_message_id) for e in asked] == [(CANCEL, "id1"), (CANCEL, "id3")]
    for enquiry in asked:
        await answer(bench, enquiry)
        await bench.receipt(enquiry.carrier_message_id, "DELETED")
    assert await bench.state(message) is MessageState.CANCELED


async def test_after_cancel_sm_query_sm_finds_out_where_no_receipt_tells(bench):
    message = await bench.sent("5F3A")
    await bench.store.cancel("shop", message, by_account("shop", 7))
    (enquiry,) = await to_ask(bench)
    await answer(bench, enquiry)
    await bench.after(AFTER_CANCEL_MS - 1)
    assert await to_ask(bench) == []
    await bench.after(1)
    (enquiry,) = await to_ask(bench)
    assert enquiry.kind is QUERY
    await answer(bench, enquiry, stat="DELETED")
    assert await bench.state(message) is MessageState.CANCELED


@pytest.mark.parametrize("query_sm", [True, False])
async def test_a_cancel_that_the_carrier_took_stands_where_nothing_is_heard_until_the_horizon(open_store, query_sm):
    async with open_store(carriers=carriers(query_sm=query_sm)) as bench:
        message = await bench.sent("5F3A")
        await bench.store.cancel("shop", message, by_account("shop", 7))
        (enquiry,) = await to_ask(bench)
        await answer(bench, enquiry)
        await bench.after(HORIZON)
        for enquiry in await to_ask(bench):
            await answer(bench, enquiry, QUERY_FAILED)
        await bench.commit()
        story = await bench.story(message)
        assert (story.message.state, story.message.error) == (MessageState.CANCELED, "canceled")


async def test_a_cancel_is_asked_before_queries_that_wait(bench):
    await bench.sent("1")
    await bench.after(HORIZON)
    urgent = await bench.sent("2")
    await bench.store.cancel("shop", urgent, by_account("shop", 7))
    assert [enquiry.kind for enquiry in await to_ask(bench)] == [CANCEL, QUERY]


async def test_a_deleted_receipt_after_the_horizon_replaces_unknown(open_store):
    async with open_store(carriers=carriers(query_sm=False)) as bench:
        message = await bench.sent("5F3A")
        await bench.store.cancel("shop", message, by_account("shop", 7))
        await bench.after(HORIZON)
        assert await bench.state(message) is MessageState.UNKNOWN
        await bench.receipt("5F3A", "DELETED")
        assert await bench.state(message) is MessageState.CANCELED


async def test_the_same_answer_twice_changes_nothing(bench):
    message = await bench.sent("5F3A")
    await bench.after(HORIZON)
    (enquiry,) = await to_ask(bench)
    for stat in ("DELIVRD", "UNDELIV"):
        await answer(bench, enquiry, stat=stat)
    story = await bench.story(message)
    assert (story.message.state, len(story.receipts)) == (MessageState.DELIVERED, 1)


async def test_what_was_asked_is_erased_with_its_message(bench):
    message = await bench.sent("5F3A")
    await bench.store.cancel("shop", message, by_account("shop", 7))
    await bench.receipt("5F3A")
    await bench.after(100 * 24 * HOUR)
    for _ in range(3):
        await bench.after(2 * SECOND)
    assert bench.sql("SELECT count(*) FROM messages WHERE id = ?", message) == [(0,)]
    assert bench.sql("SELECT count(*) FROM enquiries") == [(0,)]
