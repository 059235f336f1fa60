"""SIGKILL with a million queued and a window in flight: how long until callers are answered again."""

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks_support import Bench, bench, cpu_seconds

QUEUED = 1_000_000
FIRST = 500


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


def started(b: Bench) -> tuple[float, float]:
    """Seconds until it listens, and seconds of CPU: most of both are Python's imports."""
    began = time.monotonic()
    b.start_gateway()
    return time.monotonic() - began, cpu_seconds(b.gateway.pid)


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_recovery_with_a_million_queued(tmp_path: Path, report) -> None:
    with bench(tmp_path, simulator=None) as b:
        post(b, FIRST)
        b.kill_gateway()
        few = started(b)
        b.kill_gateway()
        queued = multiply(b.store, QUEUED // FIRST - 1)
        b.start_gateway()
        b.start_simulator("--latency", "2s", "--no-number-outcomes")
        for _ in range(20):
            post(b, FIRST)
        b.logged("carrier=telco able=True")
        b.kill_gateway()
        log_mib = Path(f"{b.store}-wal").stat().st_size / 2**20
        many = started(b)
        doubts = re.search(r"segments_in_doubt=(\d+)", b.log.read_text())
        report(
            f"killed with {queued + 20 * FIRST} queued",
            log_mib=f"{log_mib:.0f}",
            in_doubt=doubts[1] if doubts else 0,
            seconds_to_ready_with_few=f"{few[0]:.2f} (CPU {few[1]:.2f})",
            seconds_to_ready=f"{many[0]:.2f} (CPU {many[1]:.2f})",
        )
