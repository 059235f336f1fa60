"""A lane's rate: paced in the deal, over all accounts and carriers, and the writer wakes when it may go on."""

from gateway.settings import InDoubt
from gateway.store.allowances.lane_paces import LanePaces
from gateway.store.policy import LanePolicy

HELD = (InDoubt.HOLD, 60_000, 0)
LANES = {
    "otp": LanePolicy(1, *HELD),
    "transactional": LanePolicy(2, *HELD),
    "promotional": LanePolicy(3, *HELD, rate=20),
}
NOW = 1_800_000_000_000


async def test_a_lane_with_a_rate_is_dealt_no_more_than_that_however_much_room_there_is(open_store):
    async with open_store(lanes=LANES) as bench:
        for account in ("shop", "mall"):
            await bench.accept(*[bench.a_message(lane="promotional") for _ in range(50)], account=account)
        first, second = bench.bind("telco/1"), bench.bind("telco/2")
        await first.ask(100)
        await second.ask(100)
        for _ in range(60):
            bench.clock.advance(50)
            await bench.commit()
        sent = len(first.claims) + len(second.claims)
        assert 58 <= sent <= 62, "3 s at 20 a second, and what a full bucket holds"
        assert bench.ready_is_right()


async def test_other_lanes_pass_a_lane_that_waits_for_its_rate(open_store):
    async with open_store(lanes=LANES) as bench:
        await bench.accept(*[bench.a_message(lane="promotional") for _ in range(50)])
        bind = bench.bind()
        await bind.ask(100)
        held = len(bind.claims)
        later = await bench.accept(*[bench.a_message() for _ in range(30)])
        await bench.commit()
        assert [claim.message for claim in bind.claims[held:]] == later


def test_a_turn_is_a_twentieth_of_a_second_and_a_late_one_loses_nothing() -> None:
    paces = LanePaces({"promotional": LanePolicy(3, *HELD, rate=200)})
    now, sent = NOW, 0
    paces.look(now)
    while now < NOW + 10_000:
        if not paces.closed:
            paces.sent("promotional", paces.slots["promotional"])
            sent += paces.slots["promotional"]
            paces.commit()
        paces.look(now)
        opens = paces.opens_at({"promotional"}, now)
        assert opens is None or opens > now, "a writer that looks again at once would spin"
        now = (now if opens is None else opens) + 7
        paces.look(now)
    assert 1_990 <= sent <= 2_025


def test_what_was_rolled_back_was_not_sent() -> None:
    paces = LanePaces(LANES)
    paces.look(NOW)
    slots = paces.slots["promotional"]
    paces.sent("promotional", slots)
    paces.look(NOW)
    assert paces.slots["promotional"] == 0
    paces.roll_back()
    paces.look(NOW)
    assert paces.slots["promotional"] == slots


def test_lanes_without_a_rate_are_not_looked_at() -> None:
    paces = LanePaces({"otp": LANES["otp"]})
    paces.look(NOW)
    paces.sent("otp", 5)
    assert (paces.slots, paces.closed) == ({}, frozenset())
