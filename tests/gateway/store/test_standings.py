"""Carriers that are not as usual, and shares by weight, as the writer deals by them."""

from gateway.rules.deal import Standing
from gateway.rules.shares import YIELD_MS
from gateway.rules.taking import HELD
from gateway.rules.tiers import Tierings
from gateway.settings import Route
from gateway.store.interface import Verdict

OPEN = Standing(0, holds_back=False)


async def test_what_an_open_breaker_leaves_goes_to_the_tier_below_at_once(bench):
    telco, other, backup = bench.bind("telco/1"), bench.bind("other/1"), bench.bind("backup/1")
    await backup.ask(1)
    message = await bench.accept_one(route="tiered")
    assert backup.claims == []
    bench.store.carrier_standing("telco", OPEN)
    await bench.commit()
    assert backup.claims == [], "its mate is as usual"
    bench.store.carrier_standing("other", OPEN)
    await bench.commit()
    assert backup.messages == [message]
    assert telco.claims == other.claims == []


async def test_slots_are_used_up_by_what_is_dealt_until_told_anew(bench):
    messages = await bench.accept(*(bench.a_message() for _ in range(6)))
    bench.store.carrier_standing("telco", Standing(2, holds_back=False))
    telco = bench.bind()
    await telco.ask(10)
    await bench.accept_one()
    await bench.commit()
    assert telco.messages == messages[:2]
    bench.store.carrier_standing("telco", Standing(1, holds_back=False))
    await bench.commit()
    assert telco.messages == messages[:3]
    bench.store.carrier_standing("telco", None)
    await bench.commit()
    assert len(telco.messages) == 7


async def test_weights_hold_over_commits_and_long_messages_count_by_their_parts(open_store):
    async with open_store(tierings=Tierings([Route(name="rest", tiers=[{"telco": 1, "other": 1}])])) as bench:
        telco, other = bench.bind("telco/1"), bench.bind("other/1")
        await bench.accept(*(bench.a_long_message(5) for _ in range(30)))
        await bench.accept(*(bench.a_message() for _ in range(150)))
        for _ in range(100):
            await telco.ask(3)
            await other.ask(3)
        parts = [sum(len(claim.segments) for claim in bind.claims) for bind in (telco, other)]
        assert sum(parts) == 300
        assert abs(parts[0] - parts[1]) <= 10
        assert len(telco.claims) + len(other.claims) == 180


async def test_the_writer_wakes_by_itself_when_a_share_is_yielded(open_store):
    async with open_store(tierings=Tierings([Route(name="rest", tiers=[{"telco": 1, "other": 1}])])) as bench:
        other = bench.bind("other/1")
        await bench.accept(*(bench.a_message() for _ in range(200)))
        await other.ask(1_000)
        assert len(other.claims) == 50
        asks, turns = bench.store._writer.asks, bench.store._writer.mirrors.queues.turns
        assert asks.patience_ends_at(turns, bench.clock()) == bench.clock() + YIELD_MS
        bench.clock.advance(YIELD_MS)
        bench.store.ask(other.name, 0)
        await bench.commit()
        assert len(other.claims) == 200


async def test_a_held_carrier_gets_nothing_and_what_stays_with_it_waits(bench):
    telco, backup = bench.bind("telco/1"), bench.bind("backup/1")
    long = bench.a_long_message(2, route="tiered")
    await bench.accept(long)
    await telco.ask(2)
    await telco.send(long.id, part=1)
    await telco.answer(telco.an_answer(long.id, Verdict.POSTPONED, part=2))
    for carrier in ("telco", "other"):
        bench.store.carrier_standing(carrier, HELD)
    message = await bench.accept_one(route="tiered")
    await backup.ask(10)
    assert backup.messages == [message], "at once"
    await bench.after(60_000)
    await telco.ask(10)
    assert len(telco.claims) == len(backup.claims) == 1
    bench.store.carrier_standing("telco", None)
    await bench.commit()
    assert [claim.message for claim in telco.claims] == [long.id, long.id]
