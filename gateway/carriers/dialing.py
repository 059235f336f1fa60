"""How a connection to a carrier is opened: TCP, what its socket is told, and TLS. When and where to is link.py's."""

import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import trio

from gateway.carriers.lean_stream import LeanStream
from gateway.carriers.link_faults import words_of
from gateway.settings.carriers import Carrier
from gateway.settings.tls import Tls

Dial: TypeAlias = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Host and port to a stream. Raises OSError."""

# The session's enquire_link finds a dead link; these find one while nothing is bound yet, or where nobody enquires.
_SOCKET_OPTIONS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 60_000}
"""Seconds, and milliseconds for the last; set where the system knows them."""


async def dial_tcp(host: str, port: int, local_address: str | None = None) -> trio.abc.Stream:
    """A TCP connection, to whichever of the host's addresses answers first; Trio's streams do without Nagle's delay.

    `local_address`: an IP address of this machine to leave from. Raises OSError, which says so where it is not ours.
    """
    if local_address is not None:
        refuse_foreign(local_address)
    try:
        stream = await trio.open_tcp_stream(host, port, local_address=local_address)
    except OSError as error:
        if local_address is not None and _met_other_family_alone(error):
            kind = "IPv6" if ":" in local_address else "IPv4"
            raise OSError(f"{host} has no {kind} address, as local_address {local_address} is one") from error
        raise
    keep_alive(stream)
    return LeanStream(stream)


def _met_other_family_alone(error: OSError) -> bool:
    """Whether Trio tried no address, since it could not leave for any from the local one."""
    attempts = error.__cause__
    tried = attempts.exceptions if isinstance(attempts, BaseExceptionGroup) else [attempts]
    return all("is incompatible with remote address" in str(one) for one in tried)


def dial_from(local_address: str | None, dial: Dial = dial_tcp) -> Dial:
    """`dial`, but where an address to leave from is given: then a TCP connection from there."""
    return dial if local_address is None else partial(dial_tcp, local_address=local_address)


def refuse_foreign(local_address: str) -> None:
    """Raises OSError in words for an address that is not this machine's."""
    family = socket.AF_INET6 if ":" in local_address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind((local_address, 0))
    except OSError as error:
        raise OSError(
            f"local_address {local_address} can't be left from ({error.strerror}): it is no address of this machine; "
            "`ip address` lists them"
        ) from None


def keep_alive(stream: trio.SocketStream) -> None:
    """Let the system notice a peer that is gone."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SOCKET_OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)


class Contexts(NamedTuple):
    """A carrier's TLS by the certificates that lay there when it was made ready; None: it has none."""

    client: ssl.SSLContext | None
    """For connections that we open."""
    server: ssl.SSLContext | None
    """For those that the carrier opens."""


def contexts_of(settings: Carrier) -> Contexts:
    """Takes some 60 ms where the system's authorities are trusted. Raises OSError and ValueError for files
    that can't be used."""
    tls = settings.tls
    if tls is None:
        return Contexts(None, None)
    return Contexts(tls.context(), tls.server_context() if settings.outbind_listen else None)


def dialer(tls: Tls | None, dial: Dial = dial_tcp, context: ssl.SSLContext | None = None) -> Dial:
    """How the connections of a carrier are opened: with its TLS around what `dial` gives, if it has any.

    `context`: that of `tls`, where it is made ready already.
    """
    if tls is None:
        return dial
    context, server_name = context or tls.context(), tls.server_name

    async def dial_tls(host: str, port: int) -> trio.abc.Stream:
        transport = await dial(host, port)
        return await handshaken(trio.SSLStream(transport, context, server_hostname=server_name or host))

    return dial_tls


async def handshaken(stream: trio.SSLStream[trio.abc.Stream]) -> trio.abc.Stream:
    """The stream after its handshake. Raises OSError in words, and then it is closed."""
    try:
        await stream.do_handshake()
    except (ssl.SSLError, trio.BrokenResourceError) as error:
        await trio.aclose_forcefully(stream)
        raise OSError(words_of(error)) from None
    except trio.Cancelled:
        await trio.aclose_forcefully(stream)
        raise
    return stream
