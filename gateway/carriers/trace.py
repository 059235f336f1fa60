"""What passes between us and one carrier, told to whoever watches: bounded, and for nothing where nobody does.

How a PDU looks is trace_lines.py's and trace_pcap.py's. A watcher that is too slow loses PDUs, which are counted; the
binds never wait for it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import trio

from gateway.carriers.trace_seen import Seen
from gateway.rules.ways import USUAL
from protocol.errors import BadFrame
from protocol.framing import Framer
from protocol.writing import TextWay

Tap: TypeAlias = Callable[[bool, bytes], None]
"""Told of octets as they are handed to the stream (True) or come from it (False)."""
MOST_SEEN = 10_000
"""PDUs that wait for one watcher."""
MOST_OCTETS = 2 * 1024 * 1024
"""The same in octets."""
_CONNECTIONS = 40_000


class Tapped(Protocol):
    """What of a bind is watched."""

    name: str
    tap: Tap | None

    @property
    def unread(self) -> bytes:
        """The beginning of a frame that has not come whole."""


@dataclass(slots=True, frozen=True)
class Batch:
    """What was seen since the last one."""

    seen: list[Seen]
    dropped: int
    """PDUs that there was no room for, behind those."""


class Watch:
    """One watcher's bounded queue."""

    def __init__(self) -> None:
        self.dropped = 0
        """In all."""
        self._seen: deque[Seen] = deque()
        self._octets = 0
        self._dropped = 0
        self._wake = trio.Event()

    def take(self, seen: Seen) -> None:
        """Keep it, if there is room."""
        if len(self._seen) >= MOST_SEEN or self._octets + len(seen.frame) > MOST_OCTETS:
            self._dropped += 1
            self.dropped += 1
        else:
            self._seen.append(seen)
            self._octets += len(seen.frame)
        self._wake.set()

    async def next(self) -> Batch:
        """Wait until there is something."""
        await self._wake.wait()
        return self.rest()

    def rest(self) -> Batch:
        """What is there, if only nothing."""
        batch = Batch(list(self._seen), self._dropped)
        self._seen.clear()
        self._octets = self._dropped = 0
        self._wake = trio.Event()
        return batch


class Wire:
    """All connections of one carrier."""

    def __init__(self, carrier: str, way: TextWay = USUAL) -> None:
        self.carrier = carrier
        self.way = way
        """How texts are to be read."""
        self._binds: dict[int, Tapped] = {}
        self._watches: list[Watch] = []
        # In a file that is added to after a restart, connections should not take up those of before.
        self._next = int(time.time()) % _CONNECTIONS

    @property
    def watchers(self) -> int:
        """How many watch."""
        return len(self._watches)

    @contextmanager
    def connected(self, bind: Tapped) -> Iterator[None]:
        """The bind can be watched, for as long as it lives."""
        number, self._next = self._next, self._next + 1
        self._binds[number] = bind
        if self._watches:
            bind.tap = self._tap(number, bind)
        try:
            yield
        finally:
            bind.tap = None
            del self._binds[number]

    @contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch every bind, those that are there and those to come."""
        watch = Watch()
        self._watches.append(watch)
        if len(self._watches) == 1:
            for number, bind in self._binds.items():
                bind.tap = self._tap(number, bind)
        try:
            yield watch
        finally:
            self._watches.remove(watch)
            if not self._watches:
                for bind in self._binds.values():
                    bind.tap = None

    def _tap(self, connection: int, bind: Tapped) -> Tap:
        framers = {True: Framer(), False: Framer()}
        for _ in framers[False].feed(bind.unread):
            raise AssertionError("a whole frame is never left unread")

        def tap(sent: bool, octets: bytes) -> None:
            at_ns = time.time_ns()
            try:
                for frame in framers[sent].feed(octets):
                    self._tell(Seen(at_ns, bind.name, connection, sent, frame))
            except BadFrame as fault:
                self._tell(Seen(at_ns, bind.name, connection, sent, b"", f"(no SMPP: {fault})"))

        return tap

    def _tell(self, seen: Seen) -> None:
        for watch in self._watches:
            watch.take(seen)
