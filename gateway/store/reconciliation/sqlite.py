"""The embedded store's face to what carriers were handed: what is asked is interface.py's."""

from __future__ import annotations

from functools import partial

from gateway.store.face import SqliteFace
from gateway.store.reconciliation import readers
from gateway.store.reconciliation.interface import HandedPage, Mark, Period


class SqliteReconciliation(SqliteFace):
    """Mixed into SqliteStore."""

    async def handed(self, period: Period, mark: Mark) -> HandedPage:
        return await self._read(partial(readers.handed, period=period, mark=mark))

    async def was_handed_any(self, carrier: str) -> bool:
        return await self._read(partial(readers.was_handed_any, carrier=carrier))
