"""Listeners: whether their ports are free or the gateway's own, and whether operators' are open to the world."""

import errno
import ipaddress
import socket
from collections.abc import Iterator

import trio

from gateway.cli.configured import called_at
from gateway.cli.doctor.case import Case
from gateway.cli.doctor.findings import Finding, Findings
from gateway.settings.types import split_address

NAME = "listeners"
_find = Findings(NAME)
_CONNECT_SECONDS = 3.0
_SOCKETS = ("sluice.socket", "sluice-operator.socket", "sluice-submit.socket")


async def check(case: Case) -> list[Finding]:
    settings, runs = case.settings, case.owner is not None
    given = {
        "http.listen": settings.http.listen,
        "http.submit_listen": settings.http.submit_listen,
        "operator.listen": settings.operator.listen,
    }
    for carrier in settings.carriers.values():
        given[f"carriers.{carrier.name}.outbind_listen"] = carrier.outbind_listen
    places = [(key, address) for key, addresses in given.items() for address in addresses]
    if runs:
        found = [await _ours(*place) for place in places]
    else:
        is_handed_over = await _is_handed_over(case)
        found = [_free(*place, is_handed_over=is_handed_over) for place in places]
    return [*found, *_exposed(settings.operator.listen)]


async def _ours(key: str, address: str) -> Finding:
    """While a gateway runs, something should answer there."""
    host, port = called_at(address)
    about = f"{key} ({address})"
    if port == 0:
        return _find.ok(about, "any free port; the log says which the running gateway has")
    try:
        with trio.fail_after(_CONNECT_SECONDS):
            stream = await trio.open_tcp_stream(host, port)
    except (OSError, trio.TooSlowError):
        remedy = (
            "restart the gateway: it runs with another address, or it was changed since (a reload does not move it)"
        )
        return _find.warning(about, "a gateway runs, and nothing listens here", remedy)
    await stream.aclose()
    return _find.ok(about, "is listened on")


async def _is_handed_over(case: Case) -> bool:
    """Whether systemd listens in the gateway's stead."""
    for unit in _SOCKETS:
        said = await case.machine.unit(unit, ["ActiveState"])
        if said is not None and said.get("ActiveState") == "active":
            return True
    return False


def _free(key: str, address: str, *, is_handed_over: bool) -> Finding:
    host, port = split_address(address)
    about = f"{key} ({address})"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            tried.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and is_handed_over:
            return _find.ok(about, "is held by systemd, which hands it over (sluice.socket)")
        return _taken(about, port, error)
    return _find.ok(about, "is free")


def _taken(about: str, port: int, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        remedy = f"see who has it: `ss -ltnp 'sport = :{port}'`; end that, or take another port"
        return _find.fault(about, "another process listens there", remedy)
    if error.errno == errno.EACCES:
        remedy = "take a port from 1024 on, or hand the socket over by systemd (sluice.socket)"
        return _find.fault(about, "this user may not listen on it", remedy)
    if error.errno == errno.EADDRNOTAVAIL:
        return _find.fault(about, "is no address of this machine", "correct it; `ip address` lists the machine's own")
    return _find.fault(about, f"can't be listened on: {error.strerror}", "correct the address")


def _exposed(addresses: list[str]) -> Iterator[Finding]:
    """Texts of messages can be revealed there, and its tokens go without TLS."""
    remedy = "listen on 127.0.0.1 (and come by ssh -L, or a proxy with TLS), or on an address of the inside network"
    for address in addresses:
        own = ipaddress.ip_address(split_address(address)[0].partition("%")[0])
        if own.is_unspecified:
            seen = "listens on every address of this machine, without TLS"
            yield _find.warning(f"operator.listen ({address})", seen, remedy)
        elif own.is_global:
            seen = "listens on a public address, without TLS"
            yield _find.warning(f"operator.listen ({address})", seen, remedy)
