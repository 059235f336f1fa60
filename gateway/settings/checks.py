"""What must hold between settings that are each fine alone: names that are there, times that fit, other addresses."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.settings.carrier_checks import carrier_contradictions
from gateway.settings.countries import country_contradictions
from gateway.settings.opt_outs import meant_twice
from gateway.settings.patterns import SenderPatterns
from gateway.settings.problems import Fault
from gateway.settings.route_checks import route_contradictions
from gateway.settings.sections import BUILT_IN_LANES
from gateway.settings.types import Network, format_duration

if TYPE_CHECKING:
    from gateway.settings import Settings


def missing_sections(data: Mapping[str, Any]) -> Iterator[Fault]:
    """One account, one carrier and one route are the least; each reason ends with the lines to paste."""
    carriers = ", ".join(f'"{name}"' for name in _table(data, "carriers")) or '"telco"'
    pastes = {
        "carriers": '[carriers.telco]\nhosts = ["smpp.telco.example:2775"]\n'
        'system_id = "..."\npassword_file = "telco_password"',
        "routes": f'[[routes]]\nname = "rest"\ntiers = [{carriers}]',
        "accounts": "[accounts.shop]\n"
        'tokens = [{ sha256 = "..." }]   # `sluice token shop` prints it\nsenders = ["SHOP"]',
    }
    for section, lines in pastes.items():
        if not data.get(section):
            indented = lines.replace("\n", "\n    ")
            yield Fault((section,), f"has no entry, and one is needed; add:\n    {indented}")


def dangling_names(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Names of carriers, lanes and accounts that are not there; found in whatever was given, be the rest wrong."""
    carriers, accounts = list(_table(data, "carriers")), list(_table(data, "accounts"))
    lanes = list({**BUILT_IN_LANES, **_table(data, "lanes")})
    routes = data.get("routes")
    for number, route in enumerate(routes if isinstance(routes, list) else []):
        if not isinstance(route, dict):
            continue
        at, match = ("routes", number), _table(route, "match")
        yield from _unknown((*at, "tiers"), _texts(route.get("tiers")), carriers, "carrier")
        yield from _unknown((*at, "match", "lane"), _texts(match.get("lane")), lanes, "lane")
        yield from _unknown((*at, "match", "account"), _texts(match.get("account")), accounts, "account")
    for name, carrier in _table(data, "carriers").items():
        if isinstance(carrier, dict):
            flagged = list(_table(carrier, "priority_flags"))
            yield from _unknown(("carriers", name, "priority_flags"), flagged, lanes, "lane")
    for name, account in _table(data, "accounts").items():
        if isinstance(account, dict):
            lane = _texts(account.get("default_lane"))
            yield from _unknown(("accounts", name, "default_lane"), lane, lanes, "lane")


def contradictions(settings: "Settings") -> Iterator[Fault]:
    """What contradicts itself in settings that are each fine alone."""
    checks: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
        _listeners,
        _retention,
        _retries,
        _carriers,
        _trace_files,
        route_contradictions,
        _accounts,
        _tokens,
        _endpoints,
        _alerts,
        _keywords,
        country_contradictions,
    )
    for check in checks:
        yield from check(settings)


def _keywords(settings: "Settings") -> Iterator[Fault]:
    for kind, place, word, other in meant_twice(settings.opt_outs):
        yield Fault(("opt_outs", kind, place), f'is "{word}", which means {other} already; remove one of them')


def _listeners(settings: "Settings") -> Iterator[Fault]:
    seen: set[str] = set()
    places: list[tuple[tuple[str | int, ...], list[str]]] = [
        (("http", "listen"), settings.http.listen),
        (("http", "submit_listen"), settings.http.submit_listen),
        (("operator", "listen"), settings.operator.listen),
        *((("carriers", name, "outbind_listen"), one.outbind_listen) for name, one in settings.carriers.items()),
    ]
    for path, listen in places:
        for number, address in enumerate(listen):
            if address in seen and not address.endswith(":0"):
                yield Fault((*path, number), f'is "{address}", which is listened on already; take another port')
            seen.add(address)


def _retention(settings: "Settings") -> Iterator[Fault]:
    kept = settings.retention.messages
    for lane in settings.lanes.values():
        if lane.text_kept > kept:
            reason = (
                f'is "{format_duration(lane.text_kept)}", longer than retention.messages ("{format_duration(kept)}")'
            )
            yield Fault(("lanes", lane.name, "text_kept"), f"{reason}, which takes the text with it; shorten it")
    if settings.retention.idempotency > kept:
        reason = (
            f'is "{format_duration(settings.retention.idempotency)}", longer than retention.messages '
            f'("{format_duration(kept)}"), without which a first answer cannot be given again'
        )
        yield Fault(("retention", "idempotency"), f"{reason}; shorten it, or lengthen that")
    if settings.carriers:
        lane = max(settings.lanes.values(), key=lambda lane: lane.validity)
        carrier = max(settings.carriers.values(), key=lambda carrier: carrier.receipt_horizon)
        least = lane.validity + carrier.receipt_horizon
        if kept < least:
            validity, horizon = format_duration(lane.validity), format_duration(carrier.receipt_horizon)
            reason = (
                f'is "{format_duration(kept)}", but a receipt may come later: validity is "{validity}" in lane '
                f'{lane.name}, and receipt_horizon "{horizon}" at carrier {carrier.name}'
            )
            yield Fault(("retention", "messages"), f'{reason}; give "{format_duration(least)}" or more')
    if settings.retention.events < settings.webhooks.horizon:
        reason = f'is "{format_duration(settings.retention.events)}", shorter than webhooks.horizon'
        yield Fault(("retention", "events"), f'{reason}; give "{format_duration(settings.webhooks.horizon)}" or more')


