"""What systemd is told: readiness, status lines, and that the store still takes writes (sd_notify(3)).

Without NOTIFY_SOCKET every call does nothing, so the daemon runs the same in a terminal.
"""

import os
from collections.abc import Awaitable, Callable

import trio


class Notifier:
    """Speaks to the service manager that started this process."""

    def __init__(self, environ: dict[str, str] | None = None) -> None:
        environ = dict(os.environ) if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        watchdog = environ.get("WATCHDOG_USEC", "")
        for_us = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self.watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdigit() and for_us else None

    async def tell(self, *lines: str) -> None:
        """Send such lines as `READY=1` or `STATUS=...`."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM) as socket:
            await socket.connect(address)
            await socket.send("\n".join(lines).encode())

    async def feed_watchdog(self, proof_of_life: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: tell systemd that we live, each time after a write went through. A stuck disk misses."""
        if self.watchdog_seconds is None:
            return
        while True:
            await proof_of_life()
            await self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_seconds / 3)
