"""Lean connections between two requests, whatever their number, waited for in one task: what comes is read here, and a
usual POST is answered without a step of its connection's task (lean_connection.py says which).

The kernel tells which of all these sockets have something to read (epoll(7)), and Trio waits for that alone.
"""

import logging
import os
import select
from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from gateway.serving.waits import MOST_READ

log = logging.getLogger("sluice.http")
_MOST_AT_ONCE = 32
"""Connections heard without a pause, which is some 2 ms of usual POSTs."""

T = TypeVar("T")


class Watch:
    """One of a server."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._hearers: dict[int, Callable[[int], None]] = {}
        """By descriptor."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hear connections until cancelled."""
        with self._epoll:
            task_status.started()
            while True:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
                for descriptor, _ in self._epoll.poll(0, _MOST_AT_ONCE):
                    # One heard before it may have ended it.
                    if (hear := self._hearers.get(descriptor)) is not None:
                        hear(descriptor)

    @property
    def is_empty(self) -> bool:
        """Nobody is watched."""
        return not self._hearers

    def add(self, descriptor: int, hear: Callable[[int], None]) -> None:
        self._hearers[descriptor] = hear
        if not self._epoll.closed:  # else who waits is about to be cancelled, as `run` was
            self._epoll.register(descriptor, select.EPOLLIN)

    def drop(self, descriptor: int) -> None:
        del self._hearers[descriptor]
        if not self._epoll.closed:
            self._epoll.unregister(descriptor)


class Watched(Generic[T]):
    """One connection's place. It is watched while its task waits in `next`, unless something is under way meanwhile."""

    def __init__(self, watch: Watch, socket: trio.socket.SocketType) -> None:
        self._watch = watch
        self._socket = socket
        self._descriptor = -1
        """Watched; -1: not now."""
        self._task: trio.lowlevel.Task | None = None
        self._heard: Callable[[bytes], None] | None = None
        self._cut: Callable[[], None] | None = None
        self._woken_by: T | None = None
        self.is_under_way = False
        """What was heard last; what comes behind it is not read, until `go_on`."""

    async def next(self, heard: Callable[[bytes], None], cut: Callable[[], None]) -> T | None:
        """What the task was woken with; None once the socket is closed.

        `heard` is told what was read, empty at the end, and may `wake` the task; `cut` ends the connection.
        """
        if self._socket.fileno() < 0:
            return None
        self._heard, self._cut, self._task = heard, cut, trio.lowlevel.current_task()
        self.go_on()
        try:
            await trio.lowlevel.wait_task_rescheduled(self._abort)
            # Cut after it was woken: what was heard is not begun any more.
            return self._woken_by if self._socket.fileno() >= 0 else None
        finally:
            # Nothing is kept of what was read, nor a ring with the connection, which is the collector's to find.
            self._heard = self._cut = self._woken_by = None

    def go_on(self) -> None:
        """Nothing is under way."""
        self.is_under_way = False
        if self._descriptor < 0:
            self._descriptor = self._socket.fileno()
            self._watch.add(self._descriptor, self._hear)

    def wake(self, by: T) -> None:
        """Let the task go on, if it waits; who is watched no longer."""
        task, self._task = self._task, None
        if task is not None:
            self._unwatch()
            self._woken_by = by
            trio.lowlevel.reschedule(task)

    def _hear(self, descriptor: int) -> None:
        heard, cut = self._heard, self._cut
        if self.is_under_way or heard is None or cut is None:
            self._unwatch()
            return
        try:
            octets = os.read(descriptor, MOST_READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        try:
            heard(octets)
        except Exception:  # the supervisor of what is done in its name: logged, and this one is closed
            log.exception("a connection ended by a fault of ours")
            cut()

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._unwatch()
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _unwatch(self) -> None:
        if self._descriptor >= 0:
            self._watch.drop(self._descriptor)
            self._descriptor = -1
