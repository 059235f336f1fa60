import weakref
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.routing import Facts, Router, router_of
from gateway.settings import Route


def route(name: str, **match: Any) -> Route:
    return Route.model_validate({"name": name, "match": match, "tiers": ["telco"]})


def take(router: Router, **message: Any) -> str | None:
    facts = {"country": "ES", "number": "+34600000001", "lane": "otp", "account": "shop", "sender": "SHOP"} | message
    return router.route_for(**facts)


def test_the_first_route_that_matches_takes_the_message() -> None:
    router = Router([route("spain", country=["ES"]), route("also", country=["ES"]), route("rest")])
    assert take(router) == "spain"
    assert take(router, country="FR") == "rest"
    assert take(router, country=None) == "rest"


def test_each_list_must_hold_and_any_member_of_it_will_do() -> None:
    router = Router([route("otps", country=["ES", "FR"], lane=["otp"], account=["shop"], sender=["SHOP", "34600*"])])
    assert take(router) == "otps"
    assert take(router, country="FR", sender="+34600111222") == "otps"
    assert take(router, lane="promotional") is None
    assert take(router, account="bank") is None
    assert take(router, sender="BANK") is None
    assert take(router, country="DE") is None


def test_prefixes_are_those_of_the_number_with_or_without_a_plus() -> None:
    router = Router([route("valencia", prefix=["+3496", "34860"]), route("spain", prefix=["34"])])
    assert take(router, number="+34961234567") == "valencia"
    assert take(router, number="+34860123456") == "valencia"
    assert take(router, number="+34600000001") == "spain"
    assert take(router, number="+33600000001") is None


def test_the_first_route_that_matches_takes_it_whatever_is_more_exact() -> None:
    router = Router([route("wide", prefix=["34"], lane=["otp"]), route("exact", prefix=["34600"]), route("all")])
    assert take(router) == "wide"
    assert take(router, lane="bulk") == "exact"
    assert take(router, lane="bulk", number="+34700000001") == "all"
    assert take(Router([route("all"), route("exact", prefix=["34600"])])) == "all"


def test_routes_match_on_tag_campaign_and_network() -> None:
    router = Router(
        [
            route("tagged", tag=["sale*", "vip"]),
            route("autumn", campaign=["autumn*"]),
            route("campaigns", campaign=["*"]),
            route("yoigo", mccmnc=["21404"]),
            route("spain", mccmnc=["214*"]),
            route("rest"),
        ]
    )
    assert router.needs_networks
    assert take(router) == "rest"
    assert take(router, tag="sale-2026") == "tagged"
    assert take(router, tag="vip") == "tagged"
    assert take(router, tag="vip2") == "rest"
    assert take(router, campaign="autumn sale") == "autumn"
    assert take(router, campaign="spring") == "campaigns"
    assert take(router, mccmnc="21404") == "yoigo"
    assert take(router, mccmnc="21401") == "spain"
    assert take(router, mccmnc="20801") == "rest"
    assert not Router([route("rest", tag=["x"])]).needs_networks


PREFIXES = st.text("34", min_size=1, max_size=4)
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.lists(PREFIXES, max_size=3),
        "country": st.lists(st.sampled_from(["ES", "FR"]), max_size=1),
        "lane": st.lists(st.sampled_from(["otp", "bulk"]), max_size=1),
        "sender": st.lists(st.sampled_from(["SHOP", "34*"]), max_size=1),
        "tag": st.lists(st.sampled_from(["x", "*"]), max_size=1),
        "mccmnc": st.lists(st.sampled_from(["21401", "214*"]), max_size=1),
    },
)
MESSAGES = st.builds(
    Facts,
    country=st.sampled_from(["ES", "FR", None]),
    number=st.text("34", min_size=2, max_size=6).map(lambda digits: f"+{digits}"),
    lane=st.sampled_from(["otp", "bulk"]),
    account=st.just("shop"),
    sender=st.sampled_from(["SHOP", "+34600"]),
    tag=st.sampled_from([None, "x", "y"]),
    mccmnc=st.sampled_from([None, "21401", "21402"]),
)


@given(st.lists(MATCHES, max_size=8), st.lists(MESSAGES, min_size=1, max_size=8))
def test_a_table_of_ten_thousand_prefixes_chooses_as_a_walk_through_all_would(
    matches: list[dict[str, Any]], messages: list[Facts]
) -> None:
    router = Router([route(f"r{place}", **match) for place, match in enumerate(matches)])
    for facts in messages:
        walked = list(router.considered(facts))
        assert router.route_for(*facts) == (walked[-1].branch if walked else None)
        assert [one.takes for one in walked[:-1]] == [False] * (len(walked) - 1)


def test_ten_thousand_routes_of_a_prefix_each_choose_right() -> None:
    many = [route(f"r{place}", prefix=[f"34{place:05}"]) for place in range(10_000)]
    router = Router([*many, route("rest")])
    assert take(router, number="+34000000001") == "r0"
    assert take(router, number="+34099990001") == "r9999"
    assert take(router, number="+34100000001") == "rest"


def test_what_was_considered_tells_what_each_route_asks_for() -> None:
    router = Router(
        [route("otps", lane=["otp"], prefix=["33", "34", "346"]), route("bank", account=["bank"]), route("rest")]
    )
    facts = Facts("ES", "+34600000001", "bulk", "shop", "SHOP")
    considered = list(router.considered(facts))
    assert [(one.route.name, one.branch) for one in considered] == [("otps", None), ("bank", None), ("rest", "rest")]
    lane, prefix = considered[0].reasons
    assert (lane.fact, lane.value, lane.wanted, lane.matched) == ("lane", "bulk", ["otp"], None)
    assert (prefix.fact, prefix.matched) == ("prefix", "346")
    assert considered[2].reasons == ()


def test_a_route_that_chooses_by_country_files_by_country() -> None:
    cheap = {"strategy": "cheapest", "prices": {"telco": {"FR": 0.01, "34600": 0.02, "*": 0.05}}}
    best = {"strategy": "quality", "match": {"lane": ["otp"]}}
    router = Router(Route.model_validate({"name": "r", "tiers": ["telco"], **fields}) for fields in (best, cheap))
    assert take(router) == "r/ES"
    assert take(router, country=None) == "r"
    assert take(router, lane="bulk") == "r/+34600"
    assert take(router, lane="bulk", country="FR", number="+33600000001") == "r/FR"
    assert take(router, lane="bulk", number="+34700000001") == "r"


def test_without_routes_nothing_is_taken() -> None:
    assert take(Router([])) is None


def test_a_router_that_nobody_has_any_more_is_gone_at_once() -> None:
    router = Router([route("rest")])
    take(router)
    kept = weakref.ref(router._plain)
    del router
    assert kept() is None


def test_all_who_ask_with_the_same_routes_share_one_router() -> None:
    routes, others = [Route(name="rest", tiers=["telco"])], [Route(name="rest", tiers=["telco"])]
    first = router_of(routes)
    assert router_of(routes) is first
    assert router_of(others) is not first
