"""The gateway's own drain: it takes no new submissions, while queue, receipts and webhooks go on. A restart ends it.

What submits asks `is_draining` first; ending the process is the daemon's, which is told as by a signal.
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

import trio

from gateway.identifiers import now_ms
from gateway.rules.timestamps import rfc3339, time_or_none
from gateway.store.by import By
from gateway.store.lookups.interface import Left

_log = logging.getLogger("sluice.daemon")


class DrainedStore(Protocol):
    """What of the store is needed here."""

    async def left(self, *, receipts: bool) -> Left: ...
    async def gateway_drained(self, *, begins: bool, by: By) -> None: ...
    async def gateway_stopped(self, *, by: By) -> None: ...


def _nobody() -> None:
    """Where nothing can be ended."""


class DrainingDesk:
    """One for the process."""

    def __init__(
        self, store: DrainedStore, *, end: Callable[[], None] = _nobody, clock: Callable[[], int] = now_ms
    ) -> None:
        """`end`: tells the process to end as SIGTERM does; `clock` tells wall-clock milliseconds."""
        self._store = store
        self._end = end
        self._clock = clock
        self._since: int | None = None
        self._who: str | None = None
        self._is_ending = False
        self._turn = trio.Lock()
        self.is_draining = False
        self.begins: list[Callable[[], None]] = []
        """Called when a drain begins."""

    async def start(self, by: By) -> None:
        """Refuse submissions from now on; one that drains already goes on. Raises StoreFull or StoreBusy: then nothing
        has changed."""
        # Once begun, to its end: who hangs up would leave an audit that tells of a drain that is none.
        with trio.CancelScope(shield=True):
            async with self._turn:
                if self.is_draining:
                    return
                await self._store.gateway_drained(begins=True, by=by)
                self._since, self._who, self.is_draining = self._clock(), by.who, True
                _log.warning("no new messages are taken who=%s", by.who)
                for begin in self.begins:
                    begin()

    async def stop(self, by: By) -> None:
        """Take submissions again."""
        with trio.CancelScope(shield=True):
            async with self._turn:
                if not self.is_draining:
                    return
                await self._store.gateway_drained(begins=False, by=by)
                self._since, self._who, self.is_draining = None, None, False
                _log.info("new messages are taken again who=%s", by.who)

    def begun(self) -> dict[str, Any] | None:
        """Since when it drains, and who asked for it; None: it does not."""
        return None if self._since is None else {"since": rfc3339(self._since), "who": self._who}

    async def state(self, *, receipts: bool = False) -> dict[str, Any]:
        """What is left to do. `receipts`: with those awaited, which takes longer to count."""
        left = await self._store.left(receipts=receipts)
        shown = {
            "draining": self.is_draining,
            "since": time_or_none(self._since),
            "who": self._who,
            "queued": left.queued,
            "in_flight": left.in_flight,
            "in_doubt": left.in_doubt,
            "events_pending": left.events_pending,
            "events_disabled": left.events_disabled,
        }
        return shown if left.receipts_awaited is None else {**shown, "receipts_awaited": left.receipts_awaited}

    async def end(self, by: By) -> None:
        """End the process as SIGTERM does; once, for a second signal would skip what the first has it wait for."""
        with trio.CancelScope(shield=True):
            await self._store.gateway_stopped(by=by)
            _log.warning("told to stop who=%s", by.who)
            if not self._is_ending:
                self._is_ending = True
                self._end()
