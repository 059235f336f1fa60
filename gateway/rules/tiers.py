"""Which carriers take a branch, in what order and in what shares: the settings as they are now, by strategy.

What they may take at a moment is the deal's matter; how good carriers are is measured elsewhere and told by `rank`.
"""

from collections.abc import Collection, Iterable, Mapping
from math import inf
from typing import NamedTuple

from gateway.rules.branches import facts_of, route_of
from gateway.rules.prices import Prices
from gateway.settings.routes import Route, Strategy


class Tier(NamedTuple):
    """Carriers that share."""

    carriers: tuple[str, ...]
    weights: tuple[float, ...] = ()
    """As many as carriers; none: whoever asks."""


class Tiering(NamedTuple):
    """Tiers, the preferred first."""

    tiers: tuple[Tier, ...]
    overflow_ms: int = 0
    """Once the oldest waits so long, every tier takes; 0: never."""


NO_TIERS = Tiering(())
"""Of a branch whose route is not in the settings."""
NO_RANKS: Mapping[str, float] = {}


class Tierings:
    """By branch. Read by several threads: what is there is replaced, never changed."""

    __slots__ = ("_made", "_routes", "least_overflow_ms", "ranks")

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = {route.name: _Plan(route) for route in routes}
        self.ranks: Mapping[str, Mapping[str, float]] = {}
        """As last told to `rank`."""
        self._made: dict[str, Tiering] = {}
        overflows = [plan.overflow_ms for plan in self._routes.values() if plan.overflow_ms]
        self.least_overflow_ms = min(overflows, default=0)
        """Of the most impatient route; 0: none overflows."""

    def of(self, branch: str) -> Tiering:
        """The tiers of a branch; of any branch of a route, whatever its strategy is now."""
        made = self._made
        tiering = made.get(branch)
        if tiering is None:
            plan = self._routes.get(route_of(branch))
            tiering = made[branch] = NO_TIERS if plan is None else plan.tiering(branch, self.ranks)
        return tiering

    def carriers_of(self, branch: str) -> tuple[str, ...]:
        """All that may take it, the preferred first."""
        return tuple(name for tier in self.of(branch).tiers for name in tier.carriers)

    def __contains__(self, branch: str) -> bool:
        return route_of(branch) in self._routes

    def met(self) -> Collection[str]:
        """The branches of `quality` routes that were asked for: they want ranks."""
        return [branch for branch in list(self._made) if self._strategy(branch) is Strategy.QUALITY]

    def route(self, branch: str) -> Route | None:
        """The settings of its route."""
        plan = self._routes.get(route_of(branch))
        return None if plan is None else plan.route

    def rank(self, ranks: Mapping[str, Mapping[str, float]]) -> None:
        """How much each carrier is to get of the branches of `quality` routes: by branch, carrier -> weight.

        A branch or carrier left out is as before anything was measured; weight 0: only when the others can't.
        """
        self.ranks = ranks
        self._made = {b: made for b, made in list(self._made.items()) if self._strategy(b) is not Strategy.QUALITY}

    def _strategy(self, branch: str) -> Strategy | None:
        plan = self._routes.get(route_of(branch))
        return None if plan is None else plan.route.strategy


class _Plan:
    """One route made ready."""

    __slots__ = ("_prices", "overflow_ms", "route")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.overflow_ms = round((route.overflow_after or 0) * 1000)
        self._prices = Prices(route)

    def tiering(self, branch: str, ranks: Mapping[str, Mapping[str, float]]) -> Tiering:
        tiers: Iterable[Tier]
        match self.route.strategy:
            case Strategy.TIERS | Strategy.WEIGHTED:
                tiers = self._as_written(is_even=self.route.strategy is Strategy.WEIGHTED)
            case Strategy.CHEAPEST:
                tiers = self._by_price(branch)
            case Strategy.QUALITY:
                tiers = self._by_quality(ranks.get(branch, NO_RANKS))
        return Tiering(tuple(tiers), self.overflow_ms)

    def _as_written(self, *, is_even: bool) -> Iterable[Tier]:
        for tier in self.route.tiers:
            names = (tier,) if isinstance(tier, str) else tuple(tier)
            weights: tuple[float, ...] = ()
            if len(names) > 1 and isinstance(tier, Mapping):
                weights = tuple(tier.values())
            elif len(names) > 1 and is_even:
                weights = (1.0,) * len(names)
            yield Tier(names, weights)

    def _by_price(self, branch: str) -> Iterable[Tier]:
        """Inside each tier one for every price; the settings see to it that every carrier has one."""
        country, prefix = facts_of(branch)
        for names in self.route.carriers_by_tier:
            by_price: dict[float, list[str]] = {}
            for name in names:
                price = self._prices.of(name, country, prefix)
                by_price.setdefault(inf if price is None else price, []).append(name)
            for price in sorted(by_price):
                yield Tier(tuple(by_price[price]))

    def _by_quality(self, ranks: Mapping[str, float]) -> Iterable[Tier]:
        for names in self.route.carriers_by_tier:
            weights = {name: self._weight(name, names, ranks) for name in names}
            chosen = tuple(name for name in names if weights[name] > 0)
            spare = tuple(name for name in names if weights[name] <= 0)
            if chosen:
                yield Tier(chosen, tuple(weights[name] for name in chosen) if len(chosen) > 1 else ())
            if spare:
                yield Tier(spare)

    def _weight(self, carrier: str, names: tuple[str, ...], ranks: Mapping[str, float]) -> float:
        """Before anything is measured the first of a tier is taken for the best."""
        explore = self.route.explore if len(names) > 1 else 0.0
        unmeasured = 1 - explore if carrier == names[0] else explore / (len(names) - 1)
        return ranks.get(carrier, unmeasured)
