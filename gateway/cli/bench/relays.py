"""What stands between callers and the carrier in a run: this gateway, as `sluice run` has it. Kannel is kannel.py's."""

import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.cli.bench.configuration import LEAN_KEY, TOKEN, Ports, Shape
from gateway.cli.bench.processes import BenchError, Child, module, our_environment
from gateway.cli.bench.requests import Posts, Way

_START_SECONDS = 120.0


class Relay(ABC):
    """Takes messages over HTTP, puts them to the carrier, tells a webhook of receipts."""

    binds: int
    """That the carrier will see."""
    fronts: dict[str, int]
    """Ports for posts, by name."""
    trusts: Path | None = None
    """The certificate of a CA, in place of the system's; set before the start."""

    @property
    def by_tls(self) -> bool:
        """Whether it tells of receipts by https."""
        return False

    @abstractmethod
    def write(self, folder: Path, ports: Ports) -> None:
        """Its configuration."""

    @abstractmethod
    def start(self) -> float:
        """Seconds until it listens."""

    @abstractmethod
    def processes(self) -> dict[str, Child]:
        """Those that run."""

    @abstractmethod
    def posts(self, way: Way, count: int, first: int, **how: Any) -> Posts:
        """Messages as it takes them."""

    def kill(self) -> None:
        """`kill -9` of all."""
        for process in self.processes().values():
            process.kill()

    def end(self) -> None:
        """As on SIGTERM."""
        for process in reversed(list(self.processes().values())):
            process.end()


class Sluice(Relay):
    """The gateway; from another checkout where `tree` is given, for figures of before and after."""

    def __init__(self, shape: Shape, tree: Path | None = None) -> None:
        self.shape = shape
        self.binds = shape.carriers * shape.binds
        self.fronts = {}
        self.store = Path()
        self._tree = tree
        self._folder = Path()
        self._child: Child | None = None

    @property
    def by_tls(self) -> bool:
        return self.shape.by_tls

    def write(self, folder: Path, ports: Ports) -> None:
        self._folder = folder
        self.store = folder / "bench.db"
        has_lean = self._tree is None or _knows(self._tree, LEAN_KEY)
        self.fronts = {"front": ports.front, **({"lean": ports.lean} if has_lean else {})}
        (folder / "bench.toml").write_text(self.shape.text(ports, self.store, has_lean=has_lean), "utf-8")

    def start(self) -> float:
        began = time.monotonic()
        command = module("gateway", "run", "--config", str(self._folder / "bench.toml"))
        environment = our_environment(self._tree)
        if self.trusts is not None:
            environment["SSL_CERT_FILE"] = str(self.trusts)
        self._child = Child("gateway", command, self._folder, environment)
        wait_for_ports(self._child, self.fronts.values())
        return time.monotonic() - began

    def processes(self) -> dict[str, Child]:
        return {} if self._child is None else {"gateway": self._child}

    def posts(self, way: Way, count: int, first: int, **how: Any) -> Posts:
        return Posts(way.path, count, first, way.each, token=TOKEN, **how)


def _knows(tree: Path, key: str) -> bool:
    """Whether the settings of another checkout have this key."""
    return any(f"{key}:" in file.read_text("utf-8") for file in tree.glob("gateway/settings/*.py"))


def wait_for_ports(child: Child, ports: Iterable[int]) -> None:
    """Until all are listened on. Raises BenchError when the process ends before, or after two minutes."""
    deadline = time.monotonic() + _START_SECONDS
    for port in ports:
        while not _is_open(port):
            if not child.is_running or time.monotonic() > deadline:
                raise BenchError(f"{child.name} does not listen: {child.tail()}")
            time.sleep(0.01)


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
