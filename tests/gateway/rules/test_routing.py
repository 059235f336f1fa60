from typing import Any

from gateway.rules.routing import Router
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


def test_without_routes_nothing_is_taken() -> None:
    assert take(Router([])) is None
