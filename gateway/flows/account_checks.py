"""The rules of each account, made from the settings: whoever takes messages of callers checks them by the same."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import trio

from gateway.flows.templates import TemplatesOfAll
from gateway.rules.checks import ItemCheck
from gateway.rules.quiet_hours import QuietHours
from gateway.rules.routing import router_of
from gateway.settings import Settings
from gateway.webhooks.addresses import AddressGuard
from gateway.webhooks.urls import url_refusal

Check = TypeVar("Check", bound=ItemCheck)
_PER_TURN = 50
"""Numbers read without a pause."""


class NetworksKnown(Protocol):
    """Who knows numbers' networks: flows/number_facts."""

    @property
    def asks(self) -> bool: ...

    def mccmnc_of(self, number: str) -> str | None: ...

    async def warm(self, numbers: Iterable[str]) -> None: ...


async def look_up_networks(networks: NetworksKnown | None, check: ItemCheck, items: Sequence[Any]) -> None:
    """Ask ahead for the networks of the items' numbers, where a route minds them and there is whom to ask."""
    if networks is None or not networks.asks or not check.minds_networks:
        return
    numbers = []
    for place, item in enumerate(items, 1):
        numbers.append(check.number_in(item))
        if place % _PER_TURN == 0:
            await trio.lowlevel.checkpoint()
    await networks.warm(number for number in numbers if number is not None)


def checks_of(
    settings: Settings,
    kind: type[Check],
    schedule_ahead: float,
    templates: TemplatesOfAll | None = None,
    networks: NetworksKnown | None = None,
) -> Mapping[str, Check]:
    """The rules of each account. `schedule_ahead`: seconds; `templates`: those that items may name; `networks`: who
    knows them, of routes that mind them."""
    router = router_of(settings.routes)
    tags = {name: frozenset(carrier.message_tlvs) for name, carrier in settings.carriers.items()}
    taken = {r.name: {tags[name] for tier in r.carriers_by_tier for name in tier} for r in settings.routes}
    # What a lower tier is dealt before its time it gives back (store/cutting).
    holding = [
        r.name for r in settings.routes if all(settings.carriers[c].holds_schedules for c in r.carriers_by_tier[0])
    ]
    quiet = QuietHours(settings.countries, settings.lanes.values())
    refusal = partial(url_refusal, guard=AddressGuard(settings.webhooks.allow_networks))
    return {
        name: kind(
            account,
            lanes=settings.lanes,
            router=router,
            schedule_ahead=schedule_ahead,
            longest_validity=settings.longest_validity,
            url_refusal=refusal,
            message_tlvs=taken,
            holding=holding,
            templates=None if templates is None else templates.of(name),
            countries=settings.countries,
            quiet=quiet,
            network_of=None if networks is None else networks.mccmnc_of,
        )
        for name, account in settings.accounts.items()
    }
