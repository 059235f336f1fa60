"""How messages ended, by carrier and country, and the shares that routes by quality give for it."""

from typing import Any

from gateway.flows.measured import Measured
from gateway.messages import MessageState
from gateway.rules.tiers import Tierings
from gateway.settings import Settings
from gateway.store.ends import Ended

CARRIER = {"hosts": ["127.0.0.1:1"], "system_id": "acme", "password": "secret"}
BOTH = [["telco", "backup"]]
MINUTE = 60_000


def routes_of(*routes: dict[str, Any]) -> Any:
    carriers = {name: {**CARRIER, "name": name} for name in ("telco", "backup")}
    given = [{"name": f"route{place}", "tiers": BOTH, **route} for place, route in enumerate(routes)]
    return Settings.model_validate({"carriers": carriers, "routes": given}).routes


def an_end(state: MessageState, carrier: str | None, country: str = "ES", sent_at: int | None = 0) -> Ended:
    return Ended("transactional", country, int(state), carrier, None, sent_at, 3_000)


def weights(tierings: Tierings, branch: str) -> dict[str, float]:
    (tier,) = tierings.of(branch).tiers
    return dict(zip(tier.carriers, tier.weights, strict=True))


def test_the_time_from_taking_to_delivery_counts_and_a_clock_that_stepped_does_not() -> None:
    measured = Measured(routes_of({}))
    measured.add([an_end(MessageState.DELIVERED, "telco")] * 30)
    measured.add([an_end(MessageState.DELIVERED, "backup", sent_at=9_000)] * 30)
    measured.settle(0)
    scores = dict(measured.scores(0))
    assert round(scores["backup", "ES"] - scores["telco", "ES"], 6) == round(0.1 * 3 / 60, 6)


def test_ends_that_no_carrier_told_or_caused_count_for_none() -> None:
    measured = Measured(routes_of({}))
    measured.add([an_end(MessageState.EXPIRED, None), an_end(MessageState.OPTED_OUT, "telco")])
    measured.add([an_end(MessageState.CANCELED, "telco"), an_end(MessageState.UNKNOWN, "telco")])
    measured.settle(0)
    assert measured.scores(0) == []


def test_a_message_that_goes_elsewhere_counts_against_the_first() -> None:
    measured = Measured(routes_of({}))
    measured.add([an_end(MessageState.UNDELIVERED, "telco")._replace(rerouted=True)] * 100)
    measured.settle(0)
    ((labels, score),) = measured.scores(0)
    assert labels == ("telco", "ES")
    assert score < 0.1


def test_each_country_has_its_own_shares() -> None:
    routes = routes_of({"strategy": "quality", "explore": 0.1})
    measured, tierings = Measured(routes), Tierings(routes)
    for country, good, bad in (("ES", "telco", "backup"), ("FR", "backup", "telco")):
        tierings.of(f"route0/{country}")
        measured.add([an_end(MessageState.DELIVERED, good, country)] * 100)
        measured.add([an_end(MessageState.UNDELIVERED, bad, country)] * 100)
    measured.rank(tierings, 0)
    assert weights(tierings, "route0/ES") == {"telco": 0.9, "backup": 0.1}
    assert weights(tierings, "route0/FR") == {"telco": 0.1, "backup": 0.9}


def test_routes_may_look_back_for_different_times() -> None:
    short = {"strategy": "quality", "explore": 0.1, "quality_window": "5m"}
    routes = routes_of({**short, "match": {"country": ["ES"]}}, {**short, "quality_window": "1h"})
    measured, tierings = Measured(routes), Tierings(routes)
    measured.add([an_end(MessageState.UNDELIVERED, "telco")] * 100)
    measured.settle(0)
    # A reload that changes nothing of them forgets nothing.
    measured.reconfigure(routes)
    measured.add([an_end(MessageState.DELIVERED, "telco")] * 100)
    for branch in ("route0/ES", "route1/ES"):
        tierings.of(branch)
    measured.rank(tierings, 30 * MINUTE)
    assert weights(tierings, "route0/ES") == {"telco": 0.9, "backup": 0.1}
    assert weights(tierings, "route1/ES") == {"telco": 0.1, "backup": 0.9}


def test_without_routes_by_quality_nothing_is_ranked() -> None:
    routes = routes_of({})
    measured, tierings = Measured(routes), Tierings(routes)
    before = tierings.of("route0")
    measured.rank(tierings, 0)
    assert tierings.of("route0") is before
