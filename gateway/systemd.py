"""What systemd is told (readiness, status lines, that the store still takes writes) and the sockets that it hands over.

sd_notify(3) and sd_listen_fds(3). Without their variables in the environment every call does nothing, so the daemon
runs the same in a terminal.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping

import trio

from gateway.store.interface import StoreBusy, StoreFull

log = logging.getLogger("sluice.daemon")

FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START."""


class Notifier:
    """Speaks to the service manager that started this process."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        watchdog = environ.get("WATCHDOG_USEC", "")
        for_us = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        self.watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdigit() and for_us else None

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager to tell."""
        return bool(self._address)

    async def tell(self, *lines: str) -> None:
        """Send such lines as `READY=1` or `STATUS=...`; a manager that can't be reached is no reason to stop."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_DGRAM) as sender:
                await sender.connect(address)
                await sender.send("\n".join(lines).encode())
        except OSError as error:
            log.warning("systemd can't be told %s: %s", lines[0], error)

    async def feed_watchdog(self, proof_of_life: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: tell systemd that we live, each time after a write went through. A stuck disk misses.

        A beat is skipped while another holds the database: if that lasts, systemd restarts the daemon. On a full disk
        it lives: a restart would make no room, only lose the binds.
        """
        if self.watchdog_seconds is None:
            return
        while True:
            try:
                await proof_of_life()
            except StoreBusy as error:
                log.error("systemd's watchdog is not fed, since the store can't write: %s", error)
            except StoreFull:
                await self.tell("WATCHDOG=1")
            else:
                await self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_seconds / 3)


def sockets_handed_over(
    names: Collection[str], environ: Mapping[str, str] | None = None
) -> list[tuple[str, socket.socket]]:
    """Listening sockets that the service manager holds for us, each with its FileDescriptorName, one of `names`.

    It holds them on while we restart, so callers wait a moment instead of being refused. Raises OSError in words.
    """
    environ = os.environ if environ is None else environ
    count = environ.get("LISTEN_FDS", "")
    if not count.isdigit() or environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    given = environ.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for index in range(int(count)):
        name = given[index] if index < len(given) else ""
        if name not in names:
            raise OSError(
                f"systemd hands over a socket named {name or 'nothing'!r}; its FileDescriptorName= must be one of "
                + ", ".join(sorted(names))
            )
        found.append((name, _listening(FIRST_DESCRIPTOR + index, name)))
    return found


def _listening(descriptor: int, name: str) -> socket.socket:
    os.set_inheritable(descriptor, False)
    handed = socket.socket(fileno=descriptor)
    is_internet = handed.family in (socket.AF_INET, socket.AF_INET6) and handed.type == socket.SOCK_STREAM
    if not is_internet or not handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise OSError(
            f"the socket {name!r} that systemd hands over does not listen on TCP; use ListenStream= and Accept=no"
        )
    handed.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return handed
