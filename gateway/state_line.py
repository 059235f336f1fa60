"""The line that `systemctl status` shows: how the binds stand, what waits, what is in doubt, how far a stop is.

docs/operations/watching.md tells an operator what each part means.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

import trio

from gateway.carriers.bind_states import BindState
from gateway.desk.carriers_view import CarriersView, CarrierView
from gateway.systemd import Notifier

log = logging.getLogger("sluice.daemon")
EVERY_SECONDS = 5.0
EVERY_STOPPING_SECONDS = 1.0


class Counted(Protocol):
    """What of the store is shown."""

    def backlog(self) -> int: ...
    def counts(self) -> dict[str, int]: ...
    async def doubts_count(self) -> int: ...


class StateLine:
    """Keeps the service manager told, until cancelled."""

    def __init__(self, notifier: Notifier, carriers: CarriersView, store: Counted) -> None:
        self._notifier = notifier
        self._carriers = carriers
        self._store = store
        self._stage: str | None = None

    async def tell(self, *before: str) -> None:
        """The line as of now, behind others such as `READY=1`."""
        if self._notifier.is_heard:
            carriers = self._carriers.carriers()
            if self._stage is None:
                line = running_line(carriers, self._store.backlog(), await self._store.doubts_count(), self._to_tell())
            else:
                line = stopping_line(self._stage, carriers, self._to_tell())
            await self._notifier.tell(*before, f"STATUS={line}")

    async def stopping(self, stage: str) -> None:
        """The stop has come to this stage."""
        is_first, self._stage = self._stage is None, stage
        await self.tell(*(["STOPPING=1"] if is_first else []))

    async def keep_told(self) -> None:
        """Every few seconds, and more often while the daemon stops."""
        while self._notifier.is_heard:
            await trio.sleep(EVERY_SECONDS if self._stage is None else EVERY_STOPPING_SECONDS)
            try:
                await self.tell()
            except Exception as error:  # noqa: BLE001 a line that can't be told is left out: the messages go on
                log.warning("the state can't be told to systemd: error=%s", type(error).__name__)

    def _to_tell(self) -> int:
        return self._store.counts()["events_pending"]


def running_line(carriers: Sequence[CarrierView], backlog: int, in_doubt: int, to_tell: int) -> str:
    """`Binds 3/4 up (telco unable to send); queued 1,204; in doubt 0; webhooks to tell 12`."""
    binds = [bind for carrier in carriers for bind in carrier.binds]
    up = sum(bind.state == BindState.BOUND.value for bind in binds)
    down = [carrier.name for carrier in carriers if not carrier.able and carrier.held is None]
    held = [carrier.name for carrier in carriers if carrier.held is not None]
    told = [f"{', '.join(names)} {how}" for names, how in ((down, "unable to send"), (held, "held")) if names]
    unable = f" ({'; '.join(told)})" if told else ""
    return (
        f"Binds {up}/{len(binds)} up{unable}; queued {backlog:,}; in doubt {in_doubt:,}; webhooks to tell {to_tell:,}"
    )


def stopping_line(stage: str, carriers: Sequence[CarrierView], to_tell: int) -> str:
    """`Stopping: waits for carriers' answers; 37 segments in flight; webhooks to tell 12`."""
    in_flight = sum(bind.in_flight for carrier in carriers for bind in carrier.binds)
    return f"Stopping: {stage}; {in_flight:,} segments in flight; webhooks to tell {to_tell:,}"
