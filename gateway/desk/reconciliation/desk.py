"""Reads what a carrier was handed page by page, and gives it as pieces of CSV, so that a month costs no memory."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import trio

from gateway.desk.masks import Sight
from gateway.desk.reconciliation import details, totals
from gateway.desk.reconciliation.details import Details
from gateway.desk.reconciliation.totals import Totals
from gateway.identifiers import now_ms
from gateway.settings import Settings
from gateway.store.interface import Store
from gateway.store.reconciliation.interface import BEGIN, HandedRow, Mark, Period, Walk

_ROWS_PER_TURN = 50
"""Without a checkpoint."""
_RESTS, _LONGEST_REST_SECONDS = 3, 0.25
"""A page is followed by so many times as long as it took to read."""


class Detail(StrEnum):
    MESSAGES = "messages"
    TOTALS = "totals"


class Wanted(NamedTuple):
    """A reconciliation, as it is asked for."""

    period: Period
    zone: ZoneInfo
    detail: Detail
    sight: Sight


class ReconciliationDesk:
    """For operators, by HTTP and in the terminal."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def reconfigure(self, settings: Settings) -> None:
        """Other settings."""
        self._settings = settings

    async def knows(self, carrier: str) -> bool:
        """Whether it is one of the settings, or was one while what it took is kept."""
        return carrier in self._settings.carriers or await self._store.was_handed_any(carrier)

    def complete_from(self) -> int:
        """What was handed over before this time, milliseconds UTC, is erased already where its message ended soon."""
        return now_ms() - round(self._settings.retention.messages * 1000)

    async def pieces(self, wanted: Wanted) -> AsyncGenerator[bytes, None]:
        """The CSV, piece by piece. What is handed over from now on is not in it."""
        period = wanted.period._replace(before=min(wanted.period.before, now_ms() + 1))
        async with aclosing(self._rows(period)) as pages:
            if wanted.detail is Detail.MESSAGES:
                yield details.HEAD.encode()
                shown = Details(wanted.zone, wanted.sight)
                async for rows in pages:
                    yield "".join(map(shown.line, rows)).encode()
                return
            counted = Totals(wanted.zone)
            async for rows in pages:
                for row in rows:
                    counted.add(row)
        yield totals.HEAD.encode()
        gathered: list[str] = []
        for text in counted.lines():
            gathered.append(text)
            if len(gathered) == _ROWS_PER_TURN:
                yield "".join(gathered).encode()
                gathered.clear()
                await trio.lowlevel.checkpoint()
        yield "".join(gathered).encode()

    async def _rows(self, period: Period) -> AsyncGenerator[Sequence[HandedRow], None]:
        """A few at a time, each segment once; never empty."""
        in_hand: set[int] = set()
        mark: Mark | None = BEGIN
        while mark is not None:
            began = trio.current_time()
            page = await self._store.handed(period, mark)
            took = trio.current_time() - began
            rows = page.rows
            if mark.walk is Walk.IN_HAND:
                # No more than fit into the windows. Once answered they would be met again.
                in_hand.update(row.message for row in rows)
            elif in_hand:
                rows = [row for row in rows if row.attempt > 1 or row.message not in in_hand]
            for start in range(0, len(rows), _ROWS_PER_TURN):
                yield rows[start : start + _ROWS_PER_TURN]
                await trio.lowlevel.checkpoint()
            mark = page.next
            # What flows goes before what is looked up, and so do others' look-ups.
            await trio.sleep(min(_RESTS * took, _LONGEST_REST_SECONDS))
