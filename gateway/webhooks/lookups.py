"""The names of webhook hosts are looked up here, in threads of their own: slow name servers hold up no carrier.

What an address may be used for is gateway.webhooks.addresses'.
"""

import ipaddress
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import trio

from gateway.webhooks.turns import Turns

MOST_LOOKUPS = 32
"""Threads that wait for name servers at a time."""


class Lookups:
    """The system's resolver. One domain has at most as many look-ups under way as are free for the others.

    Nothing stops a look-up that has begun: one whose caller has gone counts until the system gives up on it.
    """

    def __init__(self, most: int = MOST_LOOKUPS, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        """`look_up`: as socket.getaddrinfo; called in a thread."""
        self._turns = Turns(most)
        self._look_up = look_up

    async def __call__(self, host: str, port: int) -> list[str]:
        """Addresses of a host, best first. Raises OSError."""
        if _is_address(host):
            return [host]
        # Trio takes for a limiter whatever has the two methods, and calls the second when the thread really ends.
        limiter = cast(trio.CapacityLimiter, _Turn(self._turns, _domain(host)))
        ask = partial(self._look_up, host, port, type=socket.SOCK_STREAM)
        try:
            found = await trio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=limiter)
        except UnicodeError as error:
            raise OSError("is no host name") from error
        return list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))


class _Turn:
    """One look-up's turn, as a thread limiter."""

    def __init__(self, turns: Turns, domain: str) -> None:
        self._turns = turns
        self._domain = domain

    async def acquire_on_behalf_of(self, _borrower: object) -> None:
        await self._turns.take(self._domain)

    def release_on_behalf_of(self, _borrower: object) -> None:
        self._turns.give_back(self._domain)


def _domain(host: str) -> str:
    """Whose name servers are asked, about: one slow server answers for all names below its domain."""
    return ".".join(host.rstrip(".").rsplit(".", 2)[-2:])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
