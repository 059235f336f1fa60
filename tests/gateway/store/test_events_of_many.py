"""Events of many messages that one commit makes true: filed together, each in its own message's order."""

import json

SHOP_URL = "https://shop.example/here"


def told(deliveries):
    """What each message was told, in order."""
    found = {}
    for event in [json.loads(body) for delivery in deliveries for body in delivery.bodies]:
        found.setdefault(event["data"]["to"], []).append(event["status"])
    return found


async def answered_at_once(bench, messages):
    bind = bench.bind()
    await bind.ask(len(messages))
    await bind.answer(*(bind.an_answer(message) for message in messages))


async def test_of_messages_answered_together_each_waits_for_its_own_event_before(bench):
    bench.take_deliveries()
    numbers = [f"+3460000000{n}" for n in range(4)]
    messages = await bench.accept(*(bench.a_message(recipient=number) for number in numbers), account="curious")
    queued = list(bench.deliveries)
    assert told(queued) == {number: ["queued"] for number in numbers}
    for delivery in queued[:2]:
        await bench.outcome(delivery)
    await answered_at_once(bench, messages)
    early = {number: ["queued", "sent"] for number in numbers[:2]}
    assert told(bench.deliveries) == early | {number: ["queued"] for number in numbers[2:]}
    for delivery in queued[2:]:
        await bench.outcome(delivery)
    assert told(bench.deliveries) == {number: ["queued", "sent"] for number in numbers}


async def test_of_messages_answered_together_each_is_told_at_its_own_url(bench):
    here = bench.a_message(recipient="+34600000001", webhook_url=SHOP_URL)
    there = bench.a_message(recipient="+34600000002")
    messages = await bench.accept(here, there)
    await answered_at_once(bench, messages)
    assert bench.sql("SELECT message, type, url, prior FROM events ORDER BY id") == [
        (here.id, "message.sent", SHOP_URL, None),
        (there.id, "message.sent", None, None),
    ]


async def test_what_a_message_was_told_last_is_before_the_next_event_of_each(bench):
    messages = await bench.accept(bench.a_message(), bench.a_message())
    await answered_at_once(bench, messages)
    first = dict(bench.sql("SELECT message, id FROM events"))
    assert dict(bench.sql("SELECT id, last_event FROM messages")) == first
    for message in messages:
        bench.store.receipt(bench.a_receipt(f"{message:x}-1"), lambda kept: None)
    await bench.commit()
    ended = bench.sql("SELECT message, prior FROM events WHERE type = 'message.delivered'")
    assert dict(ended) == first
