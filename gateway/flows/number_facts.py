"""Which mobile network a number has now: by the operator's source where there is one, else by the table of ranges.

The source is asked ahead (`warm`), all numbers of a request within one time limit; what decides about a message reads
what is known by then (`network_of`) and waits for nothing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import trio

from gateway.metrics import LOOKUPS
from gateway.rules.networks import NetworkKnown, Networks
from gateway.settings import Lookup
from gateway.settings.network_tables import read_table, shipped_table
from gateway.webhooks.client import Said
from gateway.webhooks.signing import Header

log = logging.getLogger("sluice.lookup")

MOST_OCTETS = 4096
"""Of one answer."""
FAILURE_KEPT_SECONDS = 30.0
"""A number whose question failed is not asked again for so long."""
FAILURES_IN_A_ROW = 5
"""After so many the source is left alone for REST_SECONDS: nobody waits for it."""
REST_SECONDS = 10.0


class Answered(msgspec.Struct):
    """What a source answers; more members are its own matter."""

    mccmnc: str | None = None
    """None: the source does not know the number."""
    ported: bool = False


class _Kept(NamedTuple):
    until: float
    known: NetworkKnown | None


class Source(Protocol):
    """Whom to ask: gateway.webhooks.client.Client."""

    async def ask(self, url: str, body: bytes, headers: list[Header], *, most: int) -> Said: ...


class _Ask(Protocol):
    """A source's `ask`, of its address."""

    async def __call__(self, body: bytes, headers: list[Header], *, most: int) -> Said: ...


class NumberFacts:
    """Numbers' networks. Memory is bounded by `lookup.cache`."""

    def __init__(
        self,
        settings: Lookup,
        source: Source | None = None,
        networks: Networks | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source` None: the table alone answers. `clock`: seconds, in any thread, since previews have their own."""
        self._source = source
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        """By number, the one not asked for longest first."""
        self._asked: dict[str, trio.Event] = {}
        """Questions under way: who wants the same number waits for the same answer."""
        self._at_a_time = trio.CapacityLimiter(settings.most)
        self._failures = 0
        self._rests_until = float("-inf")
        self._settings = settings
        self.reconfigure(settings, table_of(settings) if networks is None else networks)

    def reconfigure(self, settings: Lookup, networks: Networks) -> None:
        """New settings and a new table; answers that are kept stay, where the same source gave them."""
        if settings.url != self._settings.url:
            self._kept.clear()
            self._failures, self._rests_until = 0, float("-inf")
        self._settings = settings
        self._networks = networks
        self._headers: list[Header] = (
            [] if settings.bearer is None else [(b"authorization", f"Bearer {settings.bearer}".encode())]
        )
        self._shrink()

    @property
    def asks(self) -> bool:
        """Whether there is a source to ask."""
        return self._source is not None and self._settings.url is not None

    def mccmnc_of(self, number: str) -> str | None:
        """MCC and MNC of a number in E.164, by what is known now."""
        known = self.network_of(number)
        return None if known is None else known.mccmnc

    def network_of(self, number: str) -> NetworkKnown | None:
        """What is known now: by the source's answer that is kept, else by the table."""
        kept = self._kept.get(number)
        if kept is not None and kept.known is not None and kept.until > self._clock():
            return kept.known
        mccmnc = self._networks.of(number)
        return None if mccmnc is None else NetworkKnown(mccmnc, None, "table")

    async def warm(self, numbers: Iterable[str]) -> None:
        """Ask for those that are not kept, some at a time, all within one `lookup.timeout`. Raises nothing: who is not
        known by then is known by the table, or not at all."""
        source, url = self._source, self._settings.url
        if source is None or url is None:
            return
        wanted = [number for number in dict.fromkeys(numbers) if not self._touched(number)]
        if not wanted or self._clock() < self._rests_until:
            return
        left = iter(wanted)
        with trio.move_on_after(self._settings.timeout) as scope:
            async with trio.open_nursery() as nursery:
                for _ in range(min(self._settings.concurrency, len(wanted))):
                    nursery.start_soon(self._ask_in_turn, left, partial(source.ask, url))
        if scope.cancelled_caught:
            late = sum(number not in self._kept for number in wanted)
            LOOKUPS.labels("late").inc(late)
            self._failed("no answer within the time limit")

    def _touched(self, number: str) -> bool:
        """Whether it need not be asked; then it is the latest that was asked for."""
        if not self._is_kept(number):
            return False
        LOOKUPS.labels("hit").inc()
        self._kept[number] = self._kept.pop(number)
        return True

    def _is_kept(self, number: str) -> bool:
        kept = self._kept.get(number)
        return kept is not None and kept.until > self._clock()

    async def _ask_in_turn(self, numbers: Iterator[str], ask: _Ask) -> None:
        for number in numbers:
            while (under_way := self._asked.get(number)) is not None:
                await under_way.wait()
            # Who asked may have gone before the answer came.
            if not self._is_kept(number) and self._clock() >= self._rests_until:
                await self._ask(number, ask)

    async def _ask(self, number: str, ask: _Ask) -> None:
        answered = self._asked[number] = trio.Event()
        try:
            async with self._at_a_time:
                known = await self._answer_of(number, ask)
            self._keep(number, known)
        except _NoAnswerError as failure:
            LOOKUPS.labels("failed").inc()
            self._failed(str(failure))
            self._kept[number] = _Kept(self._clock() + FAILURE_KEPT_SECONDS, None)
            self._shrink()
        finally:
            del self._asked[number]
            answered.set()

    async def _answer_of(self, number: str, ask: _Ask) -> NetworkKnown | None:
        """Raises _NoAnswerError."""
        said = await ask(msgspec.json.encode({"number": number}), self._headers, most=MOST_OCTETS)
        if said.error is not None:
            raise _NoAnswerError(said.error)
        try:
            answered = _read(said.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _NoAnswerError('answered otherwise than {"mccmnc": "21401", "ported": true}') from None
        if answered.mccmnc is None:
            return None
        if not (answered.mccmnc.isascii() and answered.mccmnc.isdigit() and len(answered.mccmnc) in (5, 6)):
            raise _NoAnswerError("answered an mccmnc that is not 5 or 6 digits")
        return NetworkKnown(answered.mccmnc, answered.ported, "lookup")

    def _keep(self, number: str, known: NetworkKnown | None) -> None:
        LOOKUPS.labels("asked").inc()
        if self._failures >= FAILURES_IN_A_ROW:
            log.info("the number look-up answers again")
        self._failures = 0
        self._kept.pop(number, None)
        self._kept[number] = _Kept(self._clock() + self._settings.keep, known)
        self._shrink()

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures == FAILURES_IN_A_ROW:
            log.warning("the number look-up fails, and the table answers: reason=%s", why)
        if self._failures >= FAILURES_IN_A_ROW:
            self._rests_until = self._clock() + REST_SECONDS

    def _shrink(self) -> None:
        while len(self._kept) > self._settings.cache:
            del self._kept[next(iter(self._kept))]


def table_of(settings: Lookup) -> Networks:
    """The table of the settings, or the one that comes with Sluice. Raises ValueError where it cannot be read."""
    return Networks(read_table(shipped_table() if settings.networks_file is None else Path(settings.networks_file)))


class _NoAnswerError(Exception):
    """A question came to nothing; why, in words, without the number."""


_read = msgspec.json.Decoder(Answered).decode
