"""What a route's carriers cost, and which of a number's facts decide that. Amounts are of one currency, whichever."""

from collections.abc import Mapping

from gateway.rules.branches import branch
from gateway.settings.routes import ANY_NUMBER, Route


class Prices:
    """The prices of one route's carriers."""

    __slots__ = ("_branches", "_by_carrier", "_countries", "_lengths", "_prefixes", "_route")

    def __init__(self, route: Route) -> None:
        self._route = route.name
        self._by_carrier: Mapping[str, Mapping[str, float]] = route.prices
        places = {place for prices in route.prices.values() for place in prices} - {ANY_NUMBER}
        self._prefixes = frozenset(place for place in places if place.isdigit())
        self._countries = places - self._prefixes
        self._lengths = longest_first(self._prefixes)
        self._branches: dict[tuple[str | None, str | None], str] = {}

    def branch_of(self, country: str | None, number: str) -> str:
        """The branch that fixes what each carrier asks for a number; `number` is E.164 with its plus.

        All priced prefixes of a number are beginnings of the longest, so that one says which of them it has.
        """
        prefix = None
        for length in self._lengths:
            if (digits := number[1 : 1 + length]) in self._prefixes:
                prefix = digits
                break
        place = (country if country in self._countries else None, prefix)
        known = self._branches.get(place)
        if known is None:
            known = self._branches[place] = branch(self._route, *place)
        return known

    def of(self, carrier: str, country: str | None, prefix: str | None) -> float | None:
        """What a carrier asks; `prefix`: first digits of the number, as many as any price looks at. None: not told."""
        prices = self._by_carrier.get(carrier, {})
        for length in range(len(prefix or ""), 0, -1):
            if (price := prices.get((prefix or "")[:length])) is not None:
                return price
        if country is not None and (price := prices.get(country)) is not None:
            return price
        return prices.get(ANY_NUMBER)


def longest_first(prefixes: frozenset[str]) -> tuple[int, ...]:
    """The lengths that occur, the longest first."""
    return tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True))
