"""By which other carriers a message goes that one did not take or did not deliver."""

from dataclasses import replace

import pytest
from played_campaigns import PlayedCampaign, some_recipients

from gateway.api.timeline import full
from gateway.messages import AttemptState, MessageState, Status
from gateway.rules.failures import Action, FailureTable
from gateway.settings import InDoubt
from gateway.store.by import by_account
from gateway.store.consents.interface import ConsentKind, NewConsent
from gateway.store.interface import CancelOutcome, Verdict
from gateway.store.policy import CarrierPolicy, LanePolicy
from protocol.alphabets import Alphabet
from protocol.writing import TextWay

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TRIED_AGAIN = {
    "otp": LanePolicy(1, InDoubt.HOLD, MINUTE, 0, retry_undelivered=True),
    "transactional": LanePolicy(2, InDoubt.RESEND, MINUTE, DAY, retry_undelivered=True),
    "promotional": LanePolicy(3, InDoubt.HOLD, MINUTE, DAY),
}


@pytest.fixture
async def lenient(open_store):
    """A store whose lanes `otp` and `transactional` let other carriers try."""
    async with open_store(lanes=TRIED_AGAIN) as bench:
        yield bench


async def sent_by_telco(bench, *, route="pair", **changes):
    message = await bench.sent("a1", route=route, **changes)
    assert await bench.state(message) is MessageState.SENT
    return message


async def undelivered(bench, carrier_message_id="a1", stat="UNDELIV", **changes):
    await bench.receipt(carrier_message_id, stat, **{"error": "unmapped", "err": "0B1", **changes})


async def taken_by(bench, carrier):
    """The messages that a bind of this carrier is dealt."""
    bind = bench.bind(f"{carrier}/taker", carrier)
    await bind.ask(10)
    bench.store.close_window(bind.name)
    return bind


async def fail_on(bench, message, carrier, status=0x08):
    """The carrier takes it from its queue and answers a temporary error; the pause passes."""
    bind = bench.bind(f"{carrier}/x", carrier)
    await bind.ask(1)
    assert bind.messages == [message], carrier
    await bind.answer(bind.an_answer(message, Verdict.RETRY, command_status=status))
    bench.store.close_window(bind.name)
    await bench.after(5 * SECOND)


def avoided(bench, message):
    ((avoid,),) = bench.sql("SELECT avoid FROM queues q JOIN messages m ON m.queue = q.id WHERE m.id = ?", message)
    return avoid


# --- after an answer


async def test_a_message_that_failed_on_two_goes_to_the_third_first(bench):
    message = await bench.accept_one(route="tiered")
    await fail_on(bench, message, "telco")
    assert avoided(bench, message) == "telco"
    await fail_on(bench, message, "other")
    assert avoided(bench, message) == "other telco"
    for carrier in ("telco", "other", "backup"):
        bench.bind(f"{carrier}/y", carrier)
    bench.store.ask("telco/y", 1)
    bench.store.ask("other/y", 1)
    bench.store.ask("backup/y", 1)
    await bench.commit()
    ((carrier,),) = bench.sql("SELECT carrier FROM attempts WHERE message = ? ORDER BY attempt DESC LIMIT 1", message)
    assert carrier == "backup"


async def test_once_all_have_failed_only_the_latest_is_avoided(bench):
    message = await bench.accept_one(route="pair")
    await fail_on(bench, message, "telco")
    await fail_on(bench, message, "other")
    assert avoided(bench, message) == "other"
    await fail_on(bench, message, "telco")
    assert avoided(bench, message) == "telco"


async def test_a_carrier_that_throttled_it_since_is_not_avoided_any_more(bench):
    message = await bench.accept_one(route="rest")
    await fail_on(bench, message, "telco")
    await fail_on(bench, message, "telco", status=0x58)
    assert avoided(bench, message) == ""


