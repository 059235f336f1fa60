"""One stream: its pieces are read, gathered and filed, and its lines answered in their order, all at the same time.

Which bytes carry it is the front's: it gives `run` what the caller sends, and sends what `run` gives it. A line is
filed at once while nothing is under way; what comes meanwhile gathers, so that a caller who says one message at a time
is served by the hundred. What is held is bounded: a caller who reads nothing is soon not read from either.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple

import trio

from gateway.api import problem_types
from gateway.api.base import logged
from gateway.api.problems import Problem
from gateway.api.refusals import Refusals
from gateway.api.stream import answers
from gateway.api.stream.lines import MOST_LINE, LineReader, values_of
from gateway.flows.accept_lines import AcceptLines, LineKey
from gateway.flows.bulk_answers import client_id_of
from gateway.metrics import HTTP_TIMEOUTS
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.lines.interface import DIGEST_BYTES

Receive = Callable[[], Awaitable[bytes | None]]
"""The next piece of the body; empty: it has ended; None: the caller went away."""
Send = Callable[[bytes], Awaitable[None]]
"""Takes one piece of the answer; may raise BrokenResourceError once the caller went away."""

ASKS = 2
"""Under way at a time: while one is on its way to the disk, the next is checked."""
MOST_OCTETS = 256 * 1024
"""Gathered for one ask."""
_WAITING_OCTETS = 128 * 1024
"""Read and not yet asked for, with which nothing more is read."""
LARGE = 64 * 1024
"""Octets of an ask from which few are worked on at a time."""


class Terms(NamedTuple):
    """What holds for a stream."""

    account: str
    request_id: int
    key: str | None
    first_line: int
    most_lines: int
    """In one ask."""
    idle_seconds: float
    """Without a word from the caller."""


class Conversation:
    """`run` once."""

    def __init__(self, terms: Terms, lines: AcceptLines, refusals: Refusals, large: trio.Semaphore) -> None:
        """`large`: shared by all streams."""
        self._terms = terms
        self._lines = lines
        self._refusals = refusals
        self._large = large
        self._reader = LineReader()
        self._waiting: list[bytes] = []
        self._octets = 0
        self._next = terms.first_line
        self._reading = trio.CancelScope()
        self._is_read = False
        """Nothing more is taken from the caller."""
        self._is_gone = False
        self._closing: Problem | None = None
        self._idle, self._full = trio.lowlevel.ParkingLot(), trio.lowlevel.ParkingLot()
        self._told = trio.Event()
        self._told.set()
        """All asks but those under way are answered; each ask waits for the one before it."""

    def close(self, problem: Problem) -> None:
        """Take nothing more: what was taken is answered, and then why it ends."""
        if self._closing is None and not self._is_read:
            self._closing = problem
        self._stop()

    async def run(self, receive: Receive, send: Send) -> None:
        """Until the last answer is sent, or the caller has gone and all that was read is filed."""
        async with trio.open_nursery() as nursery:
            for _ in range(ASKS):
                nursery.start_soon(self._work, send)
            with self._reading:
                await self._read(receive)
            self._stop()
        if self._reader.is_too_long:
            words = f"The line is longer than {MOST_LINE:,} octets. Nothing behind it is read."
            too_long = Problem(problem_types.BODY_TOO_LARGE, words)
            await self._say(answers.all_refused(too_long, {self._next: None}, {}), send)
            self._closing = too_long
        if self._closing is not None:
            await self._say(answers.closing_line(self._closing), send)

    # --- reading

    async def _read(self, receive: Receive) -> None:
        idle = self._terms.idle_seconds
        while not self._is_read:
            while self._octets >= _WAITING_OCTETS or len(self._waiting) >= self._terms.most_lines:
                self._reading.deadline = inf
                await self._full.park()
            self._reading.deadline = trio.current_time() + idle
            piece = await receive()
            if piece is None:
                self._is_gone = True
                return
            lines = self._reader.feed(piece) if piece else self._reader.finish()
            if lines:
                self._waiting += lines
                self._octets += sum(map(len, lines))
                self._idle.unpark()
            if not piece or self._reader.is_too_long:
                return

    def _stop(self) -> None:
        """No more is read."""
        if self._reading.cancelled_caught and self._closing is None and not self._is_gone:
            HTTP_TIMEOUTS.labels("body").inc()
            seconds = self._terms.idle_seconds
            words = f"Nothing came for {seconds:g} s. An empty line now and then keeps a stream open."
            self._closing = Problem(problem_types.REQUEST_TIMEOUT, words)
        self._is_read = True
        self._reading.cancel()
        self._idle.unpark_all()

    # --- filing

    async def _work(self, send: Send) -> None:
        """One of the asks that may be under way."""
        while True:
            while not self._waiting:
                if self._is_read:
                    return
                await self._idle.park()
            first, lines = self._take()
            before, self._told = self._told, trio.Event()
            mine = self._told
            told = await self._answer(first, lines)
            if not before.is_set():
                await before.wait()
            await self._say(told, send)
            mine.set()

    def _take(self) -> tuple[int, Sequence[bytes]]:
        """The lines of the next ask, and the number of the first."""
        waiting, most = self._waiting, self._terms.most_lines
        if len(waiting) <= most and self._octets <= MOST_OCTETS:
            lines, self._waiting, self._octets = waiting, [], 0
        else:
            count, octets = 0, 0
            while count < min(most, len(waiting)) and (not count or octets + len(waiting[count]) <= MOST_OCTETS):
                octets += len(waiting[count])
                count += 1
            lines, self._waiting = waiting[:count], waiting[count:]
            self._octets -= octets
            self._idle.unpark()
        first = self._next
        self._next += len(lines)
        self._full.unpark()
        return first, lines

    async def _answer(self, first: int, lines: Sequence[bytes]) -> bytes:
        if sum(map(len, lines)) < LARGE:
            return await self._file(first, lines)
        async with self._large:
            return await self._file(first, lines)

    async def _file(self, first: int, lines: Sequence[bytes]) -> bytes:
        terms = self._terms
        values = await values_of(lines)
        numbers: Sequence[int] = range(first, first + len(lines))
        wrong: Mapping[int, Problem] = {}
        if any(type(value) is Problem for value in values):
            wrong = {at: value for at, value in zip(numbers, values, strict=True) if type(value) is Problem}
            numbers = [number for number in numbers if number not in wrong]
            values = [value for value in values if type(value) is not Problem]
        key = None
        if terms.key is not None:
            key = LineKey(terms.key, {number: _digest(lines[number - first]) for number in numbers})
        try:
            outcome = await self._lines.submit(terms.account, values, numbers, request_id=terms.request_id, key=key)
        except (StoreFull, StoreBusy) as refusal:
            problem = answers.problem_of(refusal, self._refusals)
        except Exception as error:  # noqa: BLE001 - as for other calls: logged, and told to the lines that it met
            problem = logged(error, "POST /v1/sms/stream", terms.request_id)
        else:
            is_plain = not (outcome.no_room or outcome.reused or outcome.again)
            client_ids = {} if is_plain else _client_ids(numbers, values)
            return answers.answers_of(outcome, self._refusals, client_ids, wrong)
        return answers.all_refused(problem, _client_ids(numbers, values), wrong)

    async def _say(self, told: bytes, send: Send) -> None:
        if self._is_gone:
            return
        try:
            await send(told)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # What was read is filed all the same.
            self._is_gone = True
            self._stop()


def _client_ids(numbers: Sequence[int], values: Sequence[Any]) -> dict[int, str | None]:
    return dict(zip(numbers, map(client_id_of, values), strict=True))


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=DIGEST_BYTES).digest()
