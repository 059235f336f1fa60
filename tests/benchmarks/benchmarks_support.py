"""What the benchmarks share: gateway, simulator and webhook sink as processes of their own, and what they cost.

A figure is printed, never asserted: machines are noisy. CPU is user + system of the process, from /proc.
"""

import http.client
import json
import os
import platform
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

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


def rss_mib(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


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


@dataclass
class Bench:
    folder: Path
    gateway: subprocess.Popen[bytes]
    simulator: subprocess.Popen[bytes] | None
    sink: subprocess.Popen[str]
    port: int
    smsc_port: int

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
        raise AssertionError(f"{events} of {count} events came within {seconds} s; see {self.folder}/gateway.log")

    def start_simulator(self, *options: str) -> None:
        """The carrier comes up after all."""
        self.simulator = _simulator(self.smsc_port, options)

    def cpu(self) -> dict[str, float]:
        processes = {"gateway": self.gateway, "simulator": self.simulator, "sink": self.sink}
        return {name: cpu_seconds(process.pid) for name, process in processes.items() if process is not None}


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


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
    smsc_port = _free_port()
    sink = subprocess.Popen(
        [sys.executable, str(HERE / "sink.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    sink_port = int(sink.stdout.readline())
    config = folder / "bench.toml"
    config.write_text(
        CONFIG.format(
            store=folder / "bench.db",
            smsc=smsc_port,
            window=window,
            submit_rate=submit_rate,
            sink=sink_port,
            batch=batch,
        )
    )
    if prepare is not None:
        prepare(config)
    smsc = None
    if simulator is not None:
        smsc = _simulator(smsc_port, simulator)
    log = (folder / "gateway.log").open("wb")
    gateway = subprocess.Popen([sys.executable, "-m", "gateway", "run", "--config", str(config)], stderr=log)
    try:
        port = _port_of(folder / "gateway.log", "carrier=telco able=True" if simulator is not None else "operator=")
        running = Bench(folder, gateway, smsc, sink, port, smsc_port)
        yield running
        smsc = running.simulator
    finally:
        for process in (gateway, smsc, sink):
            if process is not None:
                process.send_signal(signal.SIGTERM)
        for process in (gateway, smsc, sink):
            if process is not None:
                process.wait(60)
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        pipe.close()
        log.close()


def _simulator(port: int, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gateway", "simulator", "--listen", f"127.0.0.1:{port}", *options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def _port_of(log: Path, ready: str) -> int:
    for _ in range(600):
        text = log.read_text()
        found = re.search(r"listening http=http://127\.0\.0\.1:(\d+)", text)
        if found and ready in text:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(log.read_text())
