"""SIGKILL with a million queued and a window in flight: how long until callers are answered again."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks_support import Bench, bench, cpu_seconds

QUEUED = 1_000_000
FIRST = 500
_LISTENING = re.compile(r"listening http=http://127\.0\.0\.1:(\d+)")


def post(b: Bench, count: int) -> None:
    items = [{"to": f"+346{n:08d}", "from": "SHOP", "text": f"Your order {n} has left us"} for n in range(count)]
    with b.connection() as connection:
        b.post(connection, "/v1/sms/bulk", json.dumps(items).encode())


def multiply(store: Path, times: int) -> int:
    """So many copies of each message under older ids; how many there are then."""
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(messages)")]
        columns = ", ".join("m.id - n.k * 100000" if name == "id" else f"m.{name}" for name in names)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {times}) "
            f"INSERT INTO messages SELECT {columns} FROM n CROSS JOIN messages m"
        )
        connection.execute("UPDATE queues SET ready = (SELECT count(*) FROM messages WHERE queue = queues.id)")
        connection.execute("COMMIT")
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


def kill(b: Bench) -> None:
    b.gateway.send_signal(signal.SIGKILL)
    b.gateway.wait(30)


def start(b: Bench, life: int) -> tuple[float, float]:
    """Seconds until it listens, and seconds of CPU: most of both are Python's imports."""
    log = b.folder / f"gateway-{life}.log"
    began = time.monotonic()
    with log.open("wb") as file:
        command = [sys.executable, "-m", "gateway", "run", "--config", str(b.folder / "bench.toml")]
        b.gateway = subprocess.Popen(command, stderr=file)
    while (found := _LISTENING.search(log.read_text())) is None:
        assert b.gateway.poll() is None, log.read_text()
        assert time.monotonic() < began + 60, log.read_text()
        time.sleep(0.005)
    b.port = int(found[1])
    return time.monotonic() - began, cpu_seconds(b.gateway.pid)


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_recovery_with_a_million_queued(tmp_path: Path, report) -> None:
    with bench(tmp_path, simulator=None) as b:
        started_with = b.gateway
        post(b, FIRST)
        kill(b)
        few = start(b, 2)
        kill(b)
        queued = multiply(tmp_path / "bench.db", QUEUED // FIRST - 1)
        start(b, 3)
        b.start_simulator("--latency", "2s", "--no-number-outcomes")
        for _ in range(20):
            post(b, FIRST)
        while "carrier=telco able=True" not in (tmp_path / "gateway-3.log").read_text():
            time.sleep(0.05)
        kill(b)
        log = tmp_path / "bench.db-wal"
        log_mib = log.stat().st_size / 2**20
        many = start(b, 4)
        said = (tmp_path / "gateway-4.log").read_text()
        doubts = re.search(r"segments_in_doubt=(\d+)", said)
        report(
            f"killed with {queued + 20 * FIRST} queued",
            log_mib=f"{log_mib:.0f}",
            in_doubt=doubts[1] if doubts else 0,
            seconds_to_ready_with_few=f"{few[0]:.2f} (CPU {few[1]:.2f})",
            seconds_to_ready=f"{many[0]:.2f} (CPU {many[1]:.2f})",
        )
        b.gateway.send_signal(signal.SIGTERM)
        b.gateway.wait(60)
        assert started_with.poll() is not None