def _retries(settings: "Settings") -> Iterator[Fault]:
    for lane in settings.lanes.values():
        if lane.retry_floor > lane.retry_ceiling:
            reason = f'is "{format_duration(lane.retry_ceiling)}", shorter than retry_floor'
            remedy = f'give "{format_duration(lane.retry_floor)}" or more, or a shorter retry_floor'
            yield Fault(("lanes", lane.name, "retry_ceiling"), f"{reason}; {remedy}")


def _carriers(settings: "Settings") -> Iterator[Fault]:
    for carrier in settings.carriers.values():
        yield from carrier_contradictions(carrier)


def _trace_files(settings: "Settings") -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for carrier in settings.carriers.values():
        if carrier.trace_file is None:
            continue
        at = ("carriers", carrier.name, "trace_file")
        if not Path(carrier.trace_file).is_absolute():
            reason = "is relative, and the gateway may be started anywhere; give the whole path, such as"
            yield Fault(at, f'{reason} "/var/lib/sluice/{carrier.name}.trace"')
            continue
        # Two that write into one capture file make it unreadable: each would count its connections by itself.
        if (other := taken.setdefault(str(Path(carrier.trace_file).resolve()), carrier.name)) != carrier.name:
            yield Fault(at, f"is the file of carrier {other} already; give each its own")


def _accounts(settings: "Settings") -> Iterator[Fault]:
    for account in settings.accounts.values():
        at = ("accounts", account.name)
        if not account.tokens:
            reason = (
                f"is empty, so nobody could call; run `sluice token {account.name}` and paste the line that it prints"
            )
            yield Fault((*at, "tokens"), reason)
        if not account.senders:
            yield Fault(
                (*at, "senders"), 'is empty, so nothing could be sent; give some, such as ["SHOP"], or ["*"] for all'
            )
        sender = account.default_sender
        if sender is not None and not SenderPatterns(account.senders).match(sender):
            yield Fault((*at, "default_sender"), f'is "{sender}", which senders does not allow; add it there')


def _tokens(settings: "Settings") -> Iterator[Fault]:
    seen: dict[str, str] = {}
    places: list[tuple[tuple[str | int, ...], str, str]] = [
        (("operator", "tokens", number), "the operator", token.sha256)
        for number, token in enumerate(settings.operator.tokens)
    ]
    for account in settings.accounts.values():
        for number, token in enumerate(account.tokens):
            places.append((("accounts", account.name, "tokens", number), f"account {account.name}", token.sha256))
    for path, owner, sha256 in places:
        if sha256 in seen:
            yield Fault(path, f"is the same token as one of {seen[sha256]}; give each its own")
        seen.setdefault(sha256, owner)


def _endpoints(settings: "Settings") -> Iterator[Fault]:
    allowed = settings.webhooks.allow_networks
    own = settings.operator.webhook
    if own is not None and (reason := _refused_endpoint(own.url, allowed)) is not None:
        yield Fault(("operator", "webhook", "url"), reason)
    for account in settings.accounts.values():
        if account.webhook is not None and (reason := _refused_endpoint(account.webhook.url, allowed)) is not None:
            yield Fault(("accounts", account.name, "webhook", "url"), reason)


def _alerts(settings: "Settings") -> Iterator[Fault]:
    alerts, reserve = settings.alerts, settings.store.disk_reserve
    if "disk_low" in alerts.model_fields_set and alerts.disk_low < reserve:
        reason = f"is below store.disk_reserve ({reserve}), where calls are refused already; raise it"
        yield Fault(("alerts", "disk_low"), reason)
    if settings.operator.webhook is not None and "operator" in settings.accounts:
        reason = "has the name by which metrics and logs call operator.webhook; rename it"
        yield Fault(("accounts", "operator"), reason)


def _refused_endpoint(url: str, allowed: list[Network]) -> str | None:
    """Why an endpoint can never be connected to. A host's name is looked up when connecting, and checked again then."""
    parts = urlsplit(url)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        if parts.scheme == "http" and not allowed:
            return "is http, which is taken into webhooks.allow_networks alone, and none is set; write https"
        return None
    if any(address in network for network in allowed):
        return None
    if parts.scheme == "http":
        return f'is http, and {address} is in no network of webhooks.allow_networks; write https, or add "{address}"'
    if not address.is_global:
        return f'points to {address}, which is inside; if that is meant, add "{address}" to webhooks.allow_networks'
    return None


def _unknown(path: tuple[str | int, ...], names: list[str], known: list[str], what: str) -> Iterator[Fault]:
    for name in names:
        if name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "there is none"
            yield Fault(path, f'names the {what} "{name}", which is not there; {there}')


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    """The texts in a value: itself, all in a list of texts and lists, or the keys of a table."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return list(value)
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []
