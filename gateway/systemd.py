"""What systemd is told: readiness, status lines, and that the store still takes writes (sd_notify(3)).

Without NOTIFY_SOCKET every call does nothing, so the daemon runs the same in a terminal.
"""

import logging
import os
from collections.abc import Awaitable, Callable

import trio

from gateway.store.interface import StoreBusy, StoreFull

log = logging.getLogger("sluice.daemon")


class Notifier:
    """Speaks to the service manager that started this process."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        environ = dict(os.environ) if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        watchdog = environ.get("WATCHDOG_USEC", "")
        for_us = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self.watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdigit() and for_us else None

    async def tell(self, *lines: str) -> None:
        """Send such lines as `READY=1` or `STATUS=...`; a manager that can't be reached is no reason to stop."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM) as socket:
                await socket.connect(address)
                await socket.send("\n".join(lines).encode())
        except OSError as error:
            log.warning("systemd can't be told %s: %s", lines[0], error)

    async def feed_watchdog(self, proof_of_life: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: tell systemd that we live, each time after a write went through. A stuck disk misses.

        A beat is skipped while the store can't write: if that lasts, systemd restarts the daemon.
        """
        if self.watchdog_seconds is None:
            return
        while True:
            try:
                await proof_of_life()
            except (StoreBusy, StoreFull) as error:
                log.error("systemd's watchdog is not fed, since the store can't write: %s", error)
            else:
                await self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_seconds / 3)
