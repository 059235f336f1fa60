"""The stage of one run: a throw-away folder with the relay, the lean carrier, the counting sink and the callers.

Each is a process of its own, over loopback. It starts them, waits for what they count, and says what each cost.
"""

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.cli.bench.apart import Span, answer, beyond, lacking, question
from gateway.cli.bench.certificates import certified
from gateway.cli.bench.configuration import DELIVERED, Ports
from gateway.cli.bench.processes import BenchError, Child, cpu_seconds, module, rss_mib, waited_seconds
from gateway.cli.bench.relays import Relay
from gateway.cli.bench.requests import STREAM, Posts, Way
from gateway.cli.bench.smsc_pdus import SUBMITTED

_PACKAGE = "gateway.cli.bench"
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0
_QUIET_SECONDS = 1.0
_STREAM_WINDOW = 4_000
RECEIPT_SECONDS = 1.0


@dataclass(slots=True)
class Spent:
    """CPU seconds by process, at a moment, and as `waited` those in which the relay had no core to run on."""

    at: dict[str, float]

    def each(self, before: "Spent", count: int) -> dict[str, float]:
        """Microseconds a message since `before`."""
        return {f"{name}_us": max(0.0, at - before.at.get(name, 0.0)) / count * 1e6 for name, at in self.at.items()}


class Call:
    """Callers that are ready to begin: a process, which has rendered its requests."""

    def __init__(self, child: Child, posts: Posts) -> None:
        self.posts = posts
        self._child = child
        child.hear()

    def begin(self) -> None:
        self._child.tell("go")

    def outcome(self) -> dict[str, Any]:
        """Once all is answered."""
        told: dict[str, Any] = json.loads(self._child.hear())
        self._child.end()
        if told["refused"]:
            raise BenchError(f"{told['refused']} requests were refused: {self._child.tail()}")
        return told


