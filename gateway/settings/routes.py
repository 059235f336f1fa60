"""The section about which carriers a message goes to: routes, and what each takes.

Choosing by them is done in gateway/rules/routing.py.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from gateway.settings.types import Country, Section, check_name


def _parse_prefix(value: object) -> str:
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise ValueError(f'is {value!r}; write the first digits of the number with its country code, such as "34600"')
    return digits


def _parse_tier(value: object) -> str | list[str]:
    if isinstance(value, Mapping):
        raise ValueError("has weights, which are not offered yet; write the carriers of the tier as a list")
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return value
    raise ValueError('must be the name of a carrier, or a list of names such as ["telco", "backup"]')


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


class Route(Section):
    """A rule that files a message under carriers. The first route that matches takes the message."""

    name: Annotated[str, AfterValidator(check_name)]
    """Name of the route, as shown in a message's `route`."""
    match: Match = Match()
    """What it takes; everything where not said."""
    tiers: list[Annotated[str | list[str], PlainValidator(_parse_tier)]] = Field(min_length=1)
    """Carriers by name, the preferred first; a list of names is one tier that shares. A tier gets work when those
    before it cannot send."""

    @property
    def carriers_by_tier(self) -> tuple[tuple[str, ...], ...]:
        """Every tier as a tuple of carrier names."""
        return tuple((tier,) if isinstance(tier, str) else tuple(tier) for tier in self.tiers)
