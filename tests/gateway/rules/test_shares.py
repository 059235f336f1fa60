"""Shares by weight: kept while all have room, yielded where one has none, and taken up again without arrears."""

from random import Random

import pytest

from gateway.rules.deal import Ask, Queue, Standing, Turns, could_deal, deal
from gateway.rules.tiers import Tier

SECOND = 1_000
NOBODY: dict[str, int] = {}


def weighted(**weights):
    return Tier(tuple(weights), tuple(float(weight) for weight in weights.values()))


class Road:
    """A branch that is never empty, and carriers that are asked whenever they have room."""

    def __init__(self, tier, *queues):
        self.queues = list(queues) or [a_queue(tier)]
        self.turns = Turns()
        self.now = 0
        self.given = dict.fromkeys(tier.carriers, 0)
        self.standings = {}
        self.unable = dict(NOBODY)

    def deal(self, **rooms):
        """One transaction; what each got of it."""
        asks = [Ask(f"{carrier}/1", carrier, room) for carrier, room in rooms.items() if room > 0]
        grants, self.turns = deal(
            asks, self.queues, self.unable, self.turns, now=self.now, share=0, standings=self.standings
        )
        got = dict.fromkeys(rooms, 0)
        for grant in grants:
            got[grant.carrier] += grant.slots
            self.given[grant.carrier] += grant.slots
        return got

    def could_deal(self, *carriers):
        return could_deal(carriers, self.queues, self.unable, self.turns, now=self.now, standings=self.standings)


def a_queue(tier, id_=1, ready=10**9, account="shop", **more):
    return Queue(id_, "otp", 1, account, (tier,), "", frozenset(), ready, branch="rest", **more)


@pytest.mark.parametrize(
    "weights", [{"a": 70, "b": 30}, {"a": 1, "b": 1}, {"a": 5, "b": 3, "c": 2}, {"a": 0.95, "b": 0.05}]
)
def test_weights_hold_within_two_percent_over_10_000_while_every_carrier_has_room(weights):
    road, random = Road(weighted(**weights)), Random(7)
    while sum(road.given.values()) < 10_000:
        road.now += 10
        # Windows are free at different moments, and by different amounts.
        road.deal(**{name: random.choice([0, 1, 5, 40, 300]) for name in weights})
    total, of_all = sum(road.given.values()), sum(weights.values())
    for name, weight in weights.items():
        assert abs(road.given[name] / total - weight / of_all) < 0.02


def test_those_who_ask_together_go_forward_together():
    road = Road(weighted(a=70, b=30))
    assert road.deal(a=1_000, b=1_000) == {"a": 1_000, "b": pytest.approx(430, abs=25)}


def test_all_lanes_and_accounts_of_a_branch_share_one_account():
    tier = weighted(a=70, b=30)
    road = Road(tier, a_queue(tier, 1), a_queue(tier, 2, account="mall"))
    for _ in range(100):
        road.deal(a=100, b=100)
    assert road.given["a"] / sum(road.given.values()) == pytest.approx(0.7, abs=0.01)


def test_a_carrier_without_room_for_a_second_yields_its_share():
    road = Road(weighted(a=70, b=30))
    first = road.deal(b=1_000)
    assert 0 < first["b"] <= 50, "it may be a little ahead"
    road.now += SECOND - 1
    assert road.deal(b=1_000) == {"b": 0}
    road.now += 1
    assert road.deal(b=1_000) == {"b": 1_000}
    assert road.deal(b=1_000, a=10) == {"b": 1_000, "a": 10}, "what little room it has it gets"


def test_the_writer_is_told_when_a_share_is_yielded():
    road = Road(weighted(a=70, b=30))
    road.deal(b=1_000)
    assert road.turns.patience_ends_at() == SECOND
    assert not road.could_deal("b")
    road.now = SECOND
    assert road.could_deal("b")


def test_who_is_held_back_without_a_deal_waits_no_longer_for_it():
    road = Road(weighted(a=70, b=30))
    road.deal(b=21)
    road.deal(b=1)
    road.now = 5_000
    assert road.turns.patience_ends_at() is None, "it had no room left, so that nobody held it back"
    while road.could_deal("b"):
        road.deal(b=1)
    assert road.turns.patience_ends_at() == 5_000 + SECOND


