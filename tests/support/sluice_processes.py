"""`sluice` commands beside the test: forks of a process that has loaded them all (warm_sluice.py), or started anew.

A fork does what the command does; it only need not load it. For a library to preload there is a process of its own to
fork. What has to be started by the system's own means (by a manager) is started anew, and so is everything with
SLUICE_TESTS_COLD=1.
"""

import atexit
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

from child_processes import ChildProcess

COLD = "SLUICE_TESTS_COLD"
PRELOAD = "LD_PRELOAD"
_LOADING_SECONDS = 120.0
"""All of the gateway, on a machine that may be busy."""


def sluice() -> Path:
    """The command beside the Python that runs the tests."""
    return Path(sys.executable).with_name("sluice")


def sluice_process(arguments: Sequence[str | Path], *, folder: Path, environment: dict[str, str]) -> ChildProcess:
    """`sluice` with these arguments, in this folder and with no other environment than this."""
    given = [str(argument) for argument in arguments]
    if os.environ.get(COLD) == "1":
        return ChildProcess([sluice(), *given], folder=folder, environment=environment)
    return ChildProcess(
        [sluice(), *given],
        folder=folder,
        environment=environment,
        spawn=lambda: _warm(environment.get(PRELOAD)).fork(given, folder, environment),
    )


class Fork:
    """As much of a subprocess.Popen as ChildProcess asks for."""

    def __init__(self, life: socket.socket, stdin: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        """`life` tells the process id, and the exit status in the end."""
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._life = life
        self._status: int | None = None
        self._lock = threading.Lock()
        assert select.select([life], [], [], _LOADING_SECONDS)[0], "no `sluice` was forked"
        self.pid = int(life.recv(100))

    def poll(self) -> int | None:
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("sluice", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        with self._lock:
            if self._status is None and select.select([self._life], [], [], seconds)[0]:
                self._status = int(self._life.recv(100))
                self._life.close()
            return self._status


class Warm:
    """The process that forks. It ends, and all its forks with it, when this one does."""

    def __init__(self, preloaded: str | None) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("warm_sluice.py"), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | ({} if preloaded is None else {PRELOAD: preloaded}),
            )

    def end(self) -> None:
        self._orders.close()
        self._process.wait()

    def fork(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> Fork:
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        }
        stdin, to_stdin = os.pipe()
        from_stdout, stdout = os.pipe()
        from_stderr, stderr = os.pipe()
        life, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._orders, [json.dumps(order).encode()], [stdin, stdout, stderr, theirs.fileno()])
        for descriptor in (stdin, stdout, stderr):
            os.close(descriptor)
        out, err = (os.fdopen(one, encoding="utf-8", errors="replace") for one in (from_stdout, from_stderr))
        return Fork(life, os.fdopen(to_stdin, "w", encoding="utf-8"), out, err)


@cache
def _warm(preloaded: str | None) -> Warm:
    warm = Warm(preloaded)
    atexit.register(warm.end)
    return warm
