"""What systemd does for the daemon, small: holds its sockets, hears what it tells, and starts it again."""

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arrivals import Arrivals
from callers import Caller
from child_processes import ChildProcess
from daemons import OPERATOR_TOKEN, TOKEN, environment, to_toml
from sluice_processes import sluice

_ABOVE_OTHERS = 50
"""Descriptors to be passed are first put out of the way of 3, 4... where the daemon looks for them."""


class ServiceManager:
    """One service with its sockets, which stay open between two lives of the daemon."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        names: Sequence[str] = ("http", "operator"),
        watchdog_seconds: float | None = None,
        credentials: Path | None = None,
    ) -> None:
        """`names`: of the sockets to hand over; of what is not among them the settings' addresses are used."""
        self.folder = folder
        self.told: Arrivals[dict[str, str]] = Arrivals("what the manager was told")
        self.process: ChildProcess | None = None
        self._names = names
        self._file = folder / "sluice.toml"
        self._file.write_text(to_toml(settings), encoding="utf-8")
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in names]
        self._given = {} if watchdog_seconds is None else {"WATCHDOG_USEC": str(round(watchdog_seconds * 1e6))}
        if credentials is not None:
            self._given["CREDENTIALS_DIRECTORY"] = str(credentials)
        self._hears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._hears.bind(str(folder / "notify"))
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()
        self.http = Caller(self._url("http"), TOKEN)
        self.operator = Caller(self._url("operator"), OPERATOR_TOKEN)

    def start(self, *, wait: bool = True) -> ChildProcess:
        """One life of the daemon; returns once it has told that it is ready."""
        held = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE_OTHERS) for one in self._sockets]
        handed = " ".join(f"{number}<&{fd} {fd}<&-" for number, fd in enumerate(held, start=3))
        # The shell's process becomes the daemon's, so that LISTEN_PID is right.
        script = f'export LISTEN_PID=$$; exec "{sluice()}" run --config "{self._file}" --log-level debug {handed}'
        given = {
            **environment(),
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "LISTEN_FDS": str(len(held)),
            "LISTEN_FDNAMES": ":".join(self._names),
            **self._given,
        }
        heard = len(self.told)
        try:
            self.process = ChildProcess(
                ["/bin/bash", "-c", script], folder=self.folder, environment=given, pass_fds=held
            )
        finally:
            for fd in held:
                os.close(fd)
        if wait:
            self.told.wait(lambda told: "READY" in told, after=heard)
        return self.process

    def stop(self, seconds: float = 40.0) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self) -> None:
        """Whatever still runs is killed."""
        if self.process is not None:
            self.process.end()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.folder / "notify"))
        self._ear.join()
        for one in (*self._sockets, self._hears):
            one.close()

    def states(self) -> list[str]:
        """The STATUS lines so far."""
        return [told["STATUS"] for told in self.told.all() if "STATUS" in told]

    def _url(self, name: str) -> str:
        if name not in self._names:
            return ""
        return f"http://127.0.0.1:{self._sockets[list(self._names).index(name)].getsockname()[1]}"

    def _hear(self) -> None:
        while datagram := self._hears.recv(65_536):
            self.told.add(dict(line.split("=", 1) for line in datagram.decode().split("\n")))


@contextmanager
def managing(folder: Path, settings: Mapping[str, Any], **options: Any) -> Iterator[ServiceManager]:
    """A manager that has started nothing yet."""
    manager = ServiceManager(folder, settings, **options)
    try:
        yield manager
    finally:
        manager.close()
