"""How well each carrier delivers, as the ends of messages tell it, and what routes by quality make of that."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gateway.messages import MessageState
from gateway.rules.branches import facts_of
from gateway.rules.quality import Quality, Tally
from gateway.rules.tiers import Tierings
from gateway.settings.routes import Route, Strategy
from gateway.store.ends import Ended

USUAL_WINDOW_SECONDS = 1800.0
"""Of what is shown where no route says another."""
_DELIVERED = int(MessageState.DELIVERED)
_FAILED = frozenset(
    int(state)
    for state in (
        MessageState.UNDELIVERED,
        MessageState.EXPIRED,
        MessageState.REJECTED,
        MessageState.FAILED,
    )
)
"""Those of them that a carrier told."""


class Measured:
    """One Quality for each window that a route asks for."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_window: dict[float, Quality] = {}
        self._noted: defaultdict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0, 0])
        """Delivered, failed, and the milliseconds to delivery in all."""
        self.reconfigure(routes)

    def reconfigure(self, routes: Iterable[Route]) -> None:
        """Windows that are still asked for keep what they hold."""
        asked = {route.quality_window for route in routes if route.strategy is Strategy.QUALITY}
        known = self._by_window
        self._by_window = {
            window: known[window] if window in known else Quality(round(window * 1000))
            for window in sorted(asked or {USUAL_WINDOW_SECONDS})
        }

    def add(self, ends: Sequence[Ended]) -> None:
        """On the way of every message: it is only noted here, `settle` makes something of it."""
        noted = self._noted
        for _, country, state, carrier, _, sent_at, done_at, _ in ends:
            if carrier is None:
                continue
            if state == _DELIVERED:
                tally = noted[carrier, country]
                tally[0] += 1
                # Receipts may come before the answer is known, and clocks step.
                if sent_at is not None and sent_at < done_at:
                    tally[2] += done_at - sent_at
            elif state in _FAILED:
                noted[carrier, country][1] += 1

    def settle(self, now: int) -> None:
        """What was noted since the last time counts from now on (ms)."""
        for (carrier, country), (delivered, failed, waited_ms) in self._noted.items():
            tally = Tally(delivered, failed, waited_ms / 1000)
            for quality in self._by_window.values():
                quality.add(carrier, country, tally, now)
        self._noted.clear()

    def rank(self, tierings: Tierings, now: int) -> None:
        """Give the branches of routes by quality their shares anew."""
        self.settle(now)
        ranks: dict[str, dict[str, float]] = {}
        for branch in tierings.met():
            route = tierings.route(branch)
            quality = None if route is None else self._by_window.get(route.quality_window)
            if route is None or quality is None:
                continue
            country, _ = facts_of(branch)
            ranks[branch] = {
                carrier: weight
                for tier in route.carriers_by_tier
                for carrier, weight in zip(tier, quality.weights(tier, country, route.explore, now), strict=True)
            }
        if ranks:
            tierings.rank(ranks)

    def scores(self, now: int) -> list[tuple[tuple[str, str], float]]:
        """By carrier and country, in the shortest window."""
        quality = next(iter(self._by_window.values()))
        return [((carrier, country), quality.score(carrier, country, now)) for carrier, country in quality.places(now)]
