"""What systemd is told by a process that it started: a socket that notifications arrive at (sd_notify(3))."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arrivals import Arrivals


class NotifySocket:
    """Notifications in the order of arrival, each with when it came by the clock `time.monotonic`."""

    def __init__(self, address: Path) -> None:
        self.told: Arrivals[tuple[float, str]] = Arrivals("notifications")
        self._address = address

    def environment(self, watchdog_seconds: float) -> dict[str, str]:
        """For the process."""
        return {"NOTIFY_SOCKET": str(self._address), "WATCHDOG_USEC": str(int(watchdog_seconds * 1e6))}

    def feedings(self) -> list[float]:
        """When its watchdog was fed."""
        return [at for at, words in self.told.all() if "WATCHDOG=1" in words.split("\n")]


@contextmanager
def heard(folder: Path) -> Iterator[NotifySocket]:
    """A socket for a process to notify, until the end of the block."""
    heard_by = NotifySocket(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "notify"))
        thread = threading.Thread(target=_listen, args=(listener, heard_by.told), daemon=True)
        thread.start()
        try:
            yield heard_by
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(folder / "notify"))
            thread.join()


def _listen(listener: socket.socket, told: Arrivals[tuple[float, str]]) -> None:
    while words := listener.recv(4096):
        told.add((time.monotonic(), words.decode()))
