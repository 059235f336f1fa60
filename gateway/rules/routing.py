"""Which route files a message, and under which of its branches: the first that matches takes it.

What stands behind a branch is tiers.py's and the deal's matter. A choice costs some microseconds, whether ten thousand
prefixes are those of one route or of ten thousand.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from math import inf
from typing import NamedTuple

from gateway.rules.branches import branch
from gateway.rules.prices import Prices, longest_first
from gateway.settings import Route
from gateway.settings.patterns import Patterns, SenderPatterns, bare
from gateway.settings.routes import Strategy


class Facts(NamedTuple):
    """What routes look at."""

    country: str | None
    number: str
    """E.164 with its plus."""
    lane: str
    account: str
    sender: str
    tag: str | None = None
    campaign: str | None = None
    """The name of the campaign that it is of."""
    mccmnc: str | None = None
    """Country and network code, where it is known."""


class Reason(NamedTuple):
    """One thing that a route asks for."""

    fact: str
    """The key in the route's `match`."""
    value: str | None
    """What the message has there."""
    wanted: Sequence[str]
    """As the settings write it."""
    matched: str | None
    """The one of them that the message meets; None: none."""


class Considered(NamedTuple):
    """A route that was asked whether it takes a message, with all that it asks for."""

    route: Route
    reasons: tuple[Reason, ...]
    branch: str | None
    """What the message is filed under; None: the route does not take it."""

    @property
    def takes(self) -> bool:
        return self.branch is not None


class Router:
    """The routes in their order."""

    __slots__ = ("_by_prefix", "_lengths", "_plain", "_rules", "is_even", "needs_networks")

    def __init__(self, routes: Iterable[Route]) -> None:
        self._rules = tuple(_Rule(place, route) for place, route in enumerate(routes))
        self.needs_networks = any(rule.networks is not None for rule in self._rules)
        """Whether any route asks for the network: else nobody need look it up."""
        self.is_even = not any(rule.prefixes or rule.is_choosy or rule.branch_of for rule in self._rules)
        """Whether country, lane and account are all that the routes ask for."""
        by_prefix: dict[str, list[_Rule]] = {}
        for rule in self._rules:
            for prefix in rule.prefixes:
                by_prefix.setdefault(prefix, []).append(rule)
        self._by_prefix = {prefix: _until_sure(rules) for prefix, rules in by_prefix.items()}
        self._lengths = longest_first(frozenset(by_prefix))
        others = tuple(rule for rule in self._rules if not rule.prefixes)
        # Not a method of its own: with itself in its cache it would outlive a reload until garbage is looked for.
        self._plain = lru_cache(maxsize=4096)(partial(_narrowed, others))

    def route_for(
        self,
        country: str | None,
        number: str,
        lane: str,
        account: str,
        sender: str,
        tag: str | None = None,
        campaign: str | None = None,
        mccmnc: str | None = None,
    ) -> str | None:
        """The branch of the first route that takes such a message; `number` is E.164 with its plus.

        `campaign`: the name of the one that it is of; `mccmnc`: its network, where that is known.
        """
        best, first = inf, None
        for length in self._lengths:
            rules = self._by_prefix.get(number[1 : 1 + length])
            if rules is not None:
                for rule in rules:
                    if rule.place >= best:
                        break
                    if rule.allows(country, lane, account) and (
                        not rule.is_choosy or rule.likes(sender, tag, campaign, mccmnc)
                    ):
                        best, first = rule.place, rule
                        break
        for rule in self._plain(country, lane, account):
            if rule.place >= best:
                break
            if not rule.is_choosy or rule.likes(sender, tag, campaign, mccmnc):
                first = rule
                break
        if first is None:
            return None
        return first.name if first.branch_of is None else first.branch_of(country, number)

    def considered(self, facts: Facts) -> Iterator[Considered]:
        """Each route in its order, until the first that takes such a message."""
        for rule in self._rules:
            reasons = tuple(rule.reasons(facts))
            if all(reason.matched is not None for reason in reasons):
                taken = rule.name if rule.branch_of is None else rule.branch_of(facts.country, facts.number)
                yield Considered(rule.route, reasons, taken)
                return
            yield Considered(rule.route, reasons, None)


