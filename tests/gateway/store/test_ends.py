"""What a commit ended is told to those who listen, once and only if it is on disk."""

import pytest
from rises import Rises

from gateway.messages import MessageState
from gateway.metrics.ends import EVENTS_ENDED, RECEIPTS_UNMATCHED, WEBHOOK_LAG
from gateway.store.ends import Ended
from gateway.store.interface import Verdict
from gateway.webhooks.payloads import event_body

SECOND = 1_000
MINUTE = 60 * SECOND


@pytest.fixture
def told(bench):
    ends = []
    bench.store.on_ends(ends.extend)
    return ends


async def test_a_delivered_message_is_told_with_who_carried_it_and_when(bench, told):
    await bench.sent("5F3A")
    sent_at = bench.clock()
    bench.clock.advance(2 * SECOND)
    await bench.receipt("5F3A")
    delivered = int(MessageState.DELIVERED)
    assert told == [Ended("transactional", "ES", delivered, "telco", None, sent_at, sent_at + 2 * SECOND)]


async def test_what_ends_here_is_told_without_a_carrier(bench, told):
    await bench.accept_one(country=None, expires_at=bench.clock() + MINUTE)
    await bench.after(MINUTE)
    assert told == [
        Ended("transactional", None, int(MessageState.EXPIRED), None, "expired", None, bench.clock()),
    ]


async def test_a_refusal_is_told_with_its_carrier_and_cause(bench, told):
    message = await bench.accept_one()
    bind = bench.bind()
    await bind.ask(1)
    await bind.answer(bind.an_answer(message, Verdict.REFUSED))
    assert [(e.state, e.carrier, e.error, e.sent_at) for e in told] == [
        (MessageState.FAILED, "telco", "destination_not_served", None)
    ]


async def test_receipts_that_come_together_are_told_together_and_by_all_who_listen(bench, told):
    again = []
    bench.store.on_ends(lambda ends: again.append(list(ends)))
    for name in ("A", "B", "C"):
        await bench.sent(name)
    for name in ("A", "B", "C"):
        bench.store.receipt(bench.a_receipt(name), lambda kept: None)
    await bench.commit()
    assert [len(ends) for ends in again] == [3]
    assert told == again[0]


async def test_a_listener_that_fails_keeps_nothing_from_the_others(bench, caplog):
    def fail(ends):
        raise RuntimeError("a fault of the listener's")

    told = []
    bench.store.on_ends(fail)
    bench.store.on_ends(told.extend)
    await bench.sent("1")
    await bench.receipt("1")
    assert len(told) == 1
    assert "a fault of the listener's" in caplog.text


async def test_what_was_undone_is_not_told(open_store):
    """The event of one can't be made: it is put off alone, and the other ends as it should."""
    broken = []

    def fussy(facts):
        if facts.message.id in broken:
            raise ValueError("no body")
        return event_body(facts)

    async with open_store(render=fussy) as bench:
        told = []
        bench.store.on_ends(told.extend)
        broken.append(await bench.accept_one(expires_at=bench.clock() + MINUTE))
        whole = await bench.accept_one(expires_at=bench.clock() + MINUTE)
        await bench.after(MINUTE)
        states = [await bench.state(message) for message in (*broken, whole)]
    assert states == [MessageState.QUEUED, MessageState.EXPIRED]
    assert [end.state for end in told] == [MessageState.EXPIRED]


async def test_events_that_are_taken_count_with_their_wait(bench):
    rises = Rises(EVENTS_ENDED, WEBHOOK_LAG)
    bench.take_deliveries()
    await bench.sent("1")
    bench.clock.advance(3 * SECOND)
    await bench.outcome(bench.deliveries[0])
    assert rises.of(EVENTS_ENDED) == {("sluice_events_ended_total", "shop", "told"): 1}
    assert rises.of(WEBHOOK_LAG) == {("sluice_webhook_lag_seconds_count",): 1, ("sluice_webhook_lag_seconds_sum",): 3}


async def test_events_that_are_given_up_count_as_dead_and_tries_do_not_count(bench):
    rises = Rises(EVENTS_ENDED, WEBHOOK_LAG)
    bench.take_deliveries()
    await bench.sent("1")
    await bench.outcome(bench.deliveries[0], 500)
    assert rises.of(EVENTS_ENDED) == {}
    await bench.after(MINUTE)
    await bench.outcome(bench.deliveries[1], 500, retry_at=None)
    assert rises.of(EVENTS_ENDED) == {("sluice_events_ended_total", "shop", "dead"): 1}
    assert rises.of(WEBHOOK_LAG) == {}


async def test_a_batch_counts_all_its_events(bench):
    rises = Rises(EVENTS_ENDED)
    bench.take_deliveries()
    for name in ("A", "B", "C"):
        await bench.sent(name, account="mall")
    await bench.after(SECOND)
    for delivery in bench.deliveries:
        await bench.outcome(delivery)
    assert rises.of(EVENTS_ENDED) == {("sluice_events_ended_total", "mall", "told"): 3}


async def test_a_receipt_of_no_known_message_counts_as_unmatched(bench):
    rises = Rises(RECEIPTS_UNMATCHED)
    await bench.receipt("nobody's")
    await bench.sent("known")
    await bench.receipt("known")
    assert rises.of(RECEIPTS_UNMATCHED) == {("sluice_receipts_unmatched_total", "telco"): 1}
