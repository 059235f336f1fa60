"""The section about which carriers a message goes to: routes, what each takes, and how it chooses among its carriers.

Choosing a route is done in gateway/rules/routing.py, among carriers in rules/tiers.py and deal.py.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from gateway.settings.types import COUNTRIES, Country, Duration, Rate, Section, Within, check_name, parse_duration

_NETWORK_CODE = re.compile(r"\d{5,6}|\d{3}\*", re.ASCII)
_WEIGHT = Within(1, 1_000_000, "")
_PRICE = Within(0, 1_000, "")
ANY_NUMBER = "*"
"""The price of numbers that no country or prefix of a carrier's prices covers."""


class Strategy(StrEnum):
    """How a route chooses among the carriers of a tier."""

    TIERS = "tiers"
    WEIGHTED = "weighted"
    CHEAPEST = "cheapest"
    QUALITY = "quality"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _digits(value: object) -> str:
    """First digits of numbers, without the plus; empty where that is not what was written."""
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    return digits if digits.isascii() and digits.isdigit() and len(digits) <= 15 else ""


def _parse_prefix(value: object) -> str:
    digits = _digits(value)
    if not digits:
        raise ValueError(f'is {value!r}; write the first digits of the number with its country code, such as "34600"')
    return digits


def _parse_network(value: object) -> str:
    if not isinstance(value, str) or _NETWORK_CODE.fullmatch(value) is None:
        hint = 'write the country and network code such as "21401", or "214*" for a whole country'
        raise ValueError(f"is {value!r}; {hint}")
    return value


def _check_pattern(value: str) -> str:
    if not value:
        raise ValueError(f"is {value!r}; write a name, or its beginning and a star")
    return value


def _parse_tier(value: object) -> str | list[str] | dict[str, float]:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _parse_weights(value)
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return value
    raise ValueError(
        'must be the name of a carrier, a list of names such as ["telco", "backup"], or names with weights such as '
        "{ telco = 70, backup = 30 }"
    )


def _parse_weights(value: Mapping[Any, Any]) -> dict[str, float]:
    if not value:
        raise ValueError("has no carrier; give at least one")
    for name, weight in value.items():
        if not _is_number(weight) or not _WEIGHT.least <= weight <= _WEIGHT.most:
            raise ValueError(f"gives {name} the weight {weight!r}; a weight must be from 1 to 1000000")
    return dict(value)


def _parse_prices(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError('must be prices by country, first digits or "*", such as { ES = 0.03, "34600" = 0.02 }')
    prices: dict[str, float] = {}
    for key, price in value.items():
        place = key if key == ANY_NUMBER or key in COUNTRIES else _digits(key)
        if not place:
            raise ValueError(
                f'has a price for {key!r}; write a country such as "ES", first digits, or "*" for the rest'
            )
        if not _is_number(price) or not _PRICE.least <= price <= _PRICE.most or round(price, 6) != price:
            raise ValueError(f"has the price {price!r} for {key}; give 0 to 1000 with at most 6 places")
        if place in prices:
            raise ValueError(f"has two prices for {place}; keep one")
        prices[place] = float(price)
    return prices


Pattern = Annotated[str, AfterValidator(_check_pattern)]


class Match(Section):
    """What a message must be for a route to take it. An empty list takes all; of several lists all must hold."""

    country: list[Country] = Field(default=[])
    """Countries of the number, as the two capitals of ISO 3166."""
    prefix: list[Annotated[str, BeforeValidator(_parse_prefix)]] = Field(default=[])
    """First digits of the number with its country code, with or without the plus; kept without."""
    lane: list[str] = Field(default=[])
    """Lanes, by name."""
    account: list[str] = Field(default=[])
    """Accounts, by name."""
    sender: list[str] = Field(default=[])
    """Senders; a `*` at the end stands for any ending, such as `"34600*"`."""
    mccmnc: list[Annotated[str, BeforeValidator(_parse_network)]] = Field(default=[])
    """Country and network codes of the number, such as `"21401"`, or `"214*"` for all networks of a country. A number
    whose network is not known is taken by no such route."""
    campaign: list[Pattern] = Field(default=[])
    """Names of campaigns; a `*` at the end stands for any ending, and `"*"` for every campaign."""
    tag: list[Pattern] = Field(default=[])
    """Tags of messages; a `*` at the end stands for any ending."""


class Route(Section):
    """A rule that files a message under carriers. The first route that matches takes the message."""

    name: Annotated[str, AfterValidator(check_name)]
    """Name of the route, as shown in a message's `route`."""
    match: Match = Match()
    """What it takes; everything where not said."""
    tiers: list[Annotated[str | list[str] | dict[str, float], PlainValidator(_parse_tier)]] = Field(min_length=1)
    """Carriers by name, the preferred first; a list of names is one tier that shares, a table of names and weights one
    that shares by them: `{ telco = 70, backup = 30 }`. A tier gets work when those before it cannot send."""
    strategy: Strategy = Strategy.TIERS
    """How it chooses inside a tier. `tiers`: whoever has room, or by the weights given. `weighted`: by weights, even
    ones where none are given. `cheapest`: the lowest of `prices` first. `quality`: the carrier with the best measured
    delivery first."""
    overflow_after: Annotated[float | None, BeforeValidator(parse_duration), Within.durations("100ms", "24h")] = None
    """Once the oldest message of a queue has waited this long, every tier takes of it at once. Never where not said."""
    prices: dict[str, Annotated[dict[str, float], PlainValidator(_parse_prices)]] = Field(default={})
    """By carrier: what a message costs there, by country, first digits of the number or `"*"`; the longest digits
    decide, then the country. In any one currency."""
    explore: Annotated[Rate, Within(0, 0.5, "")] = 0.05
    """With `quality`: the share of messages that goes to the other carriers of a tier, so that they stay measured."""
    quality_window: Annotated[Duration, Within.durations("1m", "24h")] = 1800.0
    """With `quality`: how far back deliveries count."""

    @property
    def carriers_by_tier(self) -> tuple[tuple[str, ...], ...]:
        """Every tier as a tuple of carrier names."""
        return tuple((tier,) if isinstance(tier, str) else tuple(tier) for tier in self.tiers)

    @property
    def carriers(self) -> tuple[str, ...]:
        """All carriers, in the order of the tiers."""
        return tuple(name for tier in self.carriers_by_tier for name in tier)
