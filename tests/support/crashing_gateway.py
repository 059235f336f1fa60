"""`sluice run` that kills itself at a chosen point of its work: before, half-way through or after a commit or a write.

A program of its own. Each line of standard input, `PLAN CONFIGURATION`, is one life: a fork that runs the command as it
is, with its commits and its writes counted from outside. PLAN is `KIND:PLACE:NUMBER` (such as `commit:before:7`), or
`count`, or `none`. It says `ready`, `started PID`, in a life that counts `point KIND NUMBER`, and `ended STATUS`.
A fork, since to start Python and to load the gateway takes longer than such a life.
"""

import os
import random
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import trio

import gateway.cli.run
from gateway.carriers.lean_stream import LeanStream
from gateway.cli import main
from gateway.serving.lean_connection import LeanConnection
from gateway.store.connection import Tx
from gateway.webhooks.quick import Quick, QuickPosts

assert gateway.cli.run  # loaded before the first fork

WRITES = {
    "gateway.carriers.outgoing": "smpp",
    "gateway.serving.http_connection": "http",
    "gateway.webhooks.client": "webhook",
    "gateway.webhooks.wires": "webhook",
}
"""Who writes to a socket, and what is counted."""


class Fate:
    """Counts points, and ends the process at one of them."""

    def __init__(self, plan: str) -> None:
        kind, _, rest = plan.partition(":")
        place, _, number = rest.partition(":")
        self._end = (kind, place, int(number)) if rest else None
        self._is_counting = plan == "count"
        self._seen: Counter[str] = Counter()

    def next(self, kind: str) -> int:
        """The number of a point that is reached now, from 1."""
        self._seen[kind] += 1
        if self._is_counting:
            # In one piece, since commits are counted in a thread of their own.
            os.write(1, f"point {kind} {self._seen[kind]}\n".encode())
        return self._seen[kind]

    def is_at(self, kind: str, place: str, number: int) -> bool:
        return self._end == (kind, place, number)

    def meet(self, kind: str, place: str, number: int) -> None:
        """SIGKILL, if this is the point."""
        if self.is_at(kind, place, number):
            os.kill(os.getpid(), signal.SIGKILL)


def watch_commits(fate: Fate) -> None:
    """Migrations are points too: their commits are inside of a script."""
    execute = Tx.execute

    def counted(self: Tx, sql: Any, *parameters: Any) -> Any:
        if sql != "COMMIT":
            return execute(self, sql, *parameters)
        number = fate.next("commit")
        fate.meet("commit", "before", number)
        result = execute(self, sql, *parameters)
        fate.meet("commit", "after", number)
        return result

    def counted_script(self: Tx, script: str) -> sqlite3.Cursor:
        number = fate.next("migration")
        fate.meet("migration", "before", number)
        result = sqlite3.Connection.executescript(self, script)
        fate.meet("migration", "after", number)
        return result

    Tx.execute = counted  # type: ignore[method-assign]
    Tx.executescript = counted_script  # type: ignore[assignment, method-assign]


def watch_writes(fate: Fate) -> None:
    """What goes to carriers, callers and endpoints."""
    for kind_of_stream in (trio.SocketStream, LeanStream):
        kind_of_stream.send_all = _counted(kind_of_stream.send_all, fate)  # type: ignore[method-assign]
    send = LeanConnection._send

    def counted_answer(self: LeanConnection, octets: bytes) -> int:
        number = fate.next("http")
        fate.meet("http", "before", number)
        if fate.is_at("http", "half", number):
            send(self, octets[: len(octets) // 2])
            fate.meet("http", "half", number)
        sent = send(self, octets)
        fate.meet("http", "after", number)
        return sent

    LeanConnection._send = counted_answer  # type: ignore[method-assign]
    begin = QuickPosts.begin

    def counted_post(self: QuickPosts[Any], post: Quick[Any]) -> bool:
        number = fate.next("webhook")
        fate.meet("webhook", "before", number)
        if fate.is_at("webhook", "half", number):
            os.write(post.connection.socket.fileno(), post.request[: len(post.request) // 2])
            fate.meet("webhook", "half", number)
        is_out = begin(self, post)
        fate.meet("webhook", "after", number)
        return is_out

    QuickPosts.begin = counted_post  # type: ignore[method-assign]


def _counted(write: Callable[..., Awaitable[None]], fate: Fate) -> Any:
    """A method that writes; who calls it says what of."""

    async def counted(self: Any, data: bytes | bytearray | memoryview) -> None:
        kind = WRITES.get(sys._getframe(1).f_globals["__name__"])
        if kind is None:
            await write(self, data)
            return
        number = fate.next(kind)
        fate.meet(kind, "before", number)
        if fate.is_at(kind, "half", number):
            await write(self, data[: len(data) // 2])
            fate.meet(kind, "half", number)
        await write(self, data)
        fate.meet(kind, "after", number)

    return counted


def live(plan: str, configuration: str) -> int:
    """One life; its exit status, where it comes to that."""
    random.seed()
    if plan != "none":
        fate = Fate(plan)
        watch_commits(fate)
        watch_writes(fate)
    return main(["run", "--config", configuration, "--log-level", "info"])


def serve() -> None:
    """Lives, one after the other, until the end of input."""
    print("ready", flush=True)
    for line in sys.stdin:
        plan, configuration = line.split()
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                status = live(plan, configuration)
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                sys.stderr.flush()
                os._exit(status)
        print("started", pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
