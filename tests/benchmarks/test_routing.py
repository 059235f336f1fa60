"""What choosing a route costs, whatever the table looks like."""

import time

import pytest

from gateway.rules.routing import Router
from gateway.settings import Route

CHOICES = 200_000
PREFIXES = [f"34{n:05}" for n in range(10_000)]
NUMBERS = [f"+34{n * 37 % 12_000:05}0001" for n in range(1_000)]


def route(name, prefix=(), **fields):
    return Route.model_validate({"name": name, "match": {"prefix": list(prefix)}, "tiers": ["telco"], **fields})


TABLES = {
    "one route without match": lambda: [route("rest")],
    "one route of 10,000 prefixes": lambda: [route("many", PREFIXES), route("rest")],
    "10,000 routes of a prefix": lambda: [*(route(f"r{n}", [p]) for n, p in enumerate(PREFIXES)), route("rest")],
    "10,000 priced prefixes": lambda: [
        route("rest", strategy="cheapest", prices={"telco": {**dict.fromkeys(PREFIXES, 0.01), "*": 0.05}})
    ],
}


@pytest.mark.benchmark
@pytest.mark.parametrize("table", TABLES)
def test_a_choice_costs_few_microseconds(report, table):
    started = time.process_time()
    router = Router(TABLES[table]())
    built = time.process_time() - started
    started = time.process_time()
    for n in range(CHOICES):
        assert router.route_for("ES", NUMBERS[n % 1_000], "otp", "shop", "SHOP", None) is not None
    spent = time.process_time() - started
    report(f"routing, {table}", us_a_choice=f"{spent / CHOICES * 1e6:.2f}", built_in_ms=f"{built * 1e3:.0f}")
