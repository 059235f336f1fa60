"""The deal: who gets the free slots. Pure, so that a table of queues and asks is all there is."""

from dealt_queues import BOTH, a_queue, of_tiers, returning, slots_of, standings_of_all_kinds
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.deal import Ask, Queue, Standing, Turns, could_deal, deal
from gateway.rules.taking import may_take
from gateway.rules.tiers import Tier


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
