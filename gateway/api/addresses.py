"""Whose address a request comes from: the peer's own, or what trusted proxies say of it.

Only what trusted proxies appended is believed: the chain is read from the right, up to the first address that is no
proxy of ours.
"""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def client_address(
    peer: str | None, forwarded_for: Sequence[str], forwarded: Sequence[str], trusted: Sequence[Network]
) -> Address | None:
    """The caller's address; None when it cannot be known, and is thus in no network.

    `forwarded_for` and `forwarded` are the values of X-Forwarded-For and Forwarded (RFC 7239), in order. A proxy that
    writes one of them lets the other through as the caller sent it, so where both are there they must agree.
    """
    address = _parse(peer or "")
    if address is None or not is_in(address, trusted):
        return address
    chains = [
        [part for value in forwarded_for for part in value.split(",")],
        [_for_of(part) for value in forwarded for part in value.split(",")],
    ]
    found = {_first_untrusted(chain, address, trusted) for chain in chains if chain}
    if not found:
        return address
    return found.pop() if len(found) == 1 else None


def _first_untrusted(chain: list[str], nearest: Address, trusted: Sequence[Network]) -> Address | None:
    address: Address | None = nearest
    for text in reversed(chain):
        address = _parse(text)
        if address is None or not is_in(address, trusted):
            return address
    return address


def _for_of(element: str) -> str:
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""


def _parse(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, quoted, in brackets. None for anything else."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A socket that listens on both kinds tells IPv4 peers as ::ffff:192.0.2.7.
    return getattr(address, "ipv4_mapped", None) or address