def test_one_far_too_slow_for_its_share_yields_and_takes_it_up_again():
    road = Road(weighted(a=50, b=50))
    for _ in range(100):
        road.now += 100
        road.deal(a=500, b=1)
    assert road.given["a"] > 10_000, "a second long it waited"
    before = dict(road.given)
    for _ in range(100):
        road.now += 100
        road.deal(a=500, b=500)
    gained = {name: road.given[name] - before[name] for name in before}
    assert gained["b"] / sum(gained.values()) == pytest.approx(0.5, abs=0.01), "no arrears, and no less than its share"


def test_one_that_keeps_up_keeps_its_share_though_others_wait_for_it():
    road = Road(weighted(a=70, b=30))
    for _ in range(1_000):
        road.now += 100
        road.deal(a=14, b=500)
    assert road.given["a"] / sum(road.given.values()) == pytest.approx(0.7, abs=0.01)


def test_a_small_weight_that_is_far_ahead_by_one_message_does_not_drive_the_other_out():
    road = Road(weighted(a=99, b=1))
    for _ in range(1_000):
        road.now += 100
        road.deal(a=6, b=500)
    assert road.given["b"] / sum(road.given.values()) == pytest.approx(0.01, abs=0.005)


def test_a_share_is_yielded_though_the_others_spend_their_room_on_other_routes():
    tier = weighted(a=50, b=50)
    road = Road(tier, a_queue(tier, 1), a_queue(Tier(("a",)), 2, account="mall")._replace(branch="other"))
    for _ in range(40):
        road.now += 100
        asks = [Ask("a/1", "a", 10)]
        grants, road.turns = deal(asks, road.queues, NOBODY, road.turns, now=road.now, share=0)
    assert {grant.queue: grant.slots for grant in grants} == {1: 5, 2: 5}, "not the other route's alone"


def test_who_was_away_comes_back_without_arrears():
    road = Road(weighted(a=50, b=50))
    road.unable["b"] = 0
    for _ in range(10):
        road.now += SECOND
        assert road.deal(a=1_000) == {"a": 1_000}, "nobody waits for one that cannot send"
    del road.unable["b"]
    got = road.deal(a=1_000, b=1_000)
    assert got["b"] - got["a"] <= 50


def test_a_returning_carrier_holds_nobody_back():
    road = Road(weighted(a=50, b=50))
    road.standings["b"] = Standing(5, holds_back=False, last_resort=True)
    assert road.deal(a=1_000, b=1_000) == {"a": 1_000, "b": 5}


def test_a_new_carrier_begins_where_the_others_are():
    road = Road(weighted(a=50, b=50))
    for _ in range(10):
        road.deal(a=100, b=100)
    tier = weighted(a=50, b=50, c=50)
    road.queues, road.given["c"] = [a_queue(tier)], 0
    got = road.deal(a=100, b=100, c=100)
    assert got == {"a": 100, "b": 100, "c": 100}


def test_what_not_all_can_carry_has_an_account_of_its_own():
    tier = weighted(a=50, b=50)
    alone = a_queue(tier, 2, unfit=frozenset({"b"}))
    road = Road(tier, alone)
    assert road.deal(a=1_000) == {"a": 1_000}
    road.queues = [a_queue(tier)]
    assert road.deal(a=100, b=100) == {"a": 100, "b": 100}, "and nothing to make up for"


def test_an_overflowing_queue_opens_every_tier():
    tier = weighted(a=50, b=50)
    road = Road(tier, a_queue(tier, since=1, overflow_ms=500))
    road.now = 500
    assert road.deal(b=1_000)["b"] <= 50
    road.now = 502
    assert road.deal(b=1_000) == {"b": 1_000}
    road.queues = [a_queue(tier)]
    assert road.deal(a=200, b=200)["b"] >= 100, "what overflowed is not charged to it"


def test_few_long_messages_count_by_their_pdus():
    road = Road(weighted(a=50, b=50))
    road.deal(a=10)
    road.turns.charge("otp", "shop", 1, 30, "a")
    assert road.deal(a=100) == {"a": 10}, "it is ahead by forty"


def test_a_deal_that_is_not_kept_changes_no_shares():
    road = Road(weighted(a=50, b=50))
    road.deal(a=10, b=10)
    kept, before = road.turns, road.turns.shares.copy()
    deal([Ask("a/1", "a", 40)], road.queues, NOBODY, kept, now=0, share=0)
    assert kept.shares == before


def test_what_is_no_more_is_forgotten():
    road = Road(weighted(a=50, b=50))
    road.deal(b=1_000)
    kept = road.turns.shares.kept(lambda place: place.carrier == "b")
    assert {place.carrier for place in kept.given} == {"b"}
    assert kept.owing == {}
    assert {place.route for place in kept.given} == {"rest"}
