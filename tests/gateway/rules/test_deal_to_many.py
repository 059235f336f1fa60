"""The deal where very many queues wait: small steps, so that claims stay few, and the same order and shares."""

import pytest
from dealt_queues import a_queue, of_tiers, slots_of

from gateway.rules.deal import Ask, Turns, deal

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
