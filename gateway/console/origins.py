"""Where a request to the console comes from: its address, whether by TLS, and whether one of our own pages asked.

Only what trusted proxies say of it is believed (`http.trusted_proxies`).
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from quart import Request

from gateway.api.addresses import Address, Network, client_address, is_in


def address_of(request: Request, trusted: Sequence[Network]) -> Address | None:
    """The browser's address; None: it cannot be known."""
    return client_address(
        _peer(request), request.headers.getlist("X-Forwarded-For"), request.headers.getlist("Forwarded"), trusted
    )


def is_by_tls(request: Request, trusted: Sequence[Network]) -> bool:
    """Whether the proxy in front was asked by https; what others claim is not believed."""
    if not _is_from_proxy(request, trusted):
        return False
    forwarded = [part for value in request.headers.getlist("Forwarded") for part in value.split(",")][-1:]
    said = [pair.partition("=")[2] for part in forwarded for pair in part.split(";") if _name(pair) == "proto"]
    said += [part for value in request.headers.getlist("X-Forwarded-Proto") for part in value.split(",")][-1:]
    return any(word.strip().strip('"').lower() == "https" for word in said)


def is_ours(request: Request, trusted: Sequence[Network]) -> bool:
    """Whether a page of this console sent the form, as far as the browser tells.

    Browsers say `null` for the origin of a form of a page that tells no referrer, as ours; then Sec-Fetch-Site says
    it, and where there is none (no TLS, not this machine) the form's own field does.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None or origin == "null":
        return True
    hosts = [request.host]
    if _is_from_proxy(request, trusted):
        hosts += [part.strip() for part in request.headers.get("X-Forwarded-Host", "").split(",")[-1:]]
    return urlsplit(origin).netloc.lower() in [host.lower() for host in hosts if host]


def _peer(request: Request) -> str | None:
    peer = request.scope.get("client")
    return peer[0] if peer else None


def _is_from_proxy(request: Request, trusted: Sequence[Network]) -> bool:
    nearest = client_address(_peer(request), (), (), ())
    return nearest is not None and is_in(nearest, trusted)


def _name(pair: str) -> str:
    return pair.partition("=")[0].strip().lower()
