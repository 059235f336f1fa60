"""A webhook's URL -> what is connected to and asked for, or why it cannot be one.

What a host may resolve to is checked when connecting, by gateway.webhooks.addresses.
"""

import ipaddress
import re
import socket
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from gateway.webhooks.addresses import AddressGuard

LONGEST_URL = 2048
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_KEPT_IN_TARGET = "/?:@!$&'()*+,;=-._~%[]"
_DEFAULT_PORTS = {"https": 443, "http": 80}


class UrlError(ValueError):
    """The URL cannot be a webhook's; the text says why and never shows it (its query may hold a secret)."""


class Origin(NamedTuple):
    """What a connection is to, and what it may be reused for."""

    host: str
    """Lower case, in ASCII; an IPv6 address without brackets."""
    port: int
    encrypted: bool


class Target(NamedTuple):
    origin: Origin
    authority: bytes
    """The Host header."""
    path: bytes
    """Path and query, as on the request line."""


@lru_cache(maxsize=1024)
def parse_url(url: str) -> Target:
    """Raises UrlError."""
    if len(url) > LONGEST_URL:
        raise UrlError(f"has {len(url)} characters; {LONGEST_URL} are the most")
    if not url.isprintable() or " " in url:
        raise UrlError("has a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlError("is not a URL") from None
    if parts.scheme not in _DEFAULT_PORTS or port == 0:
        raise UrlError('is not a URL that events can be put to; write one such as "https://shop.example/sms"')
    if parts.username is not None or parts.password is not None:
        raise UrlError("carries a login; leave it out, since every event is signed")
    host = _ascii_host(parts.hostname or "")
    encrypted = parts.scheme == "https"
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{shown}:{port}"
    path = quote(parts.path or "/", safe=_KEPT_IN_TARGET) + (
        f"?{quote(parts.query, safe=_KEPT_IN_TARGET)}" if parts.query else ""
    )
    return Target(Origin(host, port or _DEFAULT_PORTS[parts.scheme], encrypted), authority.encode(), path.encode())


def host_of(url: str) -> str:
    """All of a URL that may be logged: its path and query may hold a secret."""
    try:
        return parse_url(url).origin.host
    except UrlError:
        return "?"


def url_refusal(url: str, guard: AddressGuard) -> str | None:
    """Why a URL is refused when it is submitted, as far as DNS need not be asked; None when it may be tried."""
    try:
        origin = parse_url(url).origin
    except UrlError as error:
        return str(error)
    if "#" in url:
        return "has a part after #, which is never sent; leave it out"
    literal = "127.0.0.1" if origin.host == "localhost" or origin.host.endswith(".localhost") else origin.host
    if _is_address(literal):
        return guard.refusal(literal, encrypted=origin.encrypted)
    if not origin.encrypted and not guard.allows_any_network:
        return "is not https; the operator can allow http inside webhooks.allow_networks"
    return None


def _ascii_host(host: str) -> str:
    if _is_address(host):
        return host
    try:
        name = host.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if _NAME.fullmatch(name) is None:
        raise UrlError("has no host name that can be resolved")
    return _dotted(name) or name


def _dotted(name: str) -> str | None:
    """The IPv4 address that resolvers read in `2130706433`, `0x7f.1` or `127.1` without asking DNS; None: a name."""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
