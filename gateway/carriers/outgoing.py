"""A bind's writing side: PDUs on their way to the stream, and which submit_sm were never handed to it.

That matters at the end: what a write call had may have reached the peer, what none had is unsent without doubt.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import trio

from gateway.carriers.link_faults import words_of
from gateway.carriers.trace import Tap
from gateway.logs import quoted
from protocol.numbers import CommandId
from protocol.session import Session

WRITE_LIMIT_SECONDS = 20.0
"""A peer that lets a write wait so long reads no more. Shorter than the response_timeout that is usual: the link is at
fault, not the messages."""
MOST_UNWRITTEN = 10_000
"""PDUs that may wait to be written while the bind reads on: a peer that asks and never reads cannot fill the memory."""
WRITES_A_TURN = 50
"""Before other tasks have a turn: a stream that has room for what is written gives way to nobody."""
LAST_WORDS_SECONDS = 1.0
"""For an unbind_resp to leave."""
_NEVER = float("inf")
_SUBMIT_SM = int(CommandId.SUBMIT_SM).to_bytes(4, "big")

_log = logging.getLogger("sluice.carriers")


class Outgoing:
    """Writes what a session has to say, all of it in one write, or PDU by PDU where the carrier needs that."""

    def __init__(
        self,
        name: str,
        session: Session,
        stream: trio.abc.Stream,
        count: Callable[[int], None],
        *,
        one_pdu_per_write: bool,
    ) -> None:
        """`name`: the bind's, for the log; `count` is told how many submit_sm a write call has."""
        self._name = name
        self._session = session
        self._stream = stream
        self._count = count
        self._one_by_one = one_pdu_per_write
        self._pdus: deque[bytes] = deque()
        # In the order of their PDUs; at most a window of them.
        self._unwritten: deque[Any] = deque()
        self._wake = trio.Event()
        self._room = trio.Event()
        self._is_writing = False
        self._is_over = False
        self.tap: Tap | None = None
        """Told of what is written, while the carrier is traced."""

    @property
    def is_full(self) -> bool:
        """Whether the peer has to read before it is heard any more."""
        return len(self._pdus) > MOST_UNWRITTEN

    @property
    def has_unwritten(self) -> bool:
        """Whether submit_sm wait that no write call had."""
        return bool(self._unwritten)

    async def room(self) -> None:
        """Return once it is not full, or a write has failed, or it is over."""
        self._room = trio.Event()
        await self._room.wait()

    def submitted(self, tokens: Iterable[Any]) -> None:
        """The session took these submit_sm."""
        self._unwritten.extend(tokens)

    def wake(self) -> None:
        """The session has something to say. Cheap to call often: what one synchronous run leaves shares a write."""
        self._wake.set()

    def gather(self) -> None:
        """Take what the session has to say, if anything, and wake only then."""
        pdus = self._session.pdus_to_send()
        if pdus:
            self._pdus += pdus
            self._wake.set()

    async def write(self) -> str:
        """Write until a write fails or does not end; in words, why."""
        try:
            return await self._write()
        finally:
            self._room.set()

    async def _write(self) -> str:
        writes = 0
        # One for all writes: a scope for each would cost half as much as the write.
        with trio.CancelScope() as limit:
            while True:
                await self._wake.wait()
                self._wake = trio.Event()
                self._pdus += self._session.pdus_to_send()
                # Once it is over nothing may be handed on that `end` has reported as unwritten.
                while self._pdus and not self._is_over:
                    octets = self._next_pdu() if self._one_by_one else self._all_pdus()
                    try:
                        self._is_writing = True
                        if self.tap is not None:
                            self.tap(True, octets)
                        limit.deadline = trio.current_time() + WRITE_LIMIT_SECONDS
                        await self._stream.send_all(octets)
                        limit.deadline = _NEVER
                        self._is_writing = False
                        if not self.is_full:
                            self._room.set()
                        writes += 1
                        if writes % WRITES_A_TURN == 0:
                            await trio.lowlevel.checkpoint()
                    except (OSError, trio.BrokenResourceError) as error:
                        return words_of(error)
        return f"a write did not finish within {WRITE_LIMIT_SECONDS:g} s"

    def take_back(self, tokens: list[Any]) -> set[int]:
        """Drop the PDUs of those of these tokens that no write call had: they will not be written. Their ids."""
        never = {id(token) for token in tokens} & {id(token) for token in self._unwritten}
        if never:
            self.gather()
            pdus, unwritten = self._pdus, self._unwritten
            self._pdus, self._unwritten = deque(), deque()
            for pdu in pdus:
                if pdu[4:8] == _SUBMIT_SM:
                    token = unwritten.popleft()
                    if id(token) in never:
                        continue
                    self._unwritten.append(token)
                self._pdus.append(pdu)
        return never

    def end(self) -> set[int]:
        """Write no more submit_sm; the ids of the tokens that no write call had."""
        self._is_over = True
        return {id(token) for token in self._unwritten}

    async def last_words(self) -> None:
        """Write what remains but submit_sm, which must not follow the end: an unbind_resp, say."""
        self._pdus += self._session.pdus_to_send()
        octets = b"".join(pdu for pdu in self._pdus if pdu[4:8] != _SUBMIT_SM)
        # A write that was cut short may have left half a PDU, which nothing can follow.
        if not octets or self._is_writing:
            return
        if self.tap is not None:
            self.tap(True, octets)
        with trio.move_on_after(LAST_WORDS_SECONDS):
            try:
                await self._stream.send_all(octets)
            except (OSError, trio.BrokenResourceError) as error:
                _log.debug("bind=%s last_words=unsent detail=%s", self._name, quoted(words_of(error)))

    def _all_pdus(self) -> bytes:
        # Every token is struck off below, so every PDU has to be in, even one that the session had only just made.
        self._pdus += self._session.pdus_to_send()
        octets = b"".join(self._pdus)
        self._pdus.clear()
        if self._unwritten:
            self._count(len(self._unwritten))
            self._unwritten.clear()
        return octets

    def _next_pdu(self) -> bytes:
        pdu = self._pdus.popleft()
        if pdu[4:8] == _SUBMIT_SM:
            self._unwritten.popleft()
            self._count(1)
        return pdu
