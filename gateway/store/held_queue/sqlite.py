"""The embedded store's face to what is held: what is asked is interface.py's."""

from __future__ import annotations

import logging
import sqlite3
from functools import partial

import trio

from gateway.logs import quoted
from gateway.store import faults
from gateway.store.by import By
from gateway.store.face import SqliteFace
from gateway.store.held_queue import orders, readers
from gateway.store.held_queue.interface import HeldFilters, HeldOrder, HeldSummary
from gateway.store.views import Page

log = logging.getLogger("sluice.store")
LOOK_SECONDS = 2.0
LOOK_SHARE = 20
"""Of the time, one part in so many is spent on counting what is held."""


class SqliteHeldQueue(SqliteFace):
    """Mixed into SqliteStore."""

    _held_seen: HeldSummary | None = None

    @property
    def held_seen(self) -> HeldSummary | None:
        return self._held_seen

    async def held(self) -> HeldSummary | None:
        if not self._writer.mirrors.queues.holds:
            return None
        return await self._read(readers.summary)

    async def held_messages(self, filters: HeldFilters, *, limit: int, cursor: int | None) -> Page:
        return await self._read(partial(readers.messages, filters=filters, limit=limit, cursor=cursor))

    async def order_held(self, what: HeldOrder, filters: HeldFilters, *, by: By) -> int:
        count = await self._read(partial(readers.count, filters=filters))
        await self._order(partial(orders.file, what=what, filters=filters, count=count, by=by))
        return count

    async def watch_held(self) -> None:
        """Keep `held_seen` until cancelled; while it can't be counted, it stays."""
        while True:
            began = trio.current_time()
            try:
                self._held_seen = await self.held()
            except sqlite3.Error as error:
                log.warning("what is held can't be counted fault=%s", quoted(faults.described(error)))
            await trio.sleep(max(LOOK_SECONDS, LOOK_SHARE * (trio.current_time() - began)))
