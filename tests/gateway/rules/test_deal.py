"""The deal: who gets the free slots. Pure, so that a table of queues and asks is all there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.deal import Ask, Queue, Standing, Turns, could_deal, deal
from gateway.rules.taking import TIER_PATIENCE_MS, may_take
from gateway.rules.tiers import Tier

ONE_TIER = (("telco",),)


def of_tiers(*tiers):
    return tuple(Tier(tuple(tier)) for tier in tiers)


def a_queue(
    id_=1, ready=10, account="shop", lane="transactional", priority=2, tiers=ONE_TIER, stay="", avoid="", **more
):
    avoided = frozenset(avoid.split())
    return Queue(id_, lane, priority, account, of_tiers(*tiers), stay, avoided, ready, **more)


def slots_of(grants):
    """Slots by queue."""
    given: dict[int, int] = {}
    for grant in grants:
        given[grant.queue] = given.get(grant.queue, 0) + grant.slots
    return given


def dealt(queues, *rooms, turns=None, share=50, unable=None, now=0, carrier="telco"):
    asks = [Ask(f"{carrier}/{n}", carrier, room) for n, room in enumerate(rooms, 1)]
    return deal(asks, queues, unable or {}, turns or Turns(), now=now, share=share)


def test_nothing_is_dealt_without_asks_or_without_ready_messages():
    turns = Turns()
    assert dealt([a_queue()], turns=turns) == ([], turns)
    assert dealt([a_queue(ready=0)], 5, turns=turns) == ([], turns)
    assert dealt([a_queue()], 0, -3, turns=turns)[0] == []


def test_a_deal_that_is_not_kept_changes_no_turns():
    turns = Turns()
    dealt([a_queue(1), a_queue(2, account="mall")], 7, turns=turns)
    assert turns == Turns()


def test_higher_lanes_go_first():
    queues = [a_queue(1, 3, lane="promotional", priority=3), a_queue(2, 3), a_queue(3, 3, lane="otp", priority=1)]
    assert slots_of(dealt(queues, 4)[0]) == {3: 3, 2: 1}


def test_priority_1_never_loses_a_slot_to_the_guaranteed_share():
    queues = [a_queue(1, 1000, lane="otp", priority=1), a_queue(2, 1000, lane="promotional", priority=3)]
    turns = Turns()
    for _ in range(20):
        grants, turns = dealt(queues, 10, turns=turns, share=2)
        assert slots_of(grants) == {1: 10}


def test_one_slot_in_fifty_goes_to_the_lanes_below():
    queues = [a_queue(1, 10_000), a_queue(2, 10_000, lane="promotional", priority=3)]
    turns, lower = Turns(), 0
    for _ in range(100):
        grants, turns = dealt(queues, 10, turns=turns)
        lower += slots_of(grants).get(2, 0)
    assert lower == 20


def test_the_share_goes_round_among_the_lanes_below():
    queues = [
        a_queue(1, 10_000),
        a_queue(2, 10_000, lane="promotional", priority=3),
        a_queue(3, 10_000, lane="bulk", priority=4),
    ]
    assert slots_of(dealt(queues, 100, share=10)[0]) == {1: 90, 2: 5, 3: 5}


def test_without_a_share_priority_is_strict():
    queues = [a_queue(1, 10_000), a_queue(2, 10_000, lane="promotional", priority=3)]
    assert slots_of(dealt(queues, 500, share=0)[0]) == {1: 500}


def test_accounts_take_turns():
    queues = [a_queue(n, 100, account=f"account{n}") for n in (1, 2, 3)]
    assert slots_of(dealt(queues, 30)[0]) == {1: 10, 2: 10, 3: 10}


def test_an_account_gains_nothing_by_having_many_queues():
    queues = [a_queue(n, 100) for n in (1, 2, 3)] + [a_queue(4, 100, account="mall")]
    given_to = slots_of(dealt(queues, 60)[0])
    assert (given_to[4], given_to[1], given_to[2], given_to[3]) == (30, 10, 10, 10)


def test_who_was_away_comes_back_without_arrears():
    busy, back = a_queue(1, 10_000), a_queue(2, 10_000, account="mall")
    turns = Turns()
    for _ in range(50):
        _, turns = dealt([busy], 20, turns=turns)
    given_to = slots_of(dealt([busy, back], 20, turns=turns)[0])
    assert given_to == {1: 9, 2: 11}, "its first slot comes at once, and from then on they take turns"


def test_a_new_queue_of_an_account_does_not_starve_its_old_one():
    old, new = a_queue(1, 10_000), a_queue(2, 10_000)
    turns = Turns()
    for _ in range(50):
        _, turns = dealt([old, a_queue(3, 10_000, account="mall")], 20, turns=turns)
    given_to = slots_of(dealt([old, new], 20, turns=turns)[0])
    assert given_to == {1: 10, 2: 10}


def test_a_lone_queue_may_use_all_the_room_for_few_long_messages():
    assert slots_of(dealt([a_queue(1, ready=2)], 16)[0]) == {1: 16}


def test_an_overdraft_is_charged_to_its_account():
    queues = [a_queue(1, 100), a_queue(2, 100, account="mall")]
    _, turns = dealt(queues, 2)
    turns.charge("transactional", "shop", 1, 6)
    assert slots_of(dealt(queues, 6, turns=turns)[0]) == {2: 6}


def test_binds_of_one_deal_share_what_there_is():
    grants, _ = dealt([a_queue(1, 4), a_queue(2, 4, account="mall")], 4, 4)
    assert [sum(g.slots for g in grants if g.bind == bind) for bind in ("telco/1", "telco/2")] == [4, 4]


def test_what_must_stay_stays_even_with_a_carrier_outside_the_tiers():
    queue = a_queue(stay="backup")
    assert not may_take(queue, "telco", {}, 0)
    assert may_take(queue, "backup", {}, 0)


def test_what_avoids_a_carrier_comes_back_to_it_when_no_other_is_able():
    queue = a_queue(tiers=(("telco", "other"),), avoid="telco")
    assert not may_take(queue, "telco", {}, 0)
    assert may_take(queue, "other", {}, 0)
    assert not may_take(queue, "telco", {"other": 0}, 899), "it may be back in a moment"
    assert may_take(queue, "telco", {"other": 0}, 900)
    assert may_take(a_queue(avoid="telco"), "telco", {}, 0)


def test_what_failed_on_two_goes_to_the_third_and_then_back_to_either():
    queue = a_queue(tiers=(("telco",), ("other",), ("backup",)), avoid="other telco")
    assert [may_take(queue, carrier, {}, 0) for carrier in ("telco", "other", "backup")] == [False, False, True]
    unable = {"backup": 0}
    assert may_take(queue, "telco", unable, 900)
    assert may_take(queue, "other", unable, 900), "whom it avoids holds none back"


def test_a_retry_waits_for_a_lower_tier_rather_than_go_back_at_once():
    queue = a_queue(tiers=(("telco",), ("other",), ("backup",)), avoid="telco")
    assert not may_take(queue, "telco", {"other": 0}, 10), "in a moment the lower tier may take it"
    assert may_take(queue, "backup", {"other": 0}, 900)


def test_a_lower_tier_waits_nine_tenths_of_a_second_for_every_carrier_above():
    queue = a_queue(tiers=(("telco", "other"), ("backup",)))
    assert not may_take(queue, "backup", {}, 10_000)
    assert not may_take(queue, "backup", {"telco": 0}, 10_000)
    assert not may_take(queue, "backup", {"telco": 0, "other": 9_101}, 10_000)
    assert may_take(queue, "backup", {"telco": 0, "other": 9_100}, 10_000)
    assert may_take(queue, "telco", {"telco": 0, "other": 0}, 10_000)


def test_a_carrier_that_the_route_does_not_name_takes_nothing():
    assert not may_take(a_queue(), "stranger", {}, 0)
    assert not may_take(a_queue(tiers=()), "telco", {}, 0)


queues_of_many_kinds = st.lists(
    st.builds(
        lambda lane, account, ready, avoid, stay: (lane, account, ready, avoid, stay),
        st.integers(1, 4),
        st.sampled_from("abc"),
        st.integers(0, 30),
        st.sampled_from(["", "telco"]),
        st.sampled_from(["", "", "other"]),
    ),
    max_size=8,
)


@given(queues_of_many_kinds, st.lists(st.tuples(st.sampled_from(["telco", "other"]), st.integers(-2, 40)), max_size=4))
def test_no_bind_gets_more_than_its_room_or_what_it_may_not_take(drawn, rooms):
    tiers = of_tiers(("telco", "other"))
    queues = [
        Queue(n, f"lane{lane}", lane, account, tiers, stay, frozenset(avoid.split()), ready)
        for n, (lane, account, ready, avoid, stay) in enumerate(drawn)
    ]
    by_id = {queue.id: queue for queue in queues}
    asks = [Ask(f"{carrier}/{n}", carrier, room) for n, (carrier, room) in enumerate(rooms)]
    grants, _ = deal(asks, queues, {}, Turns(), now=0, share=5)
    for ask in asks:
        assert sum(g.slots for g in grants if g.bind == ask.bind) <= max(ask.room, 0)
    for grant in grants:
        assert grant.slots > 0
        assert by_id[grant.queue].ready > 0
        assert may_take(by_id[grant.queue], grant.carrier, {}, 0)
    for carrier in {ask.carrier for ask in asks}:
        room = sum(max(ask.room, 0) for ask in asks if ask.carrier == carrier)
        takeable = sum(q.ready for q in queues if may_take(q, carrier, {}, 0))
        given_to = sum(g.slots for g in grants if g.carrier == carrier)
        elsewhere = sum(g.slots for g in grants if g.carrier != carrier)
        assert given_to >= min(room, takeable - elsewhere), "no slot is left free while there is work for it"


def test_the_lower_lanes_take_the_guaranteed_shares_in_turns():
    lanes = [("transactional", 2), ("promotional", 3), ("bulk", 4)]
    queues = [a_queue(n, 10_000, lane=lane, priority=priority) for n, (lane, priority) in enumerate(lanes, 1)]
    turns = Turns()
    given = {1: 0, 2: 0, 3: 0}
    for _ in range(100):
        grants, turns = dealt(queues, 50, turns=turns)
        for queue, slots in slots_of(grants).items():
            given[queue] += slots
    assert given == {1: 4900, 2: 50, 3: 50}


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2), min_size=1, max_size=4),
    st.sets(st.sampled_from("abcd")),
    st.sets(st.sampled_from("abcd")),
)
def test_a_ready_queue_always_has_a_taker_while_any_of_its_carriers_is_able(tiers, avoid, unable):
    queue = a_queue(tiers=tuple(tuple(tier) for tier in tiers), avoid=" ".join(avoid))
    carriers = {carrier for tier in tiers for carrier in tier}
    since = dict.fromkeys(unable, 0)
    takers = {carrier for carrier in carriers - unable if may_take(queue, carrier, since, 10_000)}
    assert takers or not carriers - unable


def test_a_carrier_takes_nothing_that_it_cannot_carry_and_holds_none_back_below() -> None:
    queue = a_queue(tiers=(("telco",), ("backup",)), unfit=frozenset({"telco"}))
    assert not may_take(queue, "telco", {}, 0)
    assert may_take(queue, "backup", {}, 0)


def test_a_retry_goes_back_to_the_carrier_it_avoids_where_the_other_cannot_carry_it() -> None:
    queue = a_queue(tiers=(("telco", "other"),), avoid="other", unfit=frozenset({"telco"}))
    assert may_take(queue, "other", {}, 0)
    assert not may_take(queue, "telco", {}, 0)


def limited(queues, *rooms, slots, turns=None):
    asks = [Ask(f"telco/{n}", "telco", room) for n, room in enumerate(rooms, 1)]
    return slots_of(deal(asks, queues, {}, turns or Turns(), now=0, share=50, lane_slots=slots)[0])


def test_a_lane_over_its_rate_gets_no_slot_and_holds_nobody_back():
    queues = [a_queue(1, lane="otp", priority=1), a_queue(2), a_queue(3, lane="promotional", priority=3)]
    assert limited(queues, 20, slots={"transactional": 0}) == {1: 10, 3: 10}
    assert limited([a_queue(1)], 20, slots={"transactional": 0}) == {}


def test_a_lane_gets_as_many_slots_as_its_rate_lets_through_over_all_its_queues_and_all_asks():
    queues = [a_queue(1), a_queue(2, account="mall"), a_queue(3, lane="promotional", priority=3)]
    assert limited(queues, 4, 4, 4, slots={"transactional": 6}) == {1: 3, 2: 3, 3: 6}
    assert limited([a_queue(1)], 4, 4, slots={"transactional": 5}) == {1: 5}


# --- carriers that are not as usual

OPEN = Standing(0, holds_back=False)
SILENT = Standing(0, holds_back=False, last_resort=True)
BOTH = (("telco",), ("backup",))


def returning(slots):
    return Standing(slots, holds_back=False, last_resort=True)


def test_an_open_breaker_takes_nothing_and_lets_the_tier_below_take_at_once():
    queue = a_queue(tiers=BOTH)
    assert not may_take(queue, "telco", {}, 0, {"telco": OPEN})
    assert may_take(queue, "backup", {}, 0, {"telco": OPEN})
    assert not may_take(a_queue(), "telco", {}, 0, {"telco": OPEN}), "even where there is no other"


def test_a_silent_carrier_takes_only_what_no_other_could():
    queue = a_queue(tiers=BOTH)
    assert not may_take(queue, "telco", {}, 0, {"telco": SILENT})
    # Of one that is only paused it is not yet the last resort.
    assert not may_take(queue, "telco", {"backup": 0}, TIER_PATIENCE_MS - 1, {"telco": SILENT})
    assert may_take(queue, "telco", {"backup": 0}, TIER_PATIENCE_MS, {"telco": SILENT})
    assert may_take(a_queue(), "telco", {}, 0, {"telco": SILENT})
    assert may_take(queue, "telco", {}, 0, {"telco": SILENT, "backup": OPEN})


def test_where_all_are_silent_the_tiers_hold_as_ever():
    queue = a_queue(tiers=BOTH)
    silent = {"telco": SILENT, "backup": SILENT}
    assert may_take(queue, "telco", {}, 0, silent)
    assert may_take(queue, "backup", {}, 0, silent), "nobody waits for a silent one"


def test_a_retry_goes_to_a_silent_carrier_rather_than_back():
    queue = a_queue(tiers=BOTH, avoid="telco")
    assert not may_take(queue, "telco", {}, 0, {"backup": SILENT})
    assert may_take(queue, "backup", {}, 0, {"backup": SILENT})


def test_one_that_returns_gets_its_slots_and_the_tier_below_the_rest():
    queues = [a_queue(ready=100, tiers=BOTH)]
    asks = [Ask("telco/1", "telco", 50), Ask("telco/2", "telco", 50), Ask("backup/1", "backup", 50)]
    grants, _ = deal(asks, queues, {}, Turns(), now=0, share=50, standings={"telco": returning(8)})
    assert sum(g.slots for g in grants if g.carrier == "telco") == 8
    assert sum(g.slots for g in grants if g.carrier == "backup") == 50


def test_one_that_is_tried_is_not_left_without_by_others_with_more_room():
    tiers = of_tiers(*BOTH), of_tiers(("telco", "backup")), (Tier(("telco", "backup"), (1.0, 1.0)),)
    asks = [Ask("backup/1", "backup", 50), Ask("telco/1", "telco", 10)]
    for queue in (a_queue(ready=1)._replace(tiers=told) for told in tiers):
        for standing in (Standing(5, holds_back=False), returning(3)):
            grants, _ = deal(asks, [queue], {}, Turns(), now=0, share=50, standings={"telco": standing})
            assert [grant.carrier for grant in grants] == ["telco"]


def test_one_that_returns_is_not_limited_where_it_is_the_only_one():
    asks = [Ask("telco/1", "telco", 50)]
    grants, _ = deal(asks, [a_queue(ready=100)], {}, Turns(), now=0, share=50, standings={"telco": returning(8)})
    assert sum(g.slots for g in grants) == 50


def test_a_probed_carrier_gets_its_probes_and_no_more_even_alone():
    asks = [Ask("telco/1", "telco", 50), Ask("telco/2", "telco", 50)]
    probed = {"telco": Standing(5, holds_back=False)}
    grants, _ = deal(asks, [a_queue(ready=100)], {}, Turns(), now=0, share=50, standings=probed)
    assert sum(g.slots for g in grants) == 5


def test_a_queue_whose_oldest_has_waited_too_long_is_open_to_every_tier():
    queue = a_queue(tiers=BOTH, since=1_000, overflow_ms=500)
    assert not may_take(queue, "backup", {}, 1_500)
    assert may_take(queue, "backup", {}, 1_501)
    assert may_take(queue, "telco", {}, 1_501)
    assert not may_take(a_queue(tiers=BOTH, since=0, overflow_ms=500), "backup", {}, 10**9), (
        "it is not known since when"
    )


standings_of_all_kinds = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from([OPEN, SILENT, returning(3), returning(0), Standing(2, holds_back=False)])
)
weighted_tiers = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from([1.0, 30.0, 0.05]), min_size=1, max_size=3).map(
        lambda weights: Tier(tuple(weights), tuple(weights.values()) if len(weights) > 1 else ())
    ),
    min_size=1,
    max_size=3,
)


@given(
    st.lists(st.tuples(weighted_tiers, st.sets(st.sampled_from("abcd")), st.sampled_from(["", "a"])), max_size=3),
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 200), min_size=1),
    standings_of_all_kinds,
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from([0, 9_500]), max_size=2),
    st.integers(0, 3),
)
def test_whenever_a_deal_is_said_to_be_possible_it_gives_something(drawn, rooms, standings, unable, deals_before):
    queues = [
        Queue(n, "otp", 1, "shop", tuple(tiers), stay, frozenset(avoid), 1_000, branch=f"route{n % 2}")
        for n, (tiers, avoid, stay) in enumerate(drawn)
    ]
    asks = [Ask(f"{carrier}/1", carrier, room) for carrier, room in rooms.items() if carrier not in unable]
    turns = Turns()
    for _ in range(deals_before):
        turns = deal(asks[:1], queues, unable, turns, now=10_000, share=0, standings=standings)[1]
    carriers = {ask.carrier for ask in asks}
    possible = could_deal(carriers, queues, unable, turns, now=10_500, standings=standings)
    grants, _ = deal(asks, queues, unable, turns, now=10_500, share=0, standings=standings)
    assert possible == bool(grants)


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=2), min_size=1, max_size=4),
    st.sets(st.sampled_from("abcd")),
    st.sets(st.sampled_from("abcd")),
    standings_of_all_kinds,
)
def test_a_ready_queue_has_a_taker_while_any_carrier_may_send(tiers, avoid, unable, standings):
    queue = a_queue(tiers=tiers, avoid=" ".join(avoid))
    able = {carrier for tier in tiers for carrier in tier} - unable
    open_to_it = {
        name for name in able if name not in standings or standings[name].slots or standings[name].last_resort
    }
    takers = {name for name in open_to_it if may_take(queue, name, dict.fromkeys(unable, 0), 10_000, standings)}
    assert takers or not open_to_it


# --- very many queues


MANY = of_tiers(["telco", "backup"])


def of_many_accounts(count, ready=1_000):
    return [a_queue(n, ready, account=f"a{n:03}")._replace(tiers=MANY) for n in range(1, count + 1)]


def dealt_in_turns(queues, rounds, room=50):
    """Slots by queue after so many deals to both carriers, and how many grants they were."""
    turns, given, grants = Turns(), dict.fromkeys([queue.id for queue in queues], 0), 0
    for _ in range(rounds):
        asks = [Ask(f"{carrier}/{bind}", carrier, room) for carrier in ("telco", "backup") for bind in (1, 2)]
        found, turns = deal(asks, queues, {}, turns, now=0, share=50)
        grants += len(found)
        for grant in found:
            given[grant.queue] += grant.slots
    return given, grants, turns


def test_very_many_accounts_get_alike_in_small_steps_so_that_claims_stay_few():
    given, grants, _ = dealt_in_turns(of_many_accounts(100), rounds=20)
    assert sum(given.values()) == 20 * 200
    assert max(given.values()) - min(given.values()) <= 4
    assert grants <= 20 * 200 / 3


def test_few_accounts_take_turns_slot_by_slot():
    given, _, _ = dealt_in_turns(of_many_accounts(3), rounds=1, room=1)
    assert sorted(given.values()) == [1, 1, 2]


def test_who_comes_to_very_many_accounts_is_served_within_a_round_of_theirs():
    queues = of_many_accounts(60)
    _, _, turns = dealt_in_turns(queues, rounds=7)
    late = a_queue(99, 1, account="zz-late")._replace(tiers=MANY)
    waited = 0
    while True:
        grants, turns = deal([Ask("telco/1", "telco", 20)], [*queues, late], {}, turns, now=0, share=50)
        if any(grant.queue == 99 for grant in grants):
            break
        waited += 20
    assert waited <= 60 * 4


def test_carriers_that_take_the_same_share_what_is_left_of_it():
    queues = of_many_accounts(40, ready=3)
    asks = [Ask(f"{carrier}/1", carrier, 50) for carrier in ("telco", "backup")]
    grants, _ = deal(asks, queues, {}, Turns(), now=0, share=50)
    given = slots_of(grants)
    assert sum(given.values()) == 100
    assert max(given.values()) == 3
    grants, _ = deal([ask._replace(room=500) for ask in asks], queues, {}, Turns(), now=0, share=50)
    assert slots_of(grants).keys() == {queue.id for queue in queues}


def test_lanes_keep_their_order_among_very_many_queues():
    queues = of_many_accounts(50) + [
        a_queue(100 + n, 2, account=f"a{n:03}", lane="otp", priority=1)._replace(tiers=MANY) for n in range(50)
    ]
    grants, _ = deal([Ask("telco/1", "telco", 100)], queues, {}, Turns(), now=0, share=2)
    assert {grant.queue for grant in grants} == set(range(100, 150))


@pytest.mark.parametrize("share", [2, 5, 50])
@pytest.mark.parametrize(("above", "below"), [(1_000, 1_000), (1_000, 1), (2, 1_000)])
def test_the_guaranteed_share_is_counted_in_slots_among_very_many_queues_too(share, above, below):
    queues = of_many_accounts(80, ready=above) + [
        a_queue(100 + n, below, account=f"a{n:03}", lane="promotional", priority=3)._replace(tiers=MANY)
        for n in range(40)
    ]
    turns, given, lower = Turns(), 0, 0
    for _ in range(200):
        grants, turns = deal([Ask("telco/1", "telco", 50)], queues, {}, turns, now=0, share=share)
        given += sum(grant.slots for grant in grants)
        lower += sum(grant.slots for grant in grants if grant.queue >= 100)
    assert lower == given // share
