"""Which carriers may take of a queue now: by tier, by what they can carry, and by how they stand."""

from dealt_queues import BOTH, OPEN, SILENT, a_queue, standings_of_all_kinds
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.taking import TIER_PATIENCE_MS, may_take


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


def test_a_queue_whose_oldest_has_waited_too_long_is_open_to_every_tier():
    queue = a_queue(tiers=BOTH, since=1_000, overflow_ms=500)
    assert not may_take(queue, "backup", {}, 1_500)
    assert may_take(queue, "backup", {}, 1_501)
    assert may_take(queue, "telco", {}, 1_501)
    assert not may_take(a_queue(tiers=BOTH, since=0, overflow_ms=500), "backup", {}, 10**9), (
        "it is not known since when"
    )


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
