"""A bind's reading side: it reads on only while there is room for what may come. What came is bind.py's to handle."""

from collections.abc import Callable

import trio

from gateway.carriers.link_faults import is_bare_end, words_of
from gateway.carriers.outgoing import Outgoing

READ_OCTETS = 65536
DELIVERIES_WAITING = 1_000
"""The bind reads on only while fewer of its deliveries wait for their commit: a carrier cannot fill the memory."""
CATCH_UP_SECONDS = 0.25
"""After a time of not reading, for what came meanwhile to be read."""

_NEVER = float("inf")


class Reading:
    """Reads a stream, and knows how many deliveries are still to be answered."""

    def __init__(self, stream: trio.abc.Stream, outgoing: Outgoing, on_hearing: Callable[[], None]) -> None:
        """`on_hearing` is called when it reads again after it did not."""
        self._stream = stream
        self._outgoing = outgoing
        self._undecided = self._owed = 0
        self._slack = trio.Event()
        self.is_deaf = False
        """While it does not read, what the peer said may be there unread."""
        self.hears_from = -_NEVER
        """Since or from when what the peer said has been read; never, while it does not read."""
        self._on_hearing = on_hearing

    def mark(self) -> None:
        """What came so far is to be answered before the bind ends; what comes later has until its end."""
        self._owed = self._undecided

    @property
    def owes_answers(self) -> bool:
        """Whether deliveries from before the mark wait for their commit, and so for their answer."""
        return self._owed > 0

    def handed_on(self, deliveries: int) -> None:
        """So many more are to be answered."""
        self._undecided += deliveries

    def answered(self, deliveries: int) -> None:
        """So many less are to be answered."""
        self._undecided -= deliveries
        self._owed -= deliveries
        if self._undecided < DELIVERIES_WAITING:
            self._slack.set()

    async def run(self, take: Callable[[bytes], bool]) -> str | None:
        """Read until `take` says that it was enough, or the stream breaks: then in words, why.

        `take` gets what was read, nothing at the end of the stream.
        """
        while True:
            try:
                octets = bytes(await self._stream.receive_some(READ_OCTETS))
            except (OSError, trio.BrokenResourceError) as error:
                if not is_bare_end(error):
                    return words_of(error)
                octets = b""
            if not take(octets):
                return None
            await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        """Until there is room for more of what the carrier may send; cancelled when the bind is over."""
        if self._undecided < DELIVERIES_WAITING and not self._outgoing.is_full:
            return
        self.is_deaf = True
        self.hears_from = _NEVER
        while self._undecided >= DELIVERIES_WAITING:
            self._slack = trio.Event()
            await self._slack.wait()
        if self._outgoing.is_full:
            await self._outgoing.room()
        self.is_deaf = False
        self.hears_from = trio.current_time() + CATCH_UP_SECONDS
        self._on_hearing()
