"""Carriers' hosts: a TCP connection to each, and a handshake with the carrier's own TLS; nothing is bound."""

import ssl
from collections.abc import Iterator
from typing import NamedTuple

import trio

from gateway.carriers.dialing import dial_from, handshaken, refuse_foreign
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.cli.doctor.reaching import certificate_days
from gateway.settings.carriers import Carrier
from gateway.settings.tls import Tls
from gateway.settings.types import split_address

NAME = "tls"
_find = Findings(NAME)
_DAYS_SOON = 21


class _Way(NamedTuple):
    carrier: Carrier
    host: str
    local_address: str | None


async def check(case: Case) -> list[Finding]:
    ways = list(_ways(case))
    found: dict[int, list[Finding]] = {}

    async def try_(number: int, way: _Way) -> None:
        found[number] = await _tried(case, way)

    async with trio.open_nursery() as nursery:
        for number, way in enumerate(ways):
            nursery.start_soon(try_, number, way)
    every = [finding for number in range(len(ways)) for finding in found[number]]
    callers = [carrier for carrier in case.settings.carriers.values() if not carrier.hosts]
    words = "only calls (outbind_listen): nobody to connect to"
    return every + [_find.note(f"carriers.{carrier.name}", words) for carrier in callers]


def _ways(case: Case) -> Iterator[_Way]:
    for carrier in case.settings.carriers.values():
        addresses: list[str | None] = [*carrier.local_address] or [None]
        for host in carrier.hosts:
            for own in addresses:
                yield _Way(carrier, host, own)


async def _tried(case: Case, way: _Way) -> list[Finding]:
    carrier = way.carrier
    about = f"carriers.{carrier.name} ({way.host})"
    if way.local_address is not None:
        about = f"carriers.{carrier.name} ({way.local_address} to {way.host})"
        try:
            refuse_foreign(way.local_address)
        except OSError as error:
            remedy = "give the machine that address (`ip address add`), or correct local_address"
            return [_find.fault(about, str(error), remedy)]
    host, port = split_address(way.host)
    began = trio.current_time()
    try:
        with trio.fail_after(carrier.connect_timeout):
            transport = await dial_from(way.local_address)(host, port)
            connected = trio.current_time()
            if carrier.tls is None:
                await trio.aclose_forcefully(transport)
                return [_find.ok(about, f"connected after {(connected - began) * 1000:.0f} ms; TLS is not set")]
            return await _encrypted(case, carrier.tls, host, transport, about)
    except trio.TooSlowError:
        remedy = "ask the carrier whether it lets our address in; look at the firewall on the way out"
        return [_find.fault(about, f"no connection within {carrier.connect_timeout:g} s", remedy)]
    except OSError as error:
        return [_find.fault(about, _words(error), _remedy(error))]


def _words(error: OSError) -> str:
    """Without what Trio says around it."""
    cause = error.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    known = cause if isinstance(cause, OSError) else error
    return known.strerror or str(known)


def _remedy(error: OSError) -> str:
    if str(error).startswith("TLS:"):
        return "do as the reason says; ask the carrier for its TLS terms where it does not help"
    if isinstance(error.__cause__, ConnectionRefusedError) or "refused" in _words(error):
        return "correct host and port, or ask the carrier whether it is up and whether it lets our address in"
    return "correct hosts; look at DNS, routes and the firewall on the way out"


async def _encrypted(case: Case, tls: Tls, host: str, transport: trio.abc.Stream, about: str) -> list[Finding]:
    context = tls.context()
    stream = trio.SSLStream(transport, context, server_hostname=tls.server_name or host)
    began = trio.current_time()
    await handshaken(stream)
    took = trio.current_time() - began
    certificate, version = stream.getpeercert(), stream.version()
    await trio.aclose_forcefully(stream)
    seen = f"{version} after {took * 1000:.0f} ms"
    if context.verify_mode is ssl.CERT_NONE:
        remedy = "set tls.ca_file to the carrier's authority, and take tls.verify out"
        return [_find.warning(about, f"{seen}; whose certificate it is was not looked at (tls.verify)", remedy)]
    days = certificate_days(certificate, case.machine.now_seconds())
    names = ", ".join(value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    seen += f"; certificate for {names or 'no name'}"
    if days is None:
        return [_find.ok(about, seen)]
    seen += f", {days:.0f} days left"
    if days < _DAYS_SOON:
        return [_find.warning(about, seen, "ask the carrier when it renews the certificate")]
    return [_find.ok(about, seen)]
