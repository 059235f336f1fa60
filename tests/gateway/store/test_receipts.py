"""Receipts: matched by id and destination, kept until their attempt is known, applied once."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from gateway.api.timeline import full
from gateway.messages import AttemptState, MessageState, Status
from gateway.store.interface import Verdict

SECOND = 1_000
MINUTE = 60_000
HOUR = 60 * MINUTE
OTHER_NUMBER = "+34600000002"


async def claimed(bench, **changes):
    message = await bench.accept_one(**changes)
    bind = bench.bind()
    await bind.ask(1)
    return message, bind


def with_stat(receipt, stat):
    """The same, of which the text says otherwise."""
    return replace(receipt, receipt=replace(receipt.receipt, stat=stat))


def parked(bench):
    return bench.store.counts()["parked"]


async def test_a_receipt_ends_its_message_and_tells_so(bench):
    bench.take_deliveries()
    message = await bench.sent("5F3A")
    await bench.outcome(bench.deliveries[0])
    await bench.receipt("5F3A", done_at=bench.clock())
    story = await bench.story(message)
    assert story.message.state == MessageState.DELIVERED
    assert story.message.done_at == bench.clock()
    ((matched, applied),) = [(r.matched, r.applied) for r in story.receipts]
    assert (matched, applied) == ("exact", 1)
    body = bench.bodies()[-1]
    assert (body["type"], body["status"], body["data"]["error"]) == ("message.delivered", "delivered", None)
    assert (body["data"]["carrier"], body["data"]["carrier_message_id"]) == ("telco", "5F3A")


async def test_a_date_before_the_sending_gives_way_to_the_arrival(bench):
    message = await bench.sent("5F3A")
    await bench.receipt("5F3A", done_at=bench.clock() - 60_000)
    assert (await bench.story(message)).message.done_at == bench.clock()


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        ("DELIVRD", MessageState.DELIVERED),
        ("UNDELIV", MessageState.UNDELIVERED),
        ("EXPIRED", MessageState.EXPIRED),
        ("REJECTD", MessageState.REJECTED),
        ("DELETED", MessageState.UNDELIVERED),
        ("SKIPPED", MessageState.UNDELIVERED),
    ],
)
async def test_each_final_state_ends_the_message(bench, stat, state):
    message = await bench.sent("1")
    await bench.receipt("1", stat)
    assert await bench.state(message) is state
    assert bench.told(message)[-1] == f"message.{state.name.lower()}"


async def test_an_undelivered_message_tells_the_cause_and_the_carriers_own_words(bench):
    bench.take_deliveries()
    message = await bench.sent("1")
    await bench.outcome(bench.deliveries[0])
    await bench.receipt("1", "UNDELIV", network_error=(3, 1))
    assert (await bench.story(message)).attempts[0].network_error == "3:1"
    error = bench.bodies()[-1]["data"]["error"]
    assert error["code"] == "unknown_subscriber"
    said = {"command_status": None, "receipt_state": "UNDELIV", "err": "001", "network_error_code": "gsm:1"}
    assert error["carrier_code"] == said


async def test_a_cause_that_is_not_known_is_unmapped_never_missing(bench):
    message = await bench.sent("1")
    await bench.receipt("1", "REJECTD", error=None)
    assert (await bench.story(message)).message.error == "unmapped"


@pytest.mark.parametrize("stat", ["ENROUTE", "ACCEPTD", "UNKNOWN"])
async def test_a_state_that_is_no_end_is_recorded_and_not_applied(bench, stat):
    message = await bench.sent("1")
    await bench.receipt("1", stat)
    await bench.receipt("1", stat)
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.SENT
    assert [(r.state, r.applied) for r in story.receipts] == [(stat, 0)]


async def test_an_intermediate_notification_is_recorded_and_not_applied(bench):
    message = await bench.sent("1")
    await bench.receipt("1", "DELIVRD", is_intermediate=True)
    assert await bench.state(message) is MessageState.SENT
    await bench.receipt("1", "DELIVRD", raw="id:1 stat:DELIVRD final")
    assert await bench.state(message) is MessageState.DELIVERED


@pytest.mark.parametrize("together", [1, 2])
async def test_where_tlv_and_text_disagree_the_state_that_decided_is_shown_beside_the_text(bench, together):
    messages = [await bench.sent(str(n)) for n in range(together)]
    for n in range(together):
        receipt = bench.a_receipt(str(n), "UNDELIV", raw=f"id:{n} stat:DELIVRD err:000")
        bench.store.receipt(with_stat(receipt, "DELIVRD"), lambda kept: None)
    await bench.commit()
    page = full(await bench.story(messages[0]))
    assert (page.status, page.error.carrier_code.receipt_state) == (Status.UNDELIVERED, "UNDELIV")
    (step,) = [step for step in page.timeline if step.what.value == "receipt"]
    assert (step.state, step.raw, step.applied) == ("UNDELIV", "id:0 stat:DELIVRD err:000", True)
    assert bench.told(messages[0]) == ["message.sent", "message.undelivered"]


async def test_a_receipt_told_twice_changes_nothing(bench):
    message = await bench.sent("1")
    receipt = bench.a_receipt("1")
    assert await bench.receive(receipt)
    before = await bench.story(message)
    assert await bench.receive(receipt)
    assert await bench.story(message) == before
    assert bench.told(message) == ["message.sent", "message.delivered"]
    assert parked(bench) == 0


async def test_receipts_of_one_read_are_told_in_one_go_and_others_apart(bench):
    for id_ in ("1", "2", "3"):
        await bench.sent(id_, recipient=f"+3460000000{id_}")
    first, second, third = (bench.a_receipt(id_, to=f"3460000000{id_}") for id_ in ("1", "2", "3"))
    told = []
    bench.store.receipts([first, second], lambda is_kept, count: told.append((is_kept, count)))
    bench.store.receipt(third, told.append)
    await bench.commit()
    assert told == [(True, 2), True]


async def test_of_receipts_of_one_read_each_is_told_as_it_went(bench):
    messages = [await bench.sent(id_, recipient=f"+3460000000{id_}") for id_ in ("1", "2", "3")]
    receipts = [bench.a_receipt(id_, to=f"3460000000{id_}") for id_ in ("1", "2", "3")]
    receipts[1].receipt.error = object()
    told = []
    bench.store.receipts(receipts, lambda is_kept, count: told.append((is_kept, count)))
    await bench.commit()
    await bench.commit()
    assert sum(count for _, count in told) == 3
    assert [is_kept for is_kept, count in told for _ in range(count)] == [True, False, True]
    assert [await bench.state(m) for m in messages] == [
        MessageState.DELIVERED,
        MessageState.SENT,
        MessageState.DELIVERED,
    ]


async def test_the_same_receipt_twice_in_one_commit_is_one(bench):
    messages = [await bench.sent(id_, recipient=f"+3460000000{id_}") for id_ in ("1", "2", "3")]
    kept = []
    for id_ in ("1", "2", "2", "3"):
        bench.store.receipt(bench.a_receipt(id_, to=f"3460000000{id_}"), kept.append)
    await bench.commit()
    assert kept == [True] * 4
    assert [await bench.state(m) for m in messages] == [MessageState.DELIVERED] * 3
    assert [len((await bench.story(m)).receipts) for m in messages] == [1, 1, 1]
    assert parked(bench) == 0


async def test_a_receipt_that_contradicts_an_end_is_kept_and_not_applied(bench):
    message = await bench.sent("1")
    await bench.receipt("1", "DELIVRD")
    await bench.receipt("1", "UNDELIV")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [(r.state, r.applied) for r in story.receipts] == [("DELIVRD", 1), ("UNDELIV", 0)]
    assert bench.told(message) == ["message.sent", "message.delivered"]


async def test_two_receipts_that_contradict_each_other_in_one_commit_are_applied_in_order(bench):
    message = await bench.sent("1")
    for stat in ("DELIVRD", "UNDELIV"):
        bench.store.receipt(bench.a_receipt("1", stat), lambda kept: None)
    await bench.commit()
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.applied for r in story.receipts] == [1, 0]


async def test_a_late_receipt_replaces_unknown_and_tells_so(bench):
    message = await bench.sent("1")
    await bench.after(24 * HOUR + 72 * HOUR)
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.UNKNOWN, "no_receipt")
    await bench.receipt("1")
    story = await bench.story(message)
    assert (MessageState(story.message.state), story.message.error) == (MessageState.DELIVERED, None)
    assert bench.told(message) == ["message.sent", "message.unknown", "message.delivered"]
    await bench.receipt("1", "UNDELIV")
    assert await bench.state(message) is MessageState.DELIVERED


# --- before the answer


async def test_a_receipt_before_its_answer_is_parked_and_settled_when_the_answer_comes(bench):
    message, bind = await claimed(bench)
    await bench.receipt("1")
    assert (await bench.state(message), parked(bench)) == (MessageState.SUBMITTING, 1)
    await bind.send(message, "1")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [(r.matched, r.applied) for r in story.receipts] == [("parked", 1)]
    assert parked(bench) == 0
    assert bench.sql("SELECT count(*) FROM parked_keys") == [(0,)]
    assert bench.told(message) == ["message.sent", "message.delivered"]


async def test_answer_and_receipt_in_one_commit_are_applied_in_that_order(bench):
    message, bind = await claimed(bench)
    bench.store.receipt(bench.a_receipt("1"), lambda kept: None)
    bench.store.answered(bind.name, [bind.an_answer(message, carrier_message_id="1")], 0, bind.kept.append)
    await bench.commit()
    assert await bench.state(message) is MessageState.DELIVERED
    assert [r.matched for r in (await bench.story(message)).receipts] == ["exact"]


async def test_many_parked_receipts_are_settled_by_many_answers_at_once(bench):
    messages = await bench.accept(*(bench.a_message(recipient=f"+3460000000{n}") for n in range(5)))
    bind = bench.bind()
    await bind.ask(5)
    for n in range(5):
        await bench.receipt(f"id{n}", to=f"3460000000{n}")
    await bind.answer(*(bind.an_answer(m, carrier_message_id=f"id{n}") for n, m in enumerate(messages)))
    assert [await bench.state(m) for m in messages] == [MessageState.DELIVERED] * 5
    assert parked(bench) == 0


async def test_a_parked_receipt_outlives_a_restart(bench):
    message, _ = await claimed(bench)
    await bench.receipt("1")
    async with bench.after_a_crash() as after:
        assert after.store.counts()["parked"] == 0, "the doubt that the crash left is settled by it"
        assert await after.state(message) is MessageState.DELIVERED


async def test_the_same_receipt_is_parked_once(bench):
    await bench.receipt("1")
    await bench.receipt("1")
    await bench.receipt("1", "UNDELIV")
    assert parked(bench) == 2


async def test_a_receipt_with_dates_and_codes_of_its_own_is_parked_once_too(bench):
    said = {
        "submitted_at": datetime(2026, 3, 9, 8, 14, tzinfo=timezone(timedelta(hours=1))),
        "done_at": datetime(2026, 3, 9, 8, 15, 30),
        "disagreements": ("message_state DELIVERED, stat UNDELIV",),
    }
    for _ in range(2):
        receipt = bench.a_receipt("1", alt_ids=("2", "3"), network_error=(3, 1), reference=7)
        assert await bench.receive(replace(receipt, receipt=replace(receipt.receipt, **said)))
    assert parked(bench) == 1


async def test_an_end_in_the_words_of_the_notification_before_it_is_not_lost_while_the_answer_is_awaited(bench):
    message, bind = await claimed(bench)
    for is_intermediate in (True, True, False, False):
        await bench.receipt("1", "UNDELIV", is_intermediate=is_intermediate)
    assert parked(bench) == 2
    await bind.send(message, "1")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.UNDELIVERED
    assert [(r.state, r.applied) for r in story.receipts] == [("UNDELIV", 0), ("UNDELIV", 1)]
    assert parked(bench) == 0


async def test_a_state_that_only_the_tlv_tells_is_not_lost_while_the_answer_is_awaited(bench):
    message, bind = await claimed(bench)
    for state in ("ENROUTE", "DELIVRD"):
        assert await bench.receive(with_stat(bench.a_receipt("1", state, raw="id:1 stat:UNKNOWN"), "UNKNOWN"))
    assert parked(bench) == 2
    await bind.send(message, "1")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [(r.state, r.raw, r.applied) for r in story.receipts] == [
        ("ENROUTE", "id:1 stat:UNKNOWN", 0),
        ("DELIVRD", "id:1 stat:UNKNOWN", 1),
    ]


async def test_a_parked_receipt_is_listed_until_its_time_is_over(bench):
    await bench.receipt("1")
    (row,) = (await bench.store.parked(limit=10, cursor=None)).rows
    assert (row.carrier, row.carrier_message_id, row.state) == ("telco", "1", "DELIVRD")
    await bench.after(bench.policy.parked_ms)
    assert (await bench.store.parked(limit=10, cursor=None)).rows == []
    assert parked(bench) == 0


# --- ids


async def test_a_receipt_may_come_on_any_bind_of_its_carrier(bench):
    message = await bench.sent("1")
    await bench.receipt("1", bind="telco/7")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert story.receipts[0].bind == "telco/7"


async def test_the_same_id_of_another_carrier_is_another_id(bench):
    message = await bench.sent("1")
    await bench.receipt("1", carrier="other")
    assert (await bench.state(message), parked(bench)) == (MessageState.SENT, 1)


@pytest.mark.parametrize("carrier_message_id", [None, "", "unheard-of"])
async def test_an_unknown_or_empty_id_matches_nothing(bench, carrier_message_id):
    message, bind = await claimed(bench)
    await bind.send(message, "")
    await bench.receipt(carrier_message_id)
    assert (await bench.state(message), parked(bench)) == (MessageState.SENT, 1)


async def test_an_id_may_be_spelled_with_zeros_capitals_and_blanks(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(" 00005f3a ")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_an_alternative_id_matches_where_the_first_does_not(bench):
    message = await bench.sent("5F3A")
    await bench.receipt("nothing-of-ours", alt_ids=("5F3A",))
    assert await bench.state(message) is MessageState.DELIVERED


async def test_hex_in_the_answer_and_decimal_in_the_receipt_match_when_the_destination_agrees(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(str(0x5F3A))
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.matched for r in story.receipts] == ["converted"]


async def test_decimal_in_the_answer_and_hex_in_the_receipt_match_when_the_destination_agrees(bench):
    message = await bench.sent("24378")
    await bench.receipt("5f3a")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_a_converted_id_for_another_number_is_not_believed(bench):
    message = await bench.sent("5F3A")
    await bench.receipt(str(0x5F3A), to="34600000002")
    assert (await bench.state(message), parked(bench)) == (MessageState.SENT, 1)


async def test_a_converted_id_that_fits_two_messages_is_not_believed(bench):
    as_hexadecimal = await bench.sent(f"{100:x}")
    as_read_in_hexadecimal = await bench.sent(str(int("100", 16)))
    await bench.receipt("100")
    assert await bench.state(as_hexadecimal) is await bench.state(as_read_in_hexadecimal) is MessageState.SENT
    assert parked(bench) == 1


async def test_a_receipt_parked_under_a_converted_id_is_settled_by_the_answer(bench):
    message, bind = await claimed(bench)
    await bench.receipt(str(0x5F3A))
    await bind.send(message, "5F3A")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_with_one_id_for_all_messages_the_destination_decides(bench):
    first = await bench.sent("0")
    second = await bench.sent("0", recipient=OTHER_NUMBER)
    third = await bench.sent("0", recipient="+34600000003")
    await bench.receipt("0", to="34600000002")
    states = [await bench.state(message) for message in (first, second, third)]
    assert states == [MessageState.SENT, MessageState.DELIVERED, MessageState.SENT]


async def test_with_one_id_for_all_messages_a_stranger_is_nobodys(bench):
    messages = [await bench.sent("0"), await bench.sent("0", recipient=OTHER_NUMBER)]
    await bench.receipt("0", to="34699999999")
    assert [await bench.state(m) for m in messages] == [MessageState.SENT] * 2
    assert parked(bench) == 1


async def test_with_one_id_and_one_number_the_newest_unsettled_is_meant(bench):
    first, second = await bench.sent("0"), await bench.sent("0")
    await bench.receipt("0")
    assert [await bench.state(m) for m in (first, second)] == [MessageState.SENT, MessageState.DELIVERED]
    await bench.receipt("0", raw="another")
    assert await bench.state(first) is MessageState.DELIVERED


async def test_one_id_for_all_in_one_commit_is_told_apart_by_the_destination(bench):
    numbers = [f"3460000000{n}" for n in range(6)]
    messages = [await bench.sent("0", recipient=f"+{number}") for number in numbers]
    for number in reversed(numbers):
        bench.store.receipt(bench.a_receipt("0", to=number, raw=f"to {number}"), lambda kept: None)
    await bench.commit()
    assert [await bench.state(m) for m in messages] == [MessageState.DELIVERED] * 6


@pytest.mark.parametrize("which", [0, 1])
async def test_an_id_of_two_messages_is_told_apart_in_one_commit_with_others(bench, which):
    numbers = ["34600000002", "34600000003"]
    twice = [await bench.sent("7", recipient=f"+{number}") for number in numbers]
    once = [await bench.sent(id_) for id_ in ("8", "9")]
    bench.store.receipt(bench.a_receipt("8"), lambda kept: None)
    bench.store.receipt(bench.a_receipt("7", to=numbers[which]), lambda kept: None)
    bench.store.receipt(bench.a_receipt("9"), lambda kept: None)
    await bench.commit()
    assert [await bench.state(m) for m in once] == [MessageState.DELIVERED] * 2
    assert await bench.state(twice[which]) is MessageState.DELIVERED
    assert await bench.state(twice[1 - which]) is MessageState.SENT


async def test_both_ways_of_recording_end_in_the_same_rows(bench):
    """One message alone, and many together."""
    stories = []
    for count in (1, 3):
        messages = await bench.accept(*(bench.a_message() for _ in range(count)))
        bind = bench.bind()
        await bind.ask(count)
        await bind.answer(*(bind.an_answer(m) for m in messages))
        for message in messages:
            receipt = bench.a_receipt(f"{message:x}-1", "UNDELIV", network_error=(3, 1), done_at=bench.clock() - 5)
            bench.store.receipt(receipt, lambda kept: None)
        await bench.commit()
        bench.store.close_window(bind.name)
        story = await bench.story(messages[0])
        ignored = {"id": 0, "message": 0, "submission": 0, "request_id": 0, "raw": "", "carrier_message_id": ""}
        rows = [story.message, *story.attempts, *story.receipts]
        stories.append([row._replace(**{k: v for k, v in ignored.items() if k in row._fields}) for row in rows])
        assert bench.told(messages[0]) == ["message.sent", "message.undelivered"]
    assert stories[0] == stories[1]


async def test_an_id_given_again_after_a_restart_of_the_carrier_means_the_new_message(bench):
    old = await bench.sent("1")
    await bench.receipt("1")
    new = await bench.sent("1", recipient=OTHER_NUMBER)
    await bench.receipt("1", "UNDELIV", to="34600000002")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.DELIVERED, MessageState.UNDELIVERED]


async def test_an_old_id_is_not_believed_for_another_number(bench):
    message = await bench.sent("1")
    await bench.receipt("1")
    await bench.receipt("1", "UNDELIV", to="34600000002")
    assert parked(bench) == 1
    assert len((await bench.story(message)).receipts) == 1


async def test_a_receipt_ahead_of_its_answer_is_not_taken_for_the_old_message_with_its_id(bench):
    old = await bench.sent("1")
    await bench.receipt("1", raw="old")
    new, bind = await claimed(bench)
    await bench.receipt("1", "UNDELIV", raw="new")
    await bind.send(new, "1")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.DELIVERED, MessageState.UNDELIVERED]


@pytest.mark.parametrize("source", [None, "SHOP"])
async def test_addresses_may_be_swapped_or_not(bench, source):
    first = await bench.sent("0")
    await bench.sent("0", recipient=OTHER_NUMBER)
    await bench.receipt("0", source=source)
    assert await bench.state(first) is MessageState.DELIVERED


@pytest.mark.parametrize("to", ["600000001", "0034600000001", "+34600000001"])
async def test_a_destination_may_be_written_nationally_or_with_a_prefix(bench, to):
    first = await bench.sent("0")
    await bench.sent("0", recipient=OTHER_NUMBER)
    await bench.receipt("0", to=to)
    assert await bench.state(first) is MessageState.DELIVERED


async def test_an_id_that_names_one_open_message_is_believed_whatever_the_addresses_say(bench):
    message = await bench.sent("1")
    await bench.receipt("1", to="4711")
    assert await bench.state(message) is MessageState.DELIVERED


async def test_address_alone_never_matches(bench):
    message = await bench.sent("1")
    await bench.receipt("2")
    assert (await bench.state(message), parked(bench)) == (MessageState.SENT, 1)


# --- doubts


async def test_a_receipt_that_can_only_be_about_a_doubt_settles_it(bench):
    message, bind = await claimed(bench)
    await bind.doubt(message)
    await bench.receipt("777")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [r.matched for r in story.receipts] == ["doubt"]
    assert story.attempts[0].carrier_message_id == "777"


async def test_a_receipt_that_settled_a_doubt_told_twice_changes_nothing(bench):
    message, bind = await claimed(bench)
    await bind.doubt(message)
    await bench.receipt("777")
    await bench.receipt("777")
    assert len((await bench.story(message)).receipts) == 1
    assert parked(bench) == 0


async def test_a_receipt_that_came_before_the_doubt_settles_it(bench):
    message, bind = await claimed(bench)
    await bench.receipt("777")
    await bind.doubt(message)
    assert (await bench.state(message), parked(bench)) == (MessageState.DELIVERED, 0)


async def test_a_receipt_from_before_the_claim_is_not_about_the_doubt(bench):
    await bench.receipt("777")
    bench.clock.advance(SECOND)
    message, bind = await claimed(bench)
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
    assert parked(bench) == 1


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
    old, bind = await claimed(bench, lane="promotional")
    await bind.doubt(old)
    await bench.after(MINUTE)
    assert await bench.state(old) is MessageState.UNKNOWN
    new, bind = await claimed(bench)
    await bind.doubt(new)
    await bench.receipt("777")
    assert [await bench.state(m) for m in (old, new)] == [MessageState.UNKNOWN, MessageState.IN_DOUBT]


async def test_a_receipt_for_another_number_settles_no_doubt(bench):
    message, bind = await claimed(bench)
    await bind.doubt(message)
    await bench.receipt("777", to="34600000002")
    assert await bench.state(message) is MessageState.IN_DOUBT


async def test_a_receipt_spares_the_second_sending_after_a_doubt(bench):
    message, bind = await claimed(bench)
    await bind.answer()
    await bind.doubt(message)
    bench.store.answered(bind.name, [bind.an_answer(message, carrier_message_id="9")], 0, bind.kept.append)
    await bench.after(MINUTE)
    await bench.receipt("9")
    assert await bench.state(message) is MessageState.DELIVERED
    assert await bind.ask(1) == []
    assert bench.ready_is_right()


async def test_a_receipt_for_a_postponed_attempt_is_kept_and_not_applied(bench):
    message, bind = await claimed(bench)
    await bind.answer(bind.an_answer(message, Verdict.POSTPONED))
    await bench.receipt("5")
    assert (await bench.state(message), parked(bench)) == (MessageState.RETRYING, 1)
    assert (await bench.story(message)).attempts[0].state == AttemptState.POSTPONED


async def test_an_inbound_message_is_kept_and_told_to_the_account_of_its_number(bench):
    bench.take_deliveries()
    kept = []
    bench.store.inbound(bench.an_inbound(text="Hello"), kept.append)
    bench.store.inbound(bench.an_inbound(account=None), kept.append)
    bench.store.inbound(bench.an_inbound(account="quiet"), kept.append)
    await bench.commit()
    await bench.commit()
    assert kept == [True] * 3
    assert bench.sql("SELECT count(*) FROM inbound") == [(3,)]
    (body,) = bench.bodies()
    assert (body["type"], body["status"]) == ("message.inbound", "received")
    assert (body["data"]["from"], body["data"]["to"], body["data"]["text"]) == ("+34600000001", "+34600999999", "Hello")


async def test_two_ends_parked_under_one_id_leave_the_answer_recorded(bench):
    message, other = await bench.accept_one(), await bench.accept_one(recipient="+34600000002")
    bind = bench.bind()
    await bind.ask(2)
    await bench.receipt("abc", "UNDELIV")
    await bench.receipt("abc", "DELIVRD")
    await bind.answer(bind.an_answer(message, carrier_message_id="abc"), bind.an_answer(other), room=2)
    assert bind.kept == [True]
    assert await bench.state(message) is MessageState.UNDELIVERED
    assert [receipt.applied for receipt in (await bench.story(message)).receipts] == [True, False]
    assert await bench.state(other) is MessageState.SENT


async def test_a_parked_receipt_of_another_number_does_not_end_a_message_that_is_given_its_id(bench):
    await bench.receipt("7", "DELIVRD", to="34699999999")
    await bench.after(3_600_000)
    assert await bench.state(await bench.sent("7")) is MessageState.SENT


async def test_a_carrier_whose_receipts_are_decimal_is_not_read_as_hexadecimal(bench):
    carriers = bench.store.policy.carriers
    carriers["telco"] = replace(carriers["telco"], id_base="decimal")
    message = await bench.sent("148344")
    await bench.receipt("24378")
    assert await bench.state(message) is MessageState.SENT
    told = await bench.sent("5F3A")
    assert await bench.state(told) is MessageState.DELIVERED


async def test_receipts_of_one_moment_are_listed_as_they_came(bench):
    message = await bench.sent("1")
    for stat in ("ENROUTE", "DELIVRD"):
        bench.store.receipt(bench.a_receipt("1", stat), lambda kept: None)
    await bench.commit()
    assert [r.state for r in (await bench.story(message)).receipts] == ["ENROUTE", "DELIVRD"]


async def test_trap_23_a_receipt_that_comes_130_times_ends_its_message_once_and_is_kept_once(bench):
    message = await bench.sent("5F3A")
    for _ in range(130):
        await bench.receipt("5F3A")
    assert bench.told(message).count("message.delivered") == 1
    assert len((await bench.story(message)).receipts) == 1
    for _ in range(130):
        await bench.receipt("of nobody")
    assert bench.store.counts()["parked"] == 1
