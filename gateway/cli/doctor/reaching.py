"""Every webhook endpoint reached once, for all checks that want to know: its addresses, connection, TLS and clock.

No event is posted: what is asked over the connection is a HEAD of its front page, for the Date in the answer.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import trio

from gateway.settings import Settings
from gateway.webhooks.addresses import AddressError, AddressGuard, Resolve, open_checked
from gateway.webhooks.failures import in_words, tls_reason
from gateway.webhooks.lookups import Lookups
from gateway.webhooks.urls import Origin, UrlError, parse_url, url_refusal

_DAY_SECONDS = 86_400
_HEAD_OCTETS = 16_384


class Endpoint(NamedTuple):
    """Whose, and where."""

    about: str
    """The key of the configuration that names it."""
    origin: Origin | None
    refusal: str | None
    """Why its URL may not be posted to, as far as DNS is not needed for that."""


class Reached(NamedTuple):
    """What came of it."""

    endpoint: Endpoint
    refusal: str | None = None
    """Why its addresses may not be connected to."""
    failure: str | None = None
    """Why there is no connection."""
    tls_failure: str | None = None
    seconds: float = 0.0
    """To connect, TLS included."""
    days_left: float | None = None
    """Of its certificate."""
    clock_ahead: float | None = None
    """Seconds that its clock is before ours; None: it does not tell the time."""


def endpoints(settings: Settings) -> Iterator[Endpoint]:
    """The accounts' own, and the operators'."""
    guard = AddressGuard(settings.webhooks.allow_networks)
    given = {f"accounts.{account.name}.webhook": account.webhook for account in settings.accounts.values()}
    for about, webhook in [*given.items(), ("operator.webhook", settings.operator.webhook)]:
        if webhook is not None:
            yield Endpoint(about, _origin(webhook.url), url_refusal(webhook.url, guard))


def _origin(url: str) -> Origin | None:
    try:
        return parse_url(url).origin
    except UrlError:
        return None


class Reaching:
    """Once for all who ask."""

    def __init__(self, settings: Settings, now_seconds: Callable[[], float], resolve: Resolve | None = None) -> None:
        """`resolve`: the system's resolver where not said."""
        self._settings = settings
        self._now_seconds = now_seconds
        self._guard = AddressGuard(settings.webhooks.allow_networks)
        self._lookups = resolve or Lookups()
        self._once = trio.Lock()
        self._all: list[Reached] | None = None

    async def all(self) -> list[Reached]:
        """Each endpoint, in the order of the configuration."""
        async with self._once:
            if self._all is None:
                found: dict[str, Reached] = {}
                known = list(endpoints(self._settings))
                async with trio.open_nursery() as nursery:
                    for endpoint in known:
                        nursery.start_soon(self._into, found, endpoint)
                self._all = [found[endpoint.about] for endpoint in known]
        return self._all

    async def _into(self, found: dict[str, Reached], endpoint: Endpoint) -> None:
        found[endpoint.about] = await self._reach(endpoint)

    async def _reach(self, endpoint: Endpoint) -> Reached:
        origin, timeout = endpoint.origin, self._settings.webhooks.timeout
        if origin is None or endpoint.refusal is not None:
            return Reached(endpoint, refusal=endpoint.refusal)
        began = trio.current_time()
        try:
            with trio.fail_after(timeout):
                transport = await open_checked(
                    origin.host,
                    origin.port,
                    encrypted=origin.encrypted,
                    guard=self._guard,
                    resolve=self._lookups,
                    timeout=timeout,
                )
                return await self._greeted(endpoint, origin, transport, began)
        except trio.TooSlowError:
            return Reached(endpoint, failure=f"nothing within {timeout:g} s")
        except AddressError as error:
            return Reached(endpoint, refusal=str(error).removeprefix(f"{origin.host} "))
        except OSError as error:
            return Reached(endpoint, failure=_words(error))

    async def _greeted(self, endpoint: Endpoint, origin: Origin, transport: trio.SocketStream, began: float) -> Reached:
        stream: trio.abc.Stream = transport
        days_left = None
        try:
            if origin.encrypted:
                encrypted = trio.SSLStream(
                    transport, ssl.create_default_context(), server_hostname=origin.host, https_compatible=True
                )
                stream = encrypted
                try:
                    await encrypted.do_handshake()
                except trio.BrokenResourceError as error:
                    return Reached(endpoint, tls_failure=tls_reason(error))
                days_left = certificate_days(encrypted.getpeercert(), self._now_seconds())
            took = trio.current_time() - began
            ahead = await self._clock_ahead(stream, origin)
            return Reached(endpoint, seconds=took, days_left=days_left, clock_ahead=ahead)
        finally:
            await trio.aclose_forcefully(stream)

    async def _clock_ahead(self, stream: trio.abc.Stream, origin: Origin) -> float | None:
        """By the Date of its answer, which is of the whole second."""
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        asked = self._now_seconds()
        received = b""
        try:
            await stream.send_all(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            while b"\r\n\r\n" not in received and len(received) < _HEAD_OCTETS:
                more = await stream.receive_some(_HEAD_OCTETS)
                if not more:
                    break
                received += more
        except (OSError, trio.BrokenResourceError):
            return None
        answered = self._now_seconds()
        told = _date(received)
        return None if told is None else told + 0.5 - (asked + answered) / 2


def _words(error: OSError) -> str:
    """Those of name servers have numbers of their own."""
    return str(error.strerror) if isinstance(error, socket.gaierror) else in_words(error)


def _date(head: bytes) -> float | None:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "date":
            try:
                return parsedate_to_datetime(value.strip()).timestamp()
            except (ValueError, TypeError):
                return None
    return None


def certificate_days(certificate: object, now_seconds: float) -> float | None:
    """How many days a certificate, as ssl gives it, is still valid; None: it does not say."""
    not_after = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return None if not_after is None else (ssl.cert_time_to_seconds(not_after) - now_seconds) / _DAY_SECONDS
