"""What must hold inside a route and between routes, that are each fine alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.settings.problems import Fault
from gateway.settings.routes import ANY_NUMBER, Route, Strategy

if TYPE_CHECKING:
    from gateway.settings import Settings


def route_contradictions(settings: "Settings") -> Iterator[Fault]:
    """Every route's own, and names and places among them."""
    names: set[str] = set()
    takes_all: str | None = None
    for number, route in enumerate(settings.routes):
        if route.name in names:
            yield Fault(("routes", number, "name"), f'is "{route.name}", as an earlier route is; give it another name')
        names.add(route.name)
        for reason_at, reason in (*_tiers(route), *_strategy(route), *_prices(route)):
            yield Fault(("routes", number, *reason_at), reason)
        if takes_all is not None:
            reason = f'("{route.name}") is never reached, since route "{takes_all}" before it takes all; put it first'
            yield Fault(("routes", number), reason)
        elif not any(getattr(route.match, key) for key in type(route.match).model_fields):
            takes_all = route.name


_Found = Iterator[tuple[tuple[str | int, ...], str]]


def _tiers(route: Route) -> _Found:
    carriers = route.carriers
    for name in sorted({name for name in carriers if carriers.count(name) > 1}):
        yield ("tiers",), f'has "{name}" twice; keep one'
    if route.overflow_after is not None and len(set(carriers)) == 1:
        yield ("overflow_after",), "does nothing: the route has one carrier; remove it"


def _strategy(route: Route) -> _Found:
    strategy = route.strategy
    if strategy in {Strategy.CHEAPEST, Strategy.QUALITY}:
        for number, tier in enumerate(route.tiers):
            if isinstance(tier, dict):
                yield ("tiers", number), f'has weights, which strategy "{strategy}" does not use; write a list'
    if strategy is not Strategy.QUALITY:
        for key in ("explore", "quality_window"):
            if getattr(route, key) != Route.model_fields[key].default:
                yield (key,), 'does nothing without strategy "quality"; remove it, or set that'


def _prices(route: Route) -> _Found:
    for name in route.prices:
        if name not in route.carriers:
            yield ("prices",), f'names the carrier "{name}", which is not in its tiers'
    if route.strategy is Strategy.CHEAPEST:
        for name in dict.fromkeys(route.carriers):
            if ANY_NUMBER not in route.prices.get(name, {}):
                example = f'add {name} = {{ "*" = 0.05 }}' if name not in route.prices else 'add "*" = 0.05 to it'
                lack = f"lacks carrier {name}" if name not in route.prices else f'lacks "*" for carrier {name}'
                yield ("prices",), f'{lack}, and strategy "cheapest" needs a price of each; {example}'
