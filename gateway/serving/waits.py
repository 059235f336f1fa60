"""What a connection is waited for, and until when: a head, a request under way, the next one, or the caller's leave.

The server looks at the deadlines of all connections together, which spares a task and two timers for each request.
"""

import logging
import re
from dataclasses import dataclass
from math import inf

import trio
from hypercorn.utils import parse_socket_addr

from gateway.metrics import HTTP_TIMEOUTS

log = logging.getLogger("sluice.http")

MOST_HEAD = 16 * 1024
"""Octets of a request's head."""
END_OF_HEAD = re.compile(rb"\n\r?\n")
"""As h11 has it."""
MOST_READ = 1 << 16

Address = tuple[str, int] | None


@dataclass(slots=True, frozen=True)
class Patience:
    """How long a caller is waited for, in seconds."""

    head: float = 10.0
    """From the first octet of a request's head to its last; a body has a limit of its own (BODY_TIMEOUT)."""
    idle: float = 75.0
    """For the next request. Longer than the 60 s after which common proxies close theirs: the caller should be the one
    who closes."""
    settle: float = 1.0
    """Idle for so long, a connection may be closed to make room: on a fresh one a request is on its way."""
    send: float = 30.0
    """For one piece of an answer to be taken by the caller's side."""
    linger: float = 1.0
    """For the caller to close, once its last answer is written: a close with octets unread would destroy the answer."""
    first: float = 1.0
    """When the server stops: for the request of a connection that was just taken."""
    next: float = 0.25
    """When the server stops: for a request that was on its way on a connection kept open."""


class Connection:
    """One caller's, served by `run`; `deadline` is when somebody must tell it to `give_up`."""

    def __init__(self, patience: Patience, stream: trio.SocketStream) -> None:
        self.idle_since: float | None = trio.current_time()
        """None while a request or its answer is under way, and once a head has begun."""
        self.deadline = self.idle_since + patience.idle
        self._patience = patience
        self._stream = stream
        self._between = True  # requests, so that what comes is a head
        self._served = False
        self._closing = False
        self._stopping = False
        self._scope = trio.CancelScope()

    @property
    def is_busy(self) -> bool:
        """A request whose head was read whole, or its answer, is under way."""
        return self.idle_since is None and not self._between and not self._closing

    @property
    def _is_head_begun(self) -> bool:
        return self.idle_since is None and self._between and not self._closing

    async def run(self) -> None:
        """Until the caller leaves or is cut. Raises nothing: a fault in one connection must not end the others."""
        try:
            with self._scope:
                await self._serve()
        except OSError as error:
            log.debug("a connection was lost: %s", error)
        except Exception:  # the supervisor of connections: logged, and this one is closed
            log.exception("a connection ended by a fault of ours")
        finally:
            self._end()

    async def _serve(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        self._stream.socket.close()

    def _addresses(self) -> tuple[Address, Address]:
        """The caller's address, and ours."""
        socket = self._stream.socket
        client = parse_socket_addr(socket.family, socket.getpeername())
        return client, parse_socket_addr(socket.family, socket.getsockname())

    def give_up(self) -> None:
        """Its deadline is over."""
        if self._is_head_begun and not self._stopping:
            HTTP_TIMEOUTS.labels("head").inc()
        self.cut()

    def cut(self) -> None:
        """End it at once, whatever it waits for."""
        self._closing = True
        self._scope.cancel()
        self._stream.socket.close()  # a piece of an answer is sent behind a shield: this ends that too

    def stop(self) -> None:
        """The server takes no more: what is under way is answered, and a request that is on its way."""
        self._stopping = True
        if self._is_head_begun:
            # Nothing of it was done, and when the rest would come nobody knows.
            self.cut()
        elif self.idle_since is not None:
            wait = self._patience.next if self._served else self._patience.first
            self.deadline = min(self.deadline, trio.current_time() + wait)

    def _begin_head(self) -> None:
        """Its first octets came."""
        self.idle_since = None
        if not self._stopping:
            self.deadline = trio.current_time() + self._patience.head

    def _begin_request(self) -> None:
        """A head is whole."""
        self._between = False
        self._served = True
        self.idle_since = None
        self.deadline = inf

    def _begin_idle(self) -> None:
        """A request is answered."""
        self._between = True
        self.idle_since = trio.current_time()
        self.deadline = self.idle_since + self._patience.idle

    def _begin_leave(self) -> None:
        """The last answer is written."""
        self._closing = True
        self.idle_since = None
        self.deadline = trio.current_time() + self._patience.linger

    def _unread(self) -> None:
        """A caller did not take its answer."""
        HTTP_TIMEOUTS.labels("answer").inc()
        log.info("a caller did not take its answer within %.0f s", self._patience.send)
        self.cut()
