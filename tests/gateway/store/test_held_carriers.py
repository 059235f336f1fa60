"""Holds of carriers on disk: written with their line of the audit, found by the next process."""

from played_campaigns import PlayedCampaign

from gateway.store.by import by_operator
from gateway.store.held_carriers.interface import CarrierHold, HoldKind
from gateway.store.interface import Verdict

ANNA, BOB = by_operator(1, "anna"), by_operator(2, "bob")


async def test_a_hold_takes_the_place_of_the_one_before_and_ends_by_hand(bench):
    store = bench.store
    first = await store.hold_carrier("telco", HoldKind.PAUSE, "new invoice", by=ANNA)
    assert first == CarrierHold("telco", HoldKind.PAUSE, bench.clock(), "operator:anna", "new invoice")
    second = await store.hold_carrier("telco", HoldKind.DRAIN, None, by=BOB)
    assert await store.carrier_holds() == [second]
    assert await store.resume_carrier("telco", by=ANNA)
    assert not await store.resume_carrier("telco", by=ANNA)
    assert await store.carrier_holds() == []
    rows = (await store.audit(limit=10, cursor=None)).rows
    assert [(row.who, row.what, row.outcome) for row in rows] == [
        ("operator:anna", "resume_carrier", "telco"),
        ("operator:bob", "drain_carrier", "telco"),
        ("operator:anna", "pause_carrier", "telco: new invoice"),
    ]


async def test_what_changes_no_row_is_audited_all_the_same(bench):
    store = bench.store
    await store.carrier_rebound("telco", by=ANNA)
    await store.gateway_drained(begins=True, by=ANNA)
    await store.gateway_drained(begins=False, by=ANNA)
    await store.gateway_stopped(by=BOB)
    rows = (await store.audit(limit=10, cursor=None)).rows
    assert [row.what for row in rows] == ["stop_gateway", "undrain_gateway", "drain_gateway", "rebind_carrier"]


async def test_what_is_left_to_do_is_counted_without_what_is_scheduled(bench):
    ready, retrying, sent, _ = [
        await bench.accept_one(),
        await bench.accept_one(),
        await bench.accept_one(),
        await bench.accept_one(scheduled_at=bench.clock() + 1_000_000),
    ]
    assert (await bench.store.left(receipts=False)).queued == 3
    bind = bench.bind()
    await bind.ask(3)
    left = await bench.store.left(receipts=False)
    assert (left.queued, left.in_flight, left.in_doubt, left.receipts_awaited) == (0, 3, 0, None)
    await bind.send(sent)
    await bind.answer(bind.an_answer(retrying, Verdict.POSTPONED))
    await bind.doubt(ready)
    left = await bench.store.left(receipts=True)
    assert (left.queued, left.in_flight, left.in_doubt, left.receipts_awaited) == (1, 0, 1, 1)


async def test_what_a_running_campaign_has_yet_to_send_is_left_to_do_and_of_a_paused_one_nothing(bench):
    campaign = await PlayedCampaign(bench).load(5)
    assert await campaign.status() == "running"
    assert (await bench.store.left(receipts=False)).queued == 5
    await campaign.expand(2)
    assert (await bench.store.left(receipts=False)).queued == 5
    await bench.store.pause_campaign(None, campaign.id, by=ANNA)
    assert (await bench.store.left(receipts=False)).queued == 0
    assert bench.store.backlog() == 2
