"""Rows of a decision alone, without processes or sockets: choosing a route, whatever the table looks like."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.cli.bench.row import Context, Figures, Named
from gateway.rules.routing import Router
from gateway.settings import Route

_PREFIXES = [f"34{n:05}" for n in range(10_000)]
_NUMBERS = [f"+34{n * 37 % 12_000:05}0001" for n in range(1_000)]


def _route(name: str, prefix: list[str] | None = None, **fields: object) -> Route:
    given = {"name": name, "match": {"prefix": prefix or []}, "tiers": ["telco"], **fields}
    return Route.model_validate(given)


def one() -> list[Route]:
    """The least table."""
    return [_route("rest")]


def many_prefixes() -> list[Route]:
    """10,000 prefixes in one route."""
    return [_route("many", _PREFIXES), _route("rest")]


def many_routes() -> list[Route]:
    """10,000 routes with a prefix each."""
    return [*(_route(f"r{n}", [prefix]) for n, prefix in enumerate(_PREFIXES)), _route("rest")]


def many_prices() -> list[Route]:
    """10,000 prices, the cheapest carrier to be taken."""
    prices = {"telco": {**dict.fromkeys(_PREFIXES, 0.01), "*": 0.05}}
    return [_route("rest", strategy="cheapest", prices=prices)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing(Named):
    """A table of routes, asked for numbers of all kinds."""

    table: Callable[[], list[Route]]

    def measure(self, context: Context) -> Figures:
        started = time.process_time()
        router = Router(self.table())
        built, count = time.process_time() - started, context.scale.choices
        started = time.process_time()
        for n in range(count):
            router.route_for("ES", _NUMBERS[n % len(_NUMBERS)], "otp", "shop", "SHOP", None)
        spent = time.process_time() - started
        return {"gateway_us": spent / count * 1e6, "built_ms": built * 1000}
