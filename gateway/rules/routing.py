"""Which route files a message: the first that matches takes it. What stands behind a route is the deal's matter."""

from collections.abc import Iterable
from functools import lru_cache

from gateway.settings import Route
from gateway.settings.patterns import SenderPatterns, bare


class Router:
    """The routes in their order."""

    __slots__ = ("_in_question", "_rules")

    def __init__(self, routes: Iterable[Route]) -> None:
        self._rules = tuple(_Rule(route) for route in routes)
        self._in_question = lru_cache(maxsize=4096)(self._narrow)

    def route_for(self, country: str | None, number: str, lane: str, account: str, sender: str) -> str | None:
        """The name of the first route that takes such a message; `number` is E.164 with its plus."""
        for rule in self._in_question(country, lane, account):
            if (rule.prefixes is None or number.startswith(rule.prefixes)) and (
                rule.senders is None or rule.senders.match(sender)
            ):
                return rule.name
        return None

    def _narrow(self, country: str | None, lane: str, account: str) -> list["_Rule"]:
        """The routes that number and sender alone decide between: most messages share one answer."""
        return [
            rule
            for rule in self._rules
            if (rule.countries is None or country in rule.countries)
            and (rule.lanes is None or lane in rule.lanes)
            and (rule.accounts is None or account in rule.accounts)
        ]


class _Rule:
    """A route made ready: None where it asks for nothing."""

    __slots__ = ("accounts", "countries", "lanes", "name", "prefixes", "senders")

    def __init__(self, route: Route) -> None:
        match = route.match
        self.name = route.name
        self.countries = frozenset(match.country) or None
        self.prefixes = tuple(f"+{bare(prefix)}" for prefix in match.prefix) or None
        self.lanes = frozenset(match.lane) or None
        self.accounts = frozenset(match.account) or None
        self.senders = SenderPatterns(match.sender) if match.sender else None
