"""Addresses of this machine that connections to a carrier leave from, as its settings name them: one, or a list.

Whether they are this machine's shows when a connection is opened (gateway.carriers.dialing), and to `sluice doctor`.
"""

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

LocalAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_SUCH_AS = 'such as "198.51.100.10" or "2001:db8::10"'


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_one(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"is {value!r}; write an IP address of this machine, {_SUCH_AS}") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"is {value!r}, which is no machine's own; write an IP address of this one, {_SUCH_AS}")
    return str(address)


def _check_all(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("names an address twice; name each once, the binds take them in turn")
    if len({ipaddress.ip_address(value).version for value in values}) > 1:
        raise ValueError("has IPv4 and IPv6 addresses; a carrier is reached by one of them, keep those of one kind")
    return values


LocalAddresses = Annotated[
    list[Annotated[str, AfterValidator(_check_one)]], BeforeValidator(_listed), AfterValidator(_check_all)
]
"""All IPv4, or all IPv6; empty where the system is to choose."""


def is_of_other_family(local_address: str, host: str) -> bool:
    """Whether a host is written as an address that nothing can be connected to from the local one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.version != ipaddress.ip_address(local_address).version
