"""What all parts of the embedded store's face ask by: changes are put to the writer, look-ups to a reader."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import trio

from gateway.store import readers
from gateway.store.connection import Connection
from gateway.store.faults import DiskReserve
from gateway.store.interface import StoreBusy, StoreFull
from gateway.store.work import Work
from gateway.store.writer import Writer

T = TypeVar("T")


class SqliteFace:
    """Made and opened by SqliteStore."""

    _writer: Writer
    _disk: DiskReserve
    _clock: Callable[[], int]
    _readers: list[Connection]
    _reader_slots: trio.CapacityLimiter

    async def _order(self, change: Callable[[Work], T | Exception], rows: int = 1) -> T:
        return await self._writer.order(self._writer.pending.by_hand, change, rows)

    async def _in_line(self, change: Callable[[Work], T | Exception], rows: int) -> T:
        """Many rows at once: behind what people and smaller submissions ask for."""
        return await self._writer.order(self._writer.pending.accepts, change, rows)

    async def _read(self, function: Callable[[sqlite3.Connection], T]) -> T:
        async with self._reader_slots:
            reader = self._readers.pop()
            try:
                with trio.CancelScope(shield=True):
                    found = await reader.call(partial(readers.in_snapshot, function=function))
            finally:
                self._readers.append(reader)
        return found

    async def _or_found(
        self, refusal: StoreFull | StoreBusy, look: Callable[[sqlite3.Connection], T | None] | None
    ) -> T:
        """What a reader finds of a repeat that the writer has refused; raises the refusal of what is new.

        `look` None: it came without a key. What keeps the one from writing may keep the other from reading.
        """
        found = None
        if look is not None:
            with suppress(sqlite3.Error):
                found = await self._read(look)
        if found is None:
            raise refusal
        return found
