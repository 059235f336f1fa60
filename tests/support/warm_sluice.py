"""The `sluice` command, loaded once and forked for each that is asked for: a program of its own.

`python warm_sluice.py FD`: FD is a SOCK_SEQPACKET socket. A message there is one command, as JSON: `arguments` behind
`sluice`, `folder`, `environment` (all of it) and `files` (its limits of open files), with four descriptors: standard
input, output and error, and a socket of its own that is told PID and, in the end, the exit status. A fork, since to
start Python and to load the daemon takes longer than most tests; but for that, all is as in a process of its own.
"""

import ctypes
import importlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
from typing import Any

from gateway.cli import COMMANDS, main

LARGEST_ORDER = 1 << 20
_DESCRIPTORS = 4


class Nursery:
    """Forks that have not ended yet."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ)
        self._lives: dict[int, tuple[int, socket.socket]] = {}
        """By the descriptor that tells the end of a fork: its process id, and whom to tell."""

    def serve(self) -> dict[str, Any] | None:
        """The order to carry out, in a fork that was made for it; None once nothing more will be asked for."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._orders:
                    self._tell_end(key.fd)
                    continue
                message, descriptors, _, _ = socket.recv_fds(self._orders, LARGEST_ORDER, _DESCRIPTORS)
                if not message:
                    self._end_all()
                    return None
                if self._is_fork(descriptors):
                    order: dict[str, Any] = json.loads(message)
                    return order

    def _is_fork(self, descriptors: list[int]) -> bool:
        pid = os.fork()
        if pid == 0:
            self._forget_others()
            for number, descriptor in enumerate(descriptors):
                if number < 3:
                    os.dup2(descriptor, number)
                os.close(descriptor)
            return True
        for descriptor in descriptors[:3]:
            os.close(descriptor)
        whom = socket.socket(fileno=descriptors[3])
        whom.send(str(pid).encode())
        end = os.pidfd_open(pid)
        self._lives[end] = (pid, whom)
        self._selector.register(end, selectors.EVENT_READ)
        return False

    def _forget_others(self) -> None:
        self._selector.close()
        self._orders.close()
        for end, (_, whom) in self._lives.items():
            os.close(end)
            whom.close()

    def _tell_end(self, end: int) -> None:
        self._selector.unregister(end)
        os.close(end)
        pid, whom = self._lives.pop(end)
        _, status = os.waitpid(pid, 0)
        with whom:
            whom.send(str(os.waitstatus_to_exitcode(status)).encode(), socket.MSG_NOSIGNAL)

    def _end_all(self) -> None:
        for pid, _ in self._lives.values():
            os.kill(pid, signal.SIGKILL)


def run() -> int:
    """The command's exit status, in a fork; 0 in the process that forks."""
    for name in COMMANDS:
        importlib.import_module(f"gateway.cli.{name.replace('-', '_')}")
    order = Nursery(socket.socket(fileno=int(sys.argv[1]))).serve()
    if order is None:
        return 0
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    resource.setrlimit(resource.RLIMIT_NOFILE, tuple(order["files"]))
    if "LD_PRELOAD" in os.environ:
        # It was loaded before this environment was there.
        ctypes.CDLL(os.environ["LD_PRELOAD"]).set_up()
    sys.argv = ["sluice", *order["arguments"]]
    return main()


if __name__ == "__main__":
    sys.exit(run())
