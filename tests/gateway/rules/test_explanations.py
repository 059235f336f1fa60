"""Why a message goes where it goes, in words that hold."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.explanations import CarrierSaid, outcome_lines, route_lines, subject_lines, tier_lines
from gateway.rules.networks import NetworkKnown
from gateway.rules.routing import Facts, Router
from gateway.rules.tiers import Tier, Tiering
from gateway.settings import Route

FACTS = Facts("ES", "+34600000001", "otp", "shop", "SHOP", None, None, "21401")


def route(name: str, **match: Any) -> Route:
    return Route.model_validate({"name": name, "match": match, "tiers": ["telco"]})


def told(*routes: Route, facts: Facts = FACTS) -> list[str]:
    return route_lines(list(Router(routes).considered(facts)))


def test_the_number_is_told_with_its_country_line_and_network() -> None:
    assert subject_lines(FACTS, NetworkKnown("21401", True, "lookup")) == [
        "number +34600000001: Spain (ES), mobile, network 21401 (lookup, ported)",
        "message of account shop, lane otp, sender SHOP",
    ]


def test_a_number_of_no_country_is_told_as_that() -> None:
    facts = FACTS._replace(country=None, number="+88300000000", tag="x", campaign="May")
    assert subject_lines(facts, None) == [
        "number +88300000000: of no one country, other line, network not known",
        "message of account shop, lane otp, sender SHOP, tag x, campaign May",
    ]


def test_each_route_says_what_it_asks_for_and_what_is_there() -> None:
    assert told(
        route("promo", lane=["promotional"]),
        route("tagged", country=["ES"], tag=["vip*"]),
        route("vodafone", prefix=["34", "34600"], mccmnc=["214*"]),
        route("never", country=["ES"]),
    ) == [
        'route "promo": no: it takes lane promotional, and this is otp',
        'route "tagged": no: it takes tag vip*, and none is known here',
        'route "vodafone": yes: prefix 34600, network 214*',
    ]


def test_of_many_values_some_are_named_and_of_many_routes_the_last() -> None:
    many = [route(f"r{n}", prefix=[str(n) for n in range(40, 50)]) for n in range(60)]
    lines = told(*many, route("rest"))
    assert lines[0] == "11 routes before these do not take it"
    assert lines[1] == 'route "r11": no: it takes prefix 40, 41, 42, 43, 44 and 5 more, and this is +34600000001'
    assert lines[-1] == 'route "rest": yes: it takes everything'


def test_tiers_are_told_with_weights_and_prices() -> None:
    tiering = Tiering((Tier(("a", "b"), (70, 30)), Tier(("c", "d"))))
    assert tier_lines(tiering, {"a": 0.03, "c": 0.1}) == [
        "tier 1: a (weight 70, price 0.03), b (weight 30)",
        "tier 2: c (price 0.1), d (whoever has room)",
    ]


def states(**able: bool) -> dict[str, CarrierSaid]:
    return {name: CarrierSaid(can, "able" if can else "down") for name, can in able.items()}


def test_who_gets_it_follows_from_who_can_take_it_now() -> None:
    tiering = Tiering((Tier(("a", "b"), (70, 30)), Tier(("c",))), overflow_ms=30_000)
    assert outcome_lines(tiering, states(a=True, b=True, c=True))[-1] == (
        "a or b gets it, by their weights; lower tiers when none above can send for a second, "
        "or once the oldest has waited 30 s"
    )
    assert outcome_lines(tiering, states(a=False, b=False, c=True)) == ["a: down", "b: down", "c: able", "c gets it"]
    assert outcome_lines(tiering, states(a=False, b=False, c=False))[-1] == (
        "nobody can take it now: it waits, to the end of its validity"
    )


def test_a_last_resort_gets_what_no_other_can_take() -> None:
    silent = CarrierSaid(True, "silent", is_last_resort=True)
    tiering = Tiering((Tier(("a",)), Tier(("b",))))
    assert outcome_lines(tiering, {"a": silent, "b": CarrierSaid(True, "able")})[-1] == "b gets it"
    assert outcome_lines(tiering, {"a": silent, "b": CarrierSaid(False, "down")})[-1] == "a gets it, as no other can"


def test_a_carrier_that_has_just_come_is_told_as_not_there() -> None:
    assert outcome_lines(Tiering((Tier(("a", "b")),)), states(a=True)) == ["a: able", "b: is not there", "a gets it"]


MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "country": st.just(["ES"]) | st.just(["FR"]),
        "prefix": st.just(["34600"]) | st.just(["33"]),
        "lane": st.just(["otp"]) | st.just(["promotional"]),
        "sender": st.just(["SH*"]) | st.just(["X"]),
        "mccmnc": st.just(["21401"]) | st.just(["208*"]),
        "tag": st.just(["vip"]),
    },
)


@given(st.lists(MATCHES, max_size=6))
def test_the_route_that_is_explained_is_the_one_that_is_taken(matches: list[dict[str, Any]]) -> None:
    routes = [route(f"r{place}", **match) for place, match in enumerate(matches)]
    taken = Router(routes).route_for(*FACTS)
    said = [line for line in told(*routes) if ": yes: " in line]
    assert [line.split('"')[1] for line in said] == ([] if taken is None else [taken])
