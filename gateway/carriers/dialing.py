"""How a connection to a carrier is opened, and what its socket is told. When and where to is carrier.py's."""

import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

Dial: TypeAlias = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Host and port to a stream. Raises OSError."""

# The session's enquire_link finds a dead link; these find one while nothing is bound yet, or where nobody enquires.
_SOCKET_OPTIONS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 60_000}
"""Seconds, and milliseconds for the last; set where the system knows them."""


async def dial_tcp(host: str, port: int) -> trio.abc.Stream:
    """A TCP connection, to whichever of the host's addresses answers first; Trio's streams do without Nagle's delay."""
    stream = await trio.open_tcp_stream(host, port)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SOCKET_OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            stream.setsockopt(socket.IPPROTO_TCP, option, value)
    return stream