def _narrowed(rules: Iterable["_Rule"], country: str | None, lane: str, account: str) -> tuple["_Rule", ...]:
    """Those without prefixes that may take it: most messages share one answer."""
    allowed = [rule for rule in rules if rule.allows(country, lane, account)]
    sure = next((index for index, rule in enumerate(allowed) if not rule.is_choosy), len(allowed))
    return tuple(allowed[: sure + 1])


class _Rule:
    """A route made ready: None where it asks for nothing."""

    __slots__ = (
        "accounts", "branch_of", "campaigns", "countries", "is_choosy", "lanes", "name", "networks", "place",
        "prefixes", "route", "senders", "tags",
    )  # fmt: skip

    def __init__(self, place: int, route: Route) -> None:
        match = route.match
        self.place = place
        self.route = route
        self.name = route.name
        self.prefixes = frozenset(bare(prefix) for prefix in match.prefix)
        self.countries = frozenset(match.country) or None
        self.lanes = frozenset(match.lane) or None
        self.accounts = frozenset(match.account) or None
        self.senders = SenderPatterns(match.sender) if match.sender else None
        self.tags = Patterns(match.tag) if match.tag else None
        self.campaigns = Patterns(match.campaign) if match.campaign else None
        self.networks = Patterns(match.mccmnc) if match.mccmnc else None
        self.is_choosy = any(one is not None for one in (self.senders, self.tags, self.campaigns, self.networks))
        """Whether it asks for more than the number, its country, the lane and the account."""
        self.branch_of = _branches(route)

    @property
    def takes_all(self) -> bool:
        """Of the numbers that have its prefixes, whatever else they are."""
        return not self.is_choosy and self.countries is None and self.lanes is None and self.accounts is None

    def allows(self, country: str | None, lane: str, account: str) -> bool:
        return (
            (self.countries is None or country in self.countries)
            and (self.lanes is None or lane in self.lanes)
            and (self.accounts is None or account in self.accounts)
        )

    def likes(self, sender: str, tag: str | None, campaign: str | None, mccmnc: str | None) -> bool:
        return (
            (self.senders is None or self.senders.match(sender))
            and (self.tags is None or (tag is not None and self.tags.match(tag)))
            and (self.campaigns is None or (campaign is not None and self.campaigns.match(campaign)))
            and (self.networks is None or (mccmnc is not None and self.networks.match(mccmnc)))
        )

    def reasons(self, facts: Facts) -> Iterator[Reason]:
        match, number = self.route.match, facts.number[1:]
        for fact, value, wanted in (
            ("country", facts.country, match.country),
            ("lane", facts.lane, match.lane),
            ("account", facts.account, match.account),
        ):
            if wanted:
                yield Reason(fact, value, wanted, value if value in wanted else None)
        if match.prefix:
            longest = max((prefix for prefix in match.prefix if number.startswith(prefix)), key=len, default=None)
            yield Reason("prefix", facts.number, match.prefix, longest)
        for fact, value, wanted, kind in (
            ("sender", facts.sender, match.sender, SenderPatterns),
            ("mccmnc", facts.mccmnc, match.mccmnc, Patterns),
            ("campaign", facts.campaign, match.campaign, Patterns),
            ("tag", facts.tag, match.tag, Patterns),
        ):
            if wanted:
                found = (one for one in wanted if value is not None and kind([one]).match(value))
                yield Reason(fact, value, wanted, next(found, None))


_latest: tuple[Sequence[Route], Router] | None = None


def router_of(routes: Sequence[Route]) -> Router:
    """The router of the settings' routes: one for all who ask with the same list, since ten thousand routes take half a
    second to make ready. Called in any thread."""
    global _latest
    latest = _latest
    if latest is None or latest[0] is not routes:
        _latest = latest = (routes, Router(routes))
    return latest[1]


def _until_sure(rules: list[_Rule]) -> tuple[_Rule, ...]:
    """Those in question; behind the first that takes all, none is ever reached."""
    sure = next((index for index, rule in enumerate(rules) if rule.takes_all), len(rules))
    return tuple(rules[: sure + 1])


def _branches(route: Route) -> Callable[[str | None, str], str] | None:
    """Of a country and a number: the branch; None where the route's name is all there is."""
    if route.strategy is Strategy.CHEAPEST:
        return Prices(route).branch_of
    if route.strategy is Strategy.QUALITY:
        by_country: dict[str | None, str] = {}

        def of_country(country: str | None, number: str) -> str:
            known = by_country.get(country)
            if known is None:
                known = by_country[country] = branch(route.name, country)
            return known

        return of_country
    return None
