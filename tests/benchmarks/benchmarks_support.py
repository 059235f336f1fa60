"""What the benchmarks share: gateway, simulator and webhook sink as processes of their own, and what they cost.

A figure is printed, never asserted: machines are noisy. CPU is user + system of the process, from /proc. Processes are
started by the system and log into files: a fork of the tests' warm one, or a pipe read here, would be measured too.
"""

import http.client
import json
import os
import platform
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from ports import free_port
from records import Record
from smpplib import smpp

TOKEN = "sk_benchmark"
TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent
CONFIG = """
[http]
listen = ["127.0.0.1:0"]
[operator]
listen = ["127.0.0.1:0"]
[store]
url = "sqlite://{store}"
[webhooks]
allow_networks = ["127.0.0.0/8"]
[carriers.telco]
hosts = ["127.0.0.1:{smsc}"]
system_id = "bench"
password = "bench"
window = {window}
submit_rate = {submit_rate}
reconnect_floor = "1s"
reconnect_ceiling = "1s"
[[routes]]
name = "rest"
tiers = ["telco"]
[accounts.shop]
tokens = [{{ sha256 = "b8580ce2f1b401f0ee39169a3b5cae79f292e26593dfca0395f5ec1a12999b04", scopes = ["send", "read"] }}]
senders = ["SHOP"]
default_sender = "SHOP"
default_region = "ES"
[accounts.shop.webhook]
url = "http://127.0.0.1:{sink}/"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
batch = {batch}
events = ["message.delivered"]
"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def yardstick_us() -> float:
    """How fast the machine is just now: CPU of one submit_sm by smpplib, in microseconds; 45 to 95 on the same one."""
    client = type("Client", (), {"sequence": 1, "next_sequence": lambda self: 1})()
    count, best = 1_000, float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(count):
            smpp.make_pdu(
                "submit_sm", client=client, source_addr="SHOP", destination_addr="34600000001", short_message=b"Hello"
            ).generate()
        best = min(best, time.process_time() - started)
    return best / count * 1e6


class Bench:
    """The three processes in a folder, and a caller of the gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smsc_port = free_port()
        self.config = folder / "bench.toml"
        self.port = 0
        self.lives = 0
        self.gateway: subprocess.Popen[bytes] | None = None
        self.simulator: subprocess.Popen[bytes] | None = None
        self.sink: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, str(HERE / "sink.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def configure(self, **given: int) -> None:
        sink = int(self.sink.stdout.readline())
        self.config.write_text(CONFIG.format(store=self.store, smsc=self.smsc_port, sink=sink, **given))

    @property
    def store(self) -> Path:
        return self.folder / "bench.db"

    @property
    def log(self) -> Path:
        """Of the gateway's latest life."""
        return self.folder / f"gateway-{self.lives}.log"

    def start_gateway(self) -> None:
        """Returns once it listens."""
        self.lives += 1
        with self.log.open("wb") as file:
            command = [sys.executable, "-m", "gateway", "run", "--config", str(self.config)]
            self.gateway = subprocess.Popen(command, stderr=file)
        self.port = int(self.logged(r"listening http=http://127\.0\.0\.1:(\d+) ", every=0.005)[1])

    def logged(self, pattern: str, every: float = 0.05) -> re.Match[str]:
        """Wait for it in the log."""
        deadline = time.monotonic() + 60
        while (found := re.search(pattern, text := self.log.read_text())) is None:
            assert self.gateway.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(every)
        return found

    def kill_gateway(self) -> None:
        self.gateway.kill()
        self.gateway.wait(30)

    def start_simulator(self, *options: str) -> None:
        """The carrier comes up."""
        command = [sys.executable, "-m", "gateway", "simulator", "--listen", f"127.0.0.1:{self.smsc_port}", *options]
        self.simulator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.simulator.stdout.readline()

    def end(self) -> None:
        processes = [process for process in (self.gateway, self.simulator, self.sink) if process is not None]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def connection(self) -> AbstractContextManager[http.client.HTTPConnection]:
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))

    def post(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> dict:
        connection.request("POST", path, body, {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 201, (answer.status, text[:500])
        return json.loads(text)

    def told(self, count: int, seconds: float) -> float:
        """Wait until the sink has so many events; when (monotonic) the last came."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.sink.stdin.write("?\n")
            self.sink.stdin.flush()
            events, last = self.sink.stdout.readline().split()
            if int(events) >= count:
                return float(last)
            time.sleep(0.02)
        raise AssertionError(f"{events} of {count} events came within {seconds} s; see {self.log}")

    def cpu(self) -> dict[str, float]:
        processes = {"gateway": self.gateway, "simulator": self.simulator, "sink": self.sink}
        return {name: cpu_seconds(process.pid) for name, process in processes.items() if process is not None}


class Singles:
    """Messages posted at a steady pace, and how long each takes from its 201 to the wire."""

    def __init__(self, folder: Path) -> None:
        self.record = Record(folder / "record.jsonl")
        self.options = ("--receipt-delay", "1s", "--no-number-outcomes", *self.record.option)
        """For the simulator."""
        self.posts: list[float] = []
        """Milliseconds of each POST."""
        self._answered: dict[str, float] = {}

    def post(
        self, b: Bench, connection: http.client.HTTPConnection, per_second: int, items: Iterable[dict[str, str]]
    ) -> None:
        started = time.time()
        for n, item in enumerate(items):
            time.sleep(max(0.0, started + n / per_second - time.time()))
            begun = time.time()
            b.post(connection, "/v1/sms", json.dumps(item).encode())
            self._answered[item["to"]] = time.time()
            self.posts.append((time.time() - begun) * 1000)

    def waits(self) -> list[float]:
        """Milliseconds from 201 to wire."""
        arrived = {"+" + line["destination"]: line["at"] for line in self.record.taken()}
        return [max(0.0, (arrived[number] - at) * 1000) for number, at in self._answered.items()]


def percentiles(name: str, values: Iterable[float]) -> dict[str, str]:
    """Figures `name` with p50 and p99, of milliseconds."""
    ordered = sorted(values)
    middle, late = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    return {f"{name}p50_ms": f"{middle:.1f}", f"{name}p99_ms": f"{late:.1f}"}


@contextmanager
def bench(
    folder: Path,
    *,
    window: int = 50,
    batch: int = 100,
    submit_rate: int = 0,
    simulator: tuple[str, ...] | None = ("--receipt-delay", "1s", "--no-number-outcomes"),
    prepare: Callable[[Path], None] | None = None,
) -> Iterator[Bench]:
    """The three processes; `simulator` None: the carrier is down; `prepare` is given the configuration file before."""
    b = Bench(folder)
    try:
        b.configure(window=window, batch=batch, submit_rate=submit_rate)
        if prepare is not None:
            prepare(b.config)
        if simulator is not None:
            b.start_simulator(*simulator)
        b.start_gateway()
        if simulator is not None:
            b.logged("carrier=telco able=True")
        yield b
    finally:
        b.end()