class Stage:
    """Used by one run; ended by `staged`."""

    def __init__(self, folder: Path, relay: Relay, receipt_seconds: float | None) -> None:
        self.folder = folder
        self.relay = relay
        self._receipt_seconds = receipt_seconds
        self._children: list[Child] = []
        self._calls = 0
        self._handed: list[Span] = []
        pem: tuple[str, ...] = ()
        if relay.by_tls:
            relay.trusts, of_sink = certified(folder)
            pem = (str(of_sink),)
        self.sink = self._module("sink", *pem)
        sink = int(self.sink.hear())
        front, lean, operator, smsc = free_ports(4)
        self.ports = Ports(front, lean, operator, smsc, sink)
        self.smsc: Child | None = None
        relay.write(folder, self.ports)

    def start(self, *, with_carrier: bool = True) -> None:
        """All that is not yet up."""
        if with_carrier:
            self.start_carrier()
        self.relay.start()
        if with_carrier:
            self.wait(lambda: self.carrier()["binds"] >= self.relay.binds, "the binds")

    def start_carrier(self) -> None:
        seconds = "none" if self._receipt_seconds is None else str(self._receipt_seconds)
        self.smsc = self._module("smsc", str(self.ports.smsc), seconds)
        self.smsc.hear()

    def carrier(self) -> dict[str, float]:
        """What the carrier counted."""
        return self._carrier().ask("figures")

    def arrivals(self) -> dict[str, float]:
        """When each number's submit_sm came since the last call; the first call begins it."""
        return self._carrier().ask("arrivals")

    def told(self) -> dict[str, float]:
        """What the sink counted."""
        return self.sink.ask("figures")

    def call(self, way: Way, count: int, first: int = 0, *, rate: float = 0.0, times: bool = False, **how: Any) -> Call:
        """Callers made ready with so many messages; a stream has one connection. `how`: fields of Posts."""
        posts = self.relay.posts(way, count, first, **how)
        child = self._module("stream_client" if way.path == STREAM else "client", log=f"caller{self._calls}")
        self._calls += 1
        self._handed.append((first, first + count))
        given = {"port": self._port(way.front), "connections": way.connections, "rate": rate, "times": times}
        child.tell(json.dumps({**given, "window": _STREAM_WINDOW, "posts": asdict(posts)}))
        return Call(child, posts)

    def post(self, way: Way, count: int, **how: Any) -> None:
        """The first so many, until the last has its answer."""
        call = self.call(way, count, **how)
        call.begin()
        call.outcome()

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = _PATIENCE_SECONDS) -> None:
        """Raises BenchError when nothing changes the answer for so long; looks at the processes meanwhile."""
        deadline = time.monotonic() + seconds
        while not is_so():
            for child in self.relay.processes().values():
                if not child.is_running:
                    raise BenchError(f"{child.name} ended: {child.tail()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{what} did not come within {seconds:.0f} s: {self.seen()}")
            time.sleep(_POLL_SECONDS)

    def wait_for_events(self, count: int, seconds: float = _PATIENCE_SECONDS) -> None:
        """Until the sink has so many, whichever they are, and the carrier its answers to all receipts."""
        self.wait(lambda: self.told()["events"] >= count, f"{count} events", seconds)
        if self.smsc is not None:
            self.wait(lambda: self._is_settled(self.carrier()), "the answers to receipts", seconds)

    def told_apart(
        self,
        events: Sequence[str] = DELIVERED,
        whole: Sequence[Span] | None = None,
        seconds: float = _PATIENCE_SECONDS,
    ) -> dict[str, float]:
        """After what is measured: events that were told again, which is allowed and shown where it happened.

        `events` of each message; `whole`: of which messages none may be missing, else all that were handed in, and
        then it is asked once nothing more comes: the last to come may be one too many. Raises BenchError where one is
        missing, or an event of one, after so many seconds without; and where one was sent twice, which nothing in a
        run excuses, or where events came that are not among these.
        """
        whole = self._handed if whole is None else whole
        deadline = time.monotonic() + seconds
        while True:
            if whole == self._handed:
                self._wait_until_quiet()
            messages = answer(self._carrier().ask(question(self._handed, whole, [SUBMITTED])))[SUBMITTED]
            told = answer(self.sink.ask(question(self._handed, whole, events)))
            amiss = beyond(messages, told)
            missing = lacking(messages, told)
            if amiss or not missing or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        if amiss or missing:
            raise BenchError(f"{'; '.join([*amiss, *missing])}: {self.seen()}")
        again = sum(one.again for one in told.values())
        return {"events_told_again": again} if again else {}

    def seen(self) -> str:
        """For an error: what was counted, and the end of the relay's log."""
        counts = {"sink": self.told(), "carrier": self.smsc and self.carrier()}
        return f"{counts}; " + "; ".join(child.tail() for child in self.relay.processes().values())

    def spent(self) -> Spent:
        """By name: each process of the relay, `gateway` for all of them, the carrier as `simulator`, and the sink."""
        relay = {name: cpu_seconds([child.pid]) for name, child in self.relay.processes().items()}
        others = {"simulator": self.smsc, "sink": self.sink}
        spent = {name: cpu_seconds([child.pid]) for name, child in others.items() if child is not None}
        waited = waited_seconds(child.pid for child in self.relay.processes().values())
        return Spent({**relay, "gateway": sum(relay.values()), "waited": waited, **spent})

    def rss_mib(self, field: str = "VmRSS") -> float:
        """Of the relay."""
        return rss_mib([child.pid for child in self.relay.processes().values()], field)

    def end(self) -> None:
        self.relay.end()
        for child in reversed(self._children):
            child.end()

    def kill(self) -> None:
        """All at once."""
        self.relay.kill()
        for child in self._children:
            child.kill()

    def _wait_until_quiet(self) -> None:
        """Until nothing new came to carrier and sink for a second."""
        before, since = self._came(), time.monotonic()

        def is_quiet() -> bool:
            nonlocal before, since
            now = self._came()
            if now != before:
                before, since = now, time.monotonic()
            return time.monotonic() - since >= _QUIET_SECONDS

        self.wait(is_quiet, "a second in which nothing more comes")

    def _came(self) -> tuple[float, ...]:
        carrier, sink = self.carrier(), self.told()
        return carrier["taken"], carrier["receipts"], carrier["acknowledged"], sink["requests"], sink["events"]

    def _carrier(self) -> Child:
        if self.smsc is None:
            raise BenchError("the carrier is not up")
        return self.smsc

    def _port(self, front: str) -> int:
        port = self.relay.fronts.get(front)
        if port is None:
            raise BenchError(f"this gateway has no {front} listener")
        return port

    def _is_settled(self, counts: dict[str, float]) -> bool:
        return counts["acknowledged"] >= counts["receipts"]

    def _module(self, name: str, *arguments: str, log: str | None = None) -> Child:
        child = Child(log or name, module(f"{_PACKAGE}.{name}", *arguments), self.folder)
        self._children.append(child)
        return child


@contextmanager
def staged(
    relay: Relay, *, receipt_seconds: float | None = RECEIPT_SECONDS, with_carrier: bool = True
) -> Iterator[Stage]:
    """A stage on which all is up; nothing of it is left behind."""
    with throw_away_folder() as folder:
        stage = Stage(folder, relay, receipt_seconds)
        try:
            stage.start(with_carrier=with_carrier)
            yield stage
        finally:
            try:
                stage.end()
            except KeyboardInterrupt:
                stage.kill()  # asked twice: nobody waits for them to end by themselves any more
                raise


@contextmanager
def throw_away_folder() -> Iterator[Path]:
    """`$TMPDIR` says on which disk it lies."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-bench-", dir=os.environ.get("TMPDIR"))).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Of loopback; all are held until all are chosen, so that no two are alike."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
