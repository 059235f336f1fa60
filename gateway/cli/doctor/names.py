"""Names: every carrier's and webhook's host as the system's resolver answers for it, and how long that takes."""

import ipaddress
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import trio

from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.cli.doctor.reaching import endpoints
from gateway.settings import Settings
from gateway.settings.types import split_address
from gateway.webhooks.lookups import Lookups

NAME = "dns"
_find = Findings(NAME)
_SLOW_SECONDS = 1.0
_LIMIT_SECONDS = 10.0


class _Name(NamedTuple):
    about: str
    host: str
    version: int | None
    """Of IP, where only one can be used."""


async def check(case: Case) -> list[Finding]:
    names = list(dict.fromkeys(_names(case.settings)))
    found: dict[_Name, Finding] = {}
    lookups = Lookups()

    async def ask(name: _Name) -> None:
        found[name] = await _asked(lookups, name)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(ask, name)
    return [found[name] for name in names] or [_find.ok("hosts", "all are written as addresses; none has to be asked")]


def _names(settings: Settings) -> Iterator[_Name]:
    """Those that are not written as addresses."""
    for carrier in settings.carriers.values():
        own = next(iter(carrier.local_address), None)
        version = None if own is None else ipaddress.ip_address(own).version
        for host in carrier.hosts:
            yield from _unless_address(f"carriers.{carrier.name}.hosts", split_address(host)[0], version)
    for endpoint in endpoints(settings):
        if endpoint.origin is not None:
            yield from _unless_address(endpoint.about, endpoint.origin.host)
    if settings.lookup.url:
        yield from _unless_address("lookup.url", urlsplit(settings.lookup.url).hostname or "")


def _unless_address(about: str, host: str, version: int | None = None) -> Iterator[_Name]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        yield _Name(about, host, version)


async def _asked(lookups: Lookups, name: _Name) -> Finding:
    about = f"{name.about} ({name.host})"
    began = trio.current_time()
    remedy = f"correct the name, or mend DNS: `getent ahosts {name.host}`, /etc/resolv.conf"
    addresses: list[str] | None = None
    with trio.move_on_after(_LIMIT_SECONDS):
        try:
            addresses = await lookups(name.host, 1)
        except OSError as error:
            return _find.fault(about, f"has no address: {error.strerror or error}", remedy)
    if addresses is None:
        return _find.fault(about, f"no answer within {_LIMIT_SECONDS:g} s", remedy)
    took = trio.current_time() - began
    seen = f"{', '.join(addresses)} after {took * 1000:.0f} ms"
    if name.version is not None and all(_version(one) != name.version for one in addresses):
        remedy = "leave from an address of the other kind (local_address), or ask the carrier for one of this kind"
        return _find.fault(about, f"{seen}: none is IPv{name.version}, as local_address is", remedy)
    if took > _SLOW_SECONDS:
        remedy = "use a nearer name server, or a cache on this machine (systemd-resolved, unbound)"
        return _find.warning(about, seen, remedy)
    return _find.ok(about, seen)


def _version(address: str) -> int:
    return ipaddress.ip_address(address.partition("%")[0]).version
