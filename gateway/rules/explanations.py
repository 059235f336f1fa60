"""Why a message would go where it goes, line by line, in words: its facts, each route in turn, tiers, carriers.

It decides nothing: what it tells of was decided by routing, tiers and the deal.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.rules.country_names import COUNTRY_NAMES
from gateway.rules.lines import Line, line_of
from gateway.rules.networks import NetworkKnown
from gateway.rules.routing import Considered, Facts, Reason
from gateway.rules.tiers import Tier, Tiering


class CarrierSaid(NamedTuple):
    """How a carrier stands now."""

    can_take: bool
    words: str
    is_last_resort: bool = False
    """It takes what no other could."""
    to_accounts: str | None = None
    """The words for whose messages it takes, where others are no business of theirs."""


NOT_THERE = CarrierSaid(False, "is not there")
"""One that has just come or gone."""

_MOST_WANTED = 5
"""Values of a route's list that are named."""
_MOST_ROUTES = 50
_LINES = {Line.LANDLINE: "landline", Line.MOBILE: "mobile", Line.EITHER: "landline or mobile", Line.OTHER: "other line"}


def subject_lines(facts: Facts, network: NetworkKnown | None) -> list[str]:
    """What is known of the number, and what the message is."""
    country = "of no one country"
    if facts.country is not None:
        country = f"{COUNTRY_NAMES.get(facts.country, 'country')} ({facts.country})"
    known = "network not known"
    if network is not None:
        known = f"network {network.mccmnc} ({network.source}{', ported' if network.ported else ''})"
    asked = [f"account {facts.account}", f"lane {facts.lane}", f"sender {facts.sender}"]
    asked += [f"{name} {value}" for name, value in (("tag", facts.tag), ("campaign", facts.campaign)) if value]
    return [
        f"number {facts.number}: {country}, {_LINES[line_of(facts.number, facts.country)]}, {known}",
        f"message of {', '.join(asked)}",
    ]


def route_lines(considered: Sequence[Considered]) -> list[str]:
    """Each route in turn, up to the one that takes it; of very many the last."""
    shown = considered[-_MOST_ROUTES:]
    left_out = len(considered) - len(shown)
    more = [f"{left_out:,} routes before these do not take it"] if left_out else []
    return more + [f'route "{one.route.name}": {_why(one) if one.takes else _why_not(one)}' for one in shown]


def is_anothers(considered: Considered) -> bool:
    """Whether the route asks for accounts, and the message's is none of them."""
    return any(reason.fact == "account" and reason.matched is None for reason in considered.reasons)


def tier_lines(tiering: Tiering, prices: Mapping[str, float] | None = None) -> list[str]:
    """The carriers in the order in which they are asked. `prices`: shown where given."""
    lines = []
    for place, tier in enumerate(tiering.tiers, 1):
        named = [_carrier(name, weight, prices or {}) for name, weight in _weighted(tier)]
        shared = " (whoever has room)" if len(named) > 1 and not tier.weights else ""
        lines.append(f"tier {place}: {', '.join(named)}{shared}")
    return lines


def outcome_lines(tiering: Tiering, carriers: Mapping[str, CarrierSaid], *, of_account: bool = False) -> list[str]:
    """How each carrier stands, and who gets the message if it is sent now. `of_account`: for its account to read."""
    said = {name: carriers.get(name, NOT_THERE) for tier in tiering.tiers for name in tier.carriers}
    words = {name: (one.to_accounts if of_account else None) or one.words for name, one in said.items()}
    return [*(f"{name}: {told}" for name, told in words.items()), _outcome(tiering, said)]


def _why(one: Considered) -> str:
    met = ", ".join(f"{_names(reason)} {reason.matched}" for reason in one.reasons)
    return f"yes: {met}" if met else "yes: it takes everything"


def _why_not(one: Considered) -> str:
    failed = next(reason for reason in one.reasons if reason.matched is None)
    wanted = ", ".join(failed.wanted[:_MOST_WANTED])
    more = f" and {len(failed.wanted) - _MOST_WANTED} more" if len(failed.wanted) > _MOST_WANTED else ""
    here = "none is known here" if failed.value is None else f"this is {failed.value}"
    return f"no: it takes {_names(failed)} {wanted}{more}, and {here}"


def _names(reason: Reason) -> str:
    return "network" if reason.fact == "mccmnc" else reason.fact


def _weighted(tier: Tier) -> Iterable[tuple[str, float | None]]:
    return zip(tier.carriers, tier.weights or (None,) * len(tier.carriers), strict=True)


def _carrier(name: str, weight: float | None, prices: Mapping[str, float]) -> str:
    said = [] if weight is None else [f"weight {weight:g}"]
    if name in prices:
        said.append(f"price {prices[name]:g}")
    return f"{name} ({', '.join(said)})" if said else name


def _outcome(tiering: Tiering, carriers: Mapping[str, CarrierSaid]) -> str:
    for place, tier in enumerate(tiering.tiers, 1):
        able = [name for name in tier.carriers if carriers[name].can_take and not carriers[name].is_last_resort]
        if not able:
            continue
        gets = f"{able[0]} gets it" if len(able) == 1 else f"{' or '.join(able)} gets it, {_by(tier)}"
        return gets + _and_then(place, tiering)
    resort = [name for name, one in carriers.items() if one.is_last_resort]
    if resort:
        return f"{' or '.join(resort)} gets it, as no other can"
    return "nobody can take it now: it waits, to the end of its validity"


def _by(tier: Tier) -> str:
    return "by their weights" if tier.weights else "whichever has room first"


def _and_then(place: int, tiering: Tiering) -> str:
    if place == len(tiering.tiers):
        return ""
    waited = f", or once the oldest has waited {tiering.overflow_ms / 1000:g} s" if tiering.overflow_ms else ""
    return f"; lower tiers when none above can send for a second{waited}"
