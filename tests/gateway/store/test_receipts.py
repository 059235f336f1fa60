"""Receipts: each ends its message once, is told once, and is kept beside what it could not change."""

from dataclasses import replace

import pytest

from gateway.api.timeline import full
from gateway.messages import MessageState, Status

MINUTE = 60_000
HOUR = 60 * MINUTE


def with_stat(receipt, stat):
    """The same, of which the text says otherwise."""
    return replace(receipt, receipt=replace(receipt.receipt, stat=stat))


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
    assert bench.parked() == 0


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
    assert bench.parked() == 0


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
