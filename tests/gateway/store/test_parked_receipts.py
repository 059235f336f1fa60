"""Receipts ahead of the answer that they belong to: kept until it comes, or until their time is over."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from gateway.messages import MessageState


def with_stat(receipt, stat):
    """The same, of which the text says otherwise."""
    return replace(receipt, receipt=replace(receipt.receipt, stat=stat))


async def test_a_receipt_before_its_answer_is_parked_and_settled_when_the_answer_comes(bench):
    message, bind = await bench.claimed()
    await bench.receipt("1")
    assert (await bench.state(message), bench.parked()) == (MessageState.SUBMITTING, 1)
    await bind.send(message, "1")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.DELIVERED
    assert [(r.matched, r.applied) for r in story.receipts] == [("parked", 1)]
    assert bench.parked() == 0
    assert bench.sql("SELECT count(*) FROM parked_keys") == [(0,)]
    assert bench.told(message) == ["message.sent", "message.delivered"]


async def test_answer_and_receipt_in_one_commit_are_applied_in_that_order(bench):
    message, bind = await bench.claimed()
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
    assert bench.parked() == 0


async def test_a_parked_receipt_outlives_a_restart(bench):
    message, _ = await bench.claimed()
    await bench.receipt("1")
    async with bench.after_a_crash() as after:
        assert after.store.counts()["parked"] == 0, "the doubt that the crash left is settled by it"
        assert await after.state(message) is MessageState.DELIVERED


async def test_the_same_receipt_is_parked_once(bench):
    await bench.receipt("1")
    await bench.receipt("1")
    await bench.receipt("1", "UNDELIV")
    assert bench.parked() == 2


async def test_a_receipt_with_dates_and_codes_of_its_own_is_parked_once_too(bench):
    said = {
        "submitted_at": datetime(2026, 3, 9, 8, 14, tzinfo=timezone(timedelta(hours=1))),
        "done_at": datetime(2026, 3, 9, 8, 15, 30),
        "disagreements": ("message_state DELIVERED, stat UNDELIV",),
    }
    for _ in range(2):
        receipt = bench.a_receipt("1", alt_ids=("2", "3"), network_error=(3, 1), reference=7)
        assert await bench.receive(replace(receipt, receipt=replace(receipt.receipt, **said)))
    assert bench.parked() == 1


async def test_an_end_in_the_words_of_the_notification_before_it_is_not_lost_while_the_answer_is_awaited(bench):
    message, bind = await bench.claimed()
    for is_intermediate in (True, True, False, False):
        await bench.receipt("1", "UNDELIV", is_intermediate=is_intermediate)
    assert bench.parked() == 2
    await bind.send(message, "1")
    story = await bench.story(message)
    assert MessageState(story.message.state) is MessageState.UNDELIVERED
    assert [(r.state, r.applied) for r in story.receipts] == [("UNDELIV", 0), ("UNDELIV", 1)]
    assert bench.parked() == 0


async def test_a_state_that_only_the_tlv_tells_is_not_lost_while_the_answer_is_awaited(bench):
    message, bind = await bench.claimed()
    for state in ("ENROUTE", "DELIVRD"):
        assert await bench.receive(with_stat(bench.a_receipt("1", state, raw="id:1 stat:UNKNOWN"), "UNKNOWN"))
    assert bench.parked() == 2
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
    assert bench.parked() == 0


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
