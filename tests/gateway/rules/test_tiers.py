"""From a route and a branch to tiers, by strategy."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.branches import branch, facts_of, route_of
from gateway.rules.prices import Prices
from gateway.rules.routing import Router
from gateway.rules.tiers import NO_TIERS, Tier, Tierings
from gateway.settings import Route

ASKED = {"a": {"ES": 0.03, "*": 0.1}, "b": {"+34": 0.03, "34600": 0.01, "*": 0.2}, "c": {"FR": 0.02, "*": 0.03}}


def route(**fields: Any) -> Route:
    return Route.model_validate({"name": "rest", "tiers": [["a", "b", "c"]]} | fields)


def tiers_of(named: str, **fields: Any) -> tuple[Tier, ...]:
    return Tierings([route(**fields)]).of(named).tiers


def test_a_branch_tells_its_route_and_what_decides_there() -> None:
    for country, prefix in ((None, None), ("ES", None), (None, "34600"), ("ES", "34600")):
        named = branch("rest", country, prefix)
        assert (route_of(named), facts_of(named)) == ("rest", (country, prefix))
    assert branch("rest") == "rest"
    assert branch("rest", "ES", "34600") == "rest/ES+34600"


def test_tiers_stand_as_written() -> None:
    assert tiers_of("rest", tiers=["a", ["b", "c"]]) == (Tier(("a",)), Tier(("b", "c")))
    assert tiers_of("rest", tiers=[{"a": 70, "b": 30}, "c"]) == (Tier(("a", "b"), (70, 30)), Tier(("c",)))


def test_weighted_shares_evenly_where_no_weights_are_given() -> None:
    assert tiers_of("rest", strategy="weighted", tiers=[["a", "b"], {"c": 2}]) == (
        Tier(("a", "b"), (1, 1)),
        Tier(("c",)),
    )


def test_cheapest_follows_the_longest_price_prefix() -> None:
    cheapest = {"strategy": "cheapest", "prices": ASKED}
    assert tiers_of("rest/ES+34600", **cheapest) == (Tier(("b",)), Tier(("a", "c")))
    assert tiers_of("rest/ES+34", **cheapest) == (Tier(("a", "b", "c")),)
    assert tiers_of("rest/FR", **cheapest) == (Tier(("c",)), Tier(("a",)), Tier(("b",)))
    assert tiers_of("rest", **cheapest) == (Tier(("c",)), Tier(("a",)), Tier(("b",)))


PLACES = ("*", "ES", "FR", "34", "346", "34600", "33")
TABLES = st.dictionaries(st.sampled_from(PLACES), st.sampled_from([0.01, 0.02, 0.03]), min_size=1)


def naive_price(prices: dict[str, float], country: str, number: str) -> float:
    digits = [place for place in prices if place.isdigit() and number[1:].startswith(place)]
    return prices[max(digits, key=len) if digits else country if country in prices else "*"]


@given(
    st.fixed_dictionaries(dict.fromkeys("abc", TABLES.map(lambda prices: {"*": 0.05, **prices}))),
    st.sampled_from([("ES", "+34600000001"), ("ES", "+34611000001"), ("ES", "+34711000001"), ("FR", "+33600000001")]),
)
def test_every_number_goes_by_those_who_ask_least_for_it(
    prices: dict[str, dict[str, float]], to: tuple[str, str]
) -> None:
    cheapest = route(strategy="cheapest", prices=prices)
    filed = Router([cheapest]).route_for(*to, "otp", "shop", "SHOP")
    asked = {carrier: naive_price(prices[carrier], *to) for carrier in "abc"}
    tiers = Tierings([cheapest]).of(filed or "").tiers
    assert [[asked[carrier] for carrier in tier.carriers] for tier in tiers] == [
        [price] * list(asked.values()).count(price) for price in sorted(set(asked.values()))
    ]


def test_cheapest_orders_inside_each_tier() -> None:
    dear_first = {"strategy": "cheapest", "tiers": [["b", "a"], "c"], "prices": ASKED}
    assert tiers_of("rest", **dear_first) == (Tier(("a",)), Tier(("b",)), Tier(("c",)))


def test_a_message_is_filed_under_what_fixes_every_price() -> None:
    prices = Prices(route(strategy="cheapest", prices=ASKED))
    assert prices.branch_of("ES", "+34600000001") == "rest/ES+34600"
    assert prices.branch_of("ES", "+34700000001") == "rest/ES+34"
    assert prices.branch_of("FR", "+33600000001") == "rest/FR"
    assert prices.branch_of("DE", "+491600000001") == "rest"
    assert prices.branch_of(None, "+881600000001") == "rest"
    for number, country in (("+34600000001", "ES"), ("+34700000001", "ES"), ("+33600000001", "FR"), ("+4916", "DE")):
        place = facts_of(prices.branch_of(country, number))
        for carrier in ASKED:
            assert prices.of(carrier, *place) == prices.of(carrier, country, number[1:])


def test_before_quality_is_measured_the_first_is_taken_for_the_best() -> None:
    quality = {"strategy": "quality", "explore": 0.1}
    assert tiers_of("rest/ES", **quality) == (Tier(("a", "b", "c"), (0.9, 0.05, 0.05)),)


def test_ranks_replace_what_was_made_of_a_branch() -> None:
    tierings = Tierings([route(strategy="quality"), route(name="plain")])
    tierings.of("rest/ES")
    tierings.of("plain")
    assert tierings.met() == ["rest/ES"]
    tierings.rank({"rest/ES": {"a": 0.025, "b": 0.95, "c": 0.025}})
    assert tierings.of("rest/ES").tiers == (Tier(("a", "b", "c"), (0.025, 0.95, 0.025)),)
    assert tierings.of("rest/FR").tiers[0].weights[0] == 0.95
    tierings.rank({"rest/ES": {"a": 0.0, "b": 1.0, "c": 0.0}})
    assert tierings.of("rest/ES").tiers == (Tier(("b",)), Tier(("a", "c"))), "without exploring the others are spare"


def test_a_branch_of_another_strategy_is_that_of_its_route_now() -> None:
    assert tiers_of("rest/ES+34600", tiers=["a", "b"]) == (Tier(("a",)), Tier(("b",)))


def test_a_route_that_is_not_there_has_no_carriers() -> None:
    tierings = Tierings([route()])
    assert "rest/ES" in tierings
    assert "gone" not in tierings
    assert tierings.of("gone/ES") is NO_TIERS
    assert tierings.carriers_of("rest") == ("a", "b", "c")


def test_overflow_is_that_of_the_route_and_the_soonest_is_known() -> None:
    tierings = Tierings([route(overflow_after="5s"), route(name="fast", overflow_after="500ms"), route(name="never")])
    assert [tierings.of(name).overflow_ms for name in ("rest", "fast", "never")] == [5_000, 500, 0]
    assert tierings.least_overflow_ms == 500