async def test_what_a_carriers_own_table_calls_here_avoids_nobody(open_store):
    tables = {"telco": FailureTable({0x08: Action.RETRY_HERE}), "other": FailureTable({0x58: Action.STOP})}
    carriers = {name: CarrierPolicy(72 * HOUR, 3 * MINUTE, failures=table) for name, table in tables.items()}
    async with open_store(carriers=carriers) as bench:
        message = await bench.accept_one(route="pair")
        await fail_on(bench, message, "telco")
        assert avoided(bench, message) == ""
        await fail_on(bench, message, "other", status=0x58)
        assert avoided(bench, message) == "other"


# --- after a receipt


async def test_an_undelivered_code_goes_elsewhere_once_and_the_first_failure_is_not_told(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    assert await lenient.state(message) is MessageState.QUEUED
    assert full(await lenient.story(message)).status is Status.SENT
    assert (await taken_by(lenient, "telco")).messages == []
    other = await taken_by(lenient, "other")
    assert other.messages == [message]
    await other.send(message, "b1")
    assert await lenient.state(message) is MessageState.SENT
    await lenient.receipt("b1", carrier="other")
    told = full(await lenient.story(message))
    assert (told.status, told.attempts, told.error) == (Status.DELIVERED, 2, None)
    assert lenient.told(message) == ["message.sent", "message.delivered"]


async def test_the_timeline_shows_the_receipt_and_both_submits(lenient):
    message = await sent_by_telco(lenient)
    lenient.clock.advance(SECOND)
    await undelivered(lenient)
    page = full(await lenient.story(message))
    assert [part.status for part in page.parts] == [Status.SENT]
    lenient.clock.advance(SECOND)
    other = await taken_by(lenient, "other")
    await other.send(message, "b1")
    lenient.clock.advance(SECOND)
    await lenient.receipt("b1", carrier="other")
    page = full(await lenient.story(message))
    steps = [(step.what.value, step.outcome, step.carrier) for step in page.timeline if step.carrier]
    assert [(what, carrier) for what, _, carrier in steps] == [
        ("submit", "telco"),
        ("receipt", "telco"),
        ("submit", "other"),
        ("receipt", "other"),
    ]
    assert all(step.applied for step in page.timeline if step.what.value == "receipt")


async def test_a_second_failure_is_told_as_the_end(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    other = await taken_by(lenient, "other")
    await other.send(message, "b1")
    await undelivered(lenient, "b1", "REJECTD", carrier="other", error="spam_filtered")
    page = full(await lenient.story(message))
    assert (page.status, page.error.code) == (Status.REJECTED, "spam_filtered")
    assert lenient.told(message) == ["message.sent", "message.rejected"]


@pytest.mark.parametrize(
    "cause", ["unknown_subscriber", "absent_subscriber", "handset_error", "inbox_full", "blocked_by_recipient"]
)
async def test_what_lies_with_the_recipient_is_told_at_once(lenient, cause):
    message = await sent_by_telco(lenient)
    await undelivered(lenient, error=cause)
    assert await lenient.state(message) is MessageState.UNDELIVERED


async def test_a_receipt_that_says_expired_is_told_at_once(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient, stat="EXPIRED", error="expired")
    assert await lenient.state(message) is MessageState.EXPIRED


@pytest.mark.parametrize("changes", [{"lane": "promotional"}, {"route": "rest"}], ids=["lane", "no other carrier"])
async def test_where_nothing_else_can_be_tried_the_end_is_told(lenient, changes):
    message = await sent_by_telco(lenient, **changes)
    await undelivered(lenient)
    assert await lenient.state(message) is MessageState.UNDELIVERED


async def test_without_time_left_the_first_failure_is_told(lenient):
    message = await sent_by_telco(lenient, expires_at=lenient.clock() + MINUTE)
    lenient.clock.advance(MINUTE - SECOND)
    await undelivered(lenient)
    assert await lenient.state(message) is MessageState.UNDELIVERED


async def test_many_receipts_of_one_commit_go_elsewhere_each(lenient):
    messages = await lenient.accept(*(lenient.a_message(route="pair") for _ in range(4)))
    telco = lenient.bind("telco/1")
    await telco.ask(4)
    await telco.answer(*(telco.an_answer(message, carrier_message_id=f"id{message}") for message in messages))
    lenient.store.close_window("telco/1")
    for message, stat in zip(messages, ("UNDELIV", "DELIVRD", "REJECTD", "UNDELIV"), strict=True):
        changes = {} if stat == "DELIVRD" else {"error": "unmapped"}
        lenient.store.receipt(lenient.a_receipt(f"id{message}", stat, **changes), lambda kept: None)
    await lenient.commit()
    assert [await lenient.state(message) for message in messages] == [
        MessageState.QUEUED,
        MessageState.DELIVERED,
        MessageState.QUEUED,
        MessageState.QUEUED,
    ]
    assert lenient.ready_is_right()
    assert sorted((await taken_by(lenient, "other")).messages) == sorted([messages[0], messages[2], messages[3]])


async def test_the_same_receipt_again_changes_nothing(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    await undelivered(lenient)
    story = await lenient.story(message)
    assert [attempt.state for attempt in story.attempts] == [AttemptState.REROUTED]
    assert len(story.receipts) == 1


async def test_a_delivery_that_contradicts_it_is_kept_and_not_applied(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    await lenient.receipt("a1")
    story = await lenient.story(message)
    assert story.message.state == MessageState.QUEUED
    assert [(receipt.state, bool(receipt.applied)) for receipt in story.receipts] == [
        ("UNDELIV", True),
        ("DELIVRD", False),
    ]


# --- where the other carrier does not take it


async def ends_as_first_told(bench, message, state=MessageState.UNDELIVERED, status="undelivered", code="unmapped"):
    page = full(await bench.story(message))
    assert await bench.state(message) is state
    assert page.error.code == code
    assert page.error.carrier_code.err == "0B1"
    assert [part.status for part in page.parts] == [status] * len(page.parts)
    assert bench.told(message) == ["message.sent", f"message.{status}"]
    assert bench.ready_is_right()


@pytest.mark.parametrize(("stat", "state"), [("UNDELIV", MessageState.UNDELIVERED), ("REJECTD", MessageState.REJECTED)])
async def test_one_that_nobody_takes_in_time_ends_as_the_first_receipt_said(lenient, stat, state):
    message = await sent_by_telco(lenient)
    await undelivered(lenient, stat=stat, error="text_rejected")
    await lenient.after(2 * DAY)
    await ends_as_first_told(lenient, message, state, state.name.lower(), "text_rejected")


@pytest.mark.parametrize(
    ("decided", "written", "state"),
    [
        ("REJECTD", "UNKNOWN", MessageState.REJECTED),
        ("REJECTD", "UNDELIV", MessageState.REJECTED),
        ("REJECTD", "8", MessageState.REJECTED),
        ("REJECTD", None, MessageState.REJECTED),
        ("REJECTD", "dnd_rejected", MessageState.REJECTED),
        ("UNDELIV", "REJECTD", MessageState.UNDELIVERED),
        ("DELETED", "EXPIRED", MessageState.UNDELIVERED),
    ],
)
async def test_one_that_nobody_takes_ends_as_was_decided_whatever_word_the_text_had(lenient, decided, written, state):
    message = await sent_by_telco(lenient)
    receipt = lenient.a_receipt("a1", decided, error="unmapped", err="0B1")
    assert await lenient.receive(replace(receipt, receipt=replace(receipt.receipt, stat=written)))
    await lenient.after(2 * DAY)
    await ends_as_first_told(lenient, message, state, state.name.lower())


async def test_one_that_is_found_expired_at_its_claim_ends_as_the_first_receipt_said(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    lenient.sql("UPDATE messages SET due = due + ?", DAY)
    lenient.clock.advance(25 * HOUR)
    assert (await taken_by(lenient, "other")).messages == []
    await ends_as_first_told(lenient, message)


async def test_one_that_the_other_carrier_refuses_ends_as_the_first_receipt_said(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    other = await taken_by(lenient, "other")
    await other.answer(other.an_answer(message, Verdict.REFUSED))
    page = full(await lenient.story(message))
    assert (page.status, page.error.code) == (Status.UNDELIVERED, "unmapped")
    assert lenient.told(message) == ["message.sent", "message.undelivered"]


async def test_one_whose_recipient_opted_out_meanwhile_ends_as_the_first_receipt_said(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    out = NewConsent("+34600000001", "", lenient.clock(), "api", None)
    await lenient.store.put_consent(ConsentKind.OPT_OUT, "shop", out, by=by_account("shop", 1))
    assert (await taken_by(lenient, "other")).messages == []
    await ends_as_first_told(lenient, message)


async def test_a_cancel_comes_too_late_for_it(lenient):
    message = await sent_by_telco(lenient)
    await undelivered(lenient)
    assert await lenient.store.cancel("shop", message, by_account("shop", 1)) is CancelOutcome.TOO_LATE


async def test_one_of_a_canceled_campaign_ends_as_the_first_receipt_said(lenient):
    campaign = PlayedCampaign(lenient, lane="transactional")
    await campaign.open()
    await campaign.add(some_recipients(0, 2, route="pair"))
    await campaign.seal()
    await campaign.expand()
    telco = lenient.bind("telco/1")
    await telco.ask(1)
    (message,) = telco.messages
    await telco.send(message, "a1")
    await undelivered(lenient, to=(await lenient.story(message)).message.recipient[1:])
    await campaign.cancel()
    await lenient.after(SECOND)
    await ends_as_first_told(lenient, message)
    assert await campaign.counts_are_right()
    assert (await campaign.counts())["canceled"] == 1


# --- doubts


async def test_a_doubt_is_never_failed_over(lenient):
    for lane in ("otp", "transactional"):
        message = await lenient.accept_one(route="pair", lane=lane)
        telco = lenient.bind("telco/1")
        await telco.ask(1)
        await telco.doubt(message)
        assert (await taken_by(lenient, "other")).messages == []
        assert await lenient.state(message) is MessageState.IN_DOUBT
        lenient.store.close_window("telco/1")


async def test_a_doubt_of_the_second_sending_is_not_told_as_the_first_failure(lenient):
    message = await sent_by_telco(lenient, lane="otp", expires_at=lenient.clock() + HOUR)
    await undelivered(lenient)
    other = await taken_by(lenient, "other")
    await other.doubt(message)
    await lenient.after(2 * MINUTE)
    assert await lenient.state(message) is MessageState.UNKNOWN


async def test_one_sent_again_in_doubt_by_the_second_carrier_is_unknown_when_its_time_is_over(lenient):
    message = await sent_by_telco(lenient, expires_at=lenient.clock() + HOUR)
    await undelivered(lenient)
    other = await taken_by(lenient, "other")
    await other.doubt(message)
    await lenient.after(2 * MINUTE)
    assert await lenient.state(message) is MessageState.QUEUED
    await lenient.after(HOUR)
    assert await lenient.state(message) is MessageState.UNKNOWN


async def sent_again_by_other(bench):
    """In doubt at telco, and so sent again."""
    message = await bench.accept_one(route="pair", expires_at=bench.clock() + HOUR)
    telco = bench.bind("telco/1")
    await telco.ask(1)
    await telco.doubt(message)
    bench.store.close_window("telco/1")
    await bench.after(2 * MINUTE)
    assert await bench.state(message) is MessageState.QUEUED
    return message, telco


async def test_what_both_carriers_of_a_doubt_reported_goes_to_neither_again(lenient):
    message, telco = await sent_again_by_other(lenient)
    other = await taken_by(lenient, "other")
    assert other.messages == [message]
    await other.send(message, "b1")
    await telco.send(message, "a1")
    await undelivered(lenient)
    assert await lenient.state(message) is MessageState.SENT
    await undelivered(lenient, "b1", carrier="other")
    assert await lenient.state(message) is MessageState.UNDELIVERED


async def test_what_went_elsewhere_once_ends_when_a_late_answer_and_its_receipt_settle_it(lenient):
    message, telco = await sent_again_by_other(lenient)
    other = await taken_by(lenient, "other")
    await other.send(message, "b1")
    await undelivered(lenient, "b1", carrier="other")
    assert await lenient.state(message) is MessageState.QUEUED
    await telco.send(message, "a1")
    assert await lenient.state(message) is MessageState.SENT
    await undelivered(lenient)
    assert await lenient.state(message) is MessageState.UNDELIVERED
    assert lenient.ready_is_right()


async def test_one_to_be_sent_again_that_is_found_expired_at_its_claim_may_have_arrived(lenient):
    message, _ = await sent_again_by_other(lenient)
    lenient.sql("UPDATE messages SET due = due + ?", DAY)
    lenient.clock.advance(2 * HOUR)
    assert (await taken_by(lenient, "other")).messages == []
    assert await lenient.state(message) is MessageState.UNKNOWN


# --- several parts


async def test_a_long_message_goes_elsewhere_whole_once_each_part_has_ended(lenient):
    (message,) = await lenient.accept(lenient.a_long_message(2, route="pair"))
    telco = lenient.bind("telco/1")
    await telco.ask(2)
    await telco.send(message, "a1", part=1)
    await telco.send(message, "a2", part=2)
    lenient.store.close_window("telco/1")
    await undelivered(lenient, "a1")
    assert await lenient.state(message) is MessageState.SENT
    await undelivered(lenient, "a2")
    assert await lenient.state(message) is MessageState.QUEUED
    other = await taken_by(lenient, "other")
    assert [claimed.segment.part for claimed in other.claims[0].segments] == [1, 2]


async def test_a_long_message_of_which_a_part_was_delivered_stays(lenient):
    (message,) = await lenient.accept(lenient.a_long_message(2, route="pair"))
    telco = lenient.bind("telco/1")
    await telco.ask(2)
    await telco.send(message, "a1", part=1)
    await telco.send(message, "a2", part=2)
    await lenient.receipt("a1")
    await undelivered(lenient, "a2")
    assert await lenient.state(message) is MessageState.UNDELIVERED


# --- what others can't carry


async def test_one_whose_text_the_others_lack_ends_as_the_first_receipt_said(open_store):
    ways = {"telco": TextWay(), "other": TextWay(alphabet=Alphabet.LATIN1)}
    carriers = {name: CarrierPolicy(72 * HOUR, 3 * MINUTE, way=way) for name, way in ways.items()}
    async with open_store(lanes=TRIED_AGAIN, carriers=carriers) as bench:
        message = await sent_by_telco(bench, text="€")
        await undelivered(bench)
        assert (await taken_by(bench, "other")).messages == []
        await ends_as_first_told(bench, message)


async def test_one_goes_to_the_third_carrier_where_the_second_cannot_carry_it_and_never_back(open_store):
    ways = {"telco": TextWay(), "other": TextWay(alphabet=Alphabet.LATIN1), "backup": TextWay()}
    carriers = {name: CarrierPolicy(72 * HOUR, 3 * MINUTE, way=way) for name, way in ways.items()}
    async with open_store(lanes=TRIED_AGAIN, carriers=carriers) as bench:
        message = await sent_by_telco(bench, text="€", route="tiered")
        await undelivered(bench)
        assert (await taken_by(bench, "other")).messages == []
        assert (await taken_by(bench, "telco")).messages == []
        assert (await taken_by(bench, "backup")).messages == [message]
