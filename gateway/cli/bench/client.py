"""The bench's callers: raw sockets and requests rendered ahead, in a process apart so that their CPU is told apart.

`python -m gateway.cli.bench.client`: a line of JSON on standard input tells what to do; `ready` comes back, then a line
is the start, and a line of JSON is what came of it. Streams are stream_client.py's.
"""

import json
import re
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.cli.bench.control import say
from gateway.cli.bench.figures import spread
from gateway.cli.bench.requests import Posts

_READ = 262_144
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GIVE_UP_SECONDS = 60.0
_SHOWN = 300


class ClientError(Exception):
    """The gateway did not answer as it must."""


@dataclass(slots=True)
class Caller:
    """One kept-alive connection: at most one request under way on it."""

    sock: socket.socket
    which: int = -1
    """The request under way; -1 before the first."""
    rest: bytes = b""


@dataclass(slots=True)
class Outcome:
    """What came of a run of requests."""

    begun: list[float]
    """When the first octet of each went out, CLOCK_MONOTONIC, by number of the request. At a pace, one that had to wait
    for a connection has begun when it was due: else a gateway that stands still would hide most of its waits."""
    answered: list[float]
    refused: int = 0

    def told(self) -> dict[str, Any]:
        """As the bench reads it."""
        waits = ((answered - begun) * 1000 for begun, answered in zip(self.begun, self.answered, strict=True))
        return {
            "refused": self.refused,
            "began": min(self.begun),
            "ended": max(self.answered),
            **spread("post_", waits),
        }


def connected(port: int) -> socket.socket:
    """To what listens there on loopback."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Callers:
    """So many connections to one listener."""

    def __init__(self, port: int, connections: int, requests: list[bytes], rate: float) -> None:
        """`rate` requests a second; 0 posts the next as soon as a connection has its answer."""
        self._selector = selectors.DefaultSelector()
        self._requests = requests
        self._rate = rate
        self._next = 0
        self._left = len(requests)
        # Taken by turns: one that is never taken would be closed by the gateway as idle.
        self._idle: deque[Caller] = deque()
        self._is_held_up = False
        self.outcome = Outcome([0.0] * len(requests), [0.0] * len(requests))
        for _ in range(min(connections, len(requests))):
            caller = Caller(connected(port))
            self._idle.append(caller)
            self._selector.register(caller.sock, selectors.EVENT_READ, caller)

    def run(self) -> Outcome:
        """Until each has its answer. Raises ClientError when none comes for a minute."""
        try:
            self._run()
        finally:
            for key in list(self._selector.get_map().values()):
                key.data.sock.close()
            self._selector.close()
        return self.outcome

    def _run(self) -> None:
        start = time.monotonic()
        heard = start
        while self._left:
            now = time.monotonic()
            while self._idle and self._next < len(self._requests) and self._is_due(start, now):
                self._post(self._idle.popleft(), self._due(start) if self._is_held_up else time.monotonic())
            self._is_held_up = bool(self._rate) and not self._idle
            for key, _ in self._selector.select(self._wait(start)):
                self._hear(key.data)
                heard = time.monotonic()
            if time.monotonic() - heard > _GIVE_UP_SECONDS:
                raise ClientError(f"{self._left} requests were not answered")

    def _is_due(self, start: float, now: float) -> bool:
        return not self._rate or self._due(start) <= now

    def _due(self, start: float) -> float:
        return start + self._next / self._rate

    def _wait(self, start: float) -> float:
        if not self._rate or self._next >= len(self._requests) or not self._idle:
            return 1.0
        return max(0.0, self._due(start) - time.monotonic())

    def _post(self, caller: Caller, begun: float) -> None:
        caller.which = self._next
        self._next += 1
        self.outcome.begun[caller.which] = begun
        caller.sock.sendall(self._requests[caller.which])

    def _hear(self, caller: Caller) -> None:
        try:
            octets = caller.sock.recv(_READ)
        except ConnectionResetError:  # closed with what it had not read
            octets = b""
        if not octets:
            raise ClientError("a connection was closed by the gateway")
        caller.rest += octets
        head = caller.rest.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(caller.rest, 0, head + 2)
        if length is None:
            raise ClientError(f"an answer without Content-Length: {caller.rest[:_SHOWN]!r}")
        if len(caller.rest) < head + 4 + int(length[1]):
            return
        self.outcome.answered[caller.which] = time.monotonic()
        if caller.rest[9:12] not in (b"201", b"202", b"200"):
            if not self.outcome.refused:
                print(caller.rest[:1000].decode(errors="replace"), file=sys.stderr)
            self.outcome.refused += 1
        caller.rest = b""
        self._left -= 1
        if self._rate or self._next >= len(self._requests):
            self._idle.append(caller)
        else:
            self._post(caller, time.monotonic())


def carry_out(prepared: Callable[[Posts, dict[str, Any]], Callable[[], dict[str, Any]]]) -> None:
    """What the line asks for: `prepared` renders all there is to send, and what it gives is run at the start."""
    given = json.loads(sys.stdin.readline())
    run = prepared(Posts(**given["posts"]), given)
    say("ready")
    if not sys.stdin.readline():
        return  # the bench has gone
    cpu = time.process_time()
    told = run()
    say(json.dumps({**told, "cpu_seconds": time.process_time() - cpu}))


def _prepared(posts: Posts, given: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    requests = list(posts.requests())

    def run() -> dict[str, Any]:
        # Connected only now: it may be a minute since, and a gateway closes connections that say nothing.
        outcome = Callers(given["port"], given["connections"], requests, given["rate"]).run()
        times = {"begun": outcome.begun, "answered": outcome.answered} if given["times"] else {}
        return {**outcome.told(), **times}

    return run


def main() -> None:
    """The line: `port`, `connections`, `rate`, `posts` (the fields of Posts), `times` (whether to tell those too)."""
    carry_out(_prepared)


if __name__ == "__main__":
    main()
