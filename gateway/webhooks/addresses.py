"""Which addresses a webhook may reach: public ones, and inside networks that the operator allowed.

A name is resolved once, every address is checked, and the very address checked is connected to, so that neither a URL
nor DNS that answers differently the second time can point the gateway at the network it lives in.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import trio

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> addresses as text, best first. Raises OSError when the name has none."""

_MOST_ADDRESSES_TRIED = 4
_HOW_TO_ALLOW = "the operator can allow its network in webhooks.allow_networks"

# IANA special-purpose registries, written out: what `is_global` of the ipaddress module says changed between Pythons.
_SPECIAL_IPV4 = tuple(
    (ipaddress.IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL_IPV6 = tuple(
    (ipaddress.IPv6Network(network), kind)
    for network, kind in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        # Both carry an IPv4 address that nobody could check: 6to4, and Teredo among the protocol assignments.
        ("2002::/16", "6to4"),
        ("2001::/23", "reserved"),
    )
)


class AddressError(Exception):
    """No address of the host may be reached by webhooks. The text is for the account: it names no address."""


class AddressGuard:
    """Judges addresses by the operator's `webhooks.allow_networks`."""

    def __init__(self, allow_networks: Iterable[Network]) -> None:
        self._allowed = tuple(allow_networks)

    @property
    def allows_any_network(self) -> bool:
        return bool(self._allowed)

    def refusal(self, address: str, *, encrypted: bool) -> str | None:
        """Why this address may not be connected to; None when it may. Without TLS only allowed networks are reached."""
        try:
            parsed = _unmapped(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return "has no IP address"
        if any(parsed.version == network.version and parsed in network for network in self._allowed):
            return None
        kind = _special_kind(parsed)
        if kind is not None:
            return f"lies in an inside network ({kind}); {_HOW_TO_ALLOW}"
        if not encrypted:
            return f"is called without TLS; use https, or {_HOW_TO_ALLOW}"
        return None


ANY_ADDRESS = AddressGuard([ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0")])
"""For what the operator itself has written down."""


async def open_checked(
    host: str, port: int, *, encrypted: bool, guard: AddressGuard, resolve: Resolve, timeout: float
) -> trio.SocketStream:
    """A TCP stream to a checked address of the host; `timeout` seconds are shared by the addresses tried.

    Raises AddressError when no address may be reached, OSError when none can be.
    """
    addresses = await resolve(host, port)
    reasons = {address: guard.refusal(address, encrypted=encrypted) for address in addresses}
    permitted = [address for address, reason in reasons.items() if reason is None][:_MOST_ADDRESSES_TRIED]
    if not permitted:
        reason = next(iter(reasons.values()), None)
        raise AddressError(f"{host} {reason or 'has no IP address'}")
    failure: OSError = OSError("no connection")
    for address in permitted:
        with trio.move_on_after(timeout / len(permitted)) as scope:
            try:
                return await _connect(address, port)
            except OSError as error:
                failure = error
        if scope.cancelled_caught:
            failure = TimeoutError("no connection in time")
    raise failure


async def _connect(address: str, port: int) -> trio.SocketStream:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


def _unmapped(address: Address) -> Address:
    """The IPv4 address that the kernel would connect to for `::ffff:a.b.c.d`."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped if mapped is not None else address


def _special_kind(address: Address) -> str | None:
    if isinstance(address, ipaddress.IPv4Address):
        return next((kind for network, kind in _SPECIAL_IPV4 if address in network), None)
    if address in _NAT64:
        # DNS64 gives these for hosts that have IPv4 only (RFC 6052): what counts is the address behind.
        return _special_kind(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    kind = next((kind for network, kind in _SPECIAL_IPV6 if address in network), None)
    return kind if kind is not None or address in _GLOBAL_IPV6 else "reserved"
