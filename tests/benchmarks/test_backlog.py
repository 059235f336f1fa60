"""A million queued with the carrier down: what they cost in memory, and whether a claim is as fast as with a few."""

import json
import time
from pathlib import Path

import pytest
from benchmarks_support import Bench, bench, cpu_seconds
from memory import rss_mib

BACKLOGS = (1_000, 1_000_000)
DRAINED = 20_000


def fill(b: Bench, count: int) -> None:
    with b.connection() as connection:
        for start in range(0, count, 500):
            items = [
                {"to": f"+346{n:08d}", "from": "SHOP", "text": f"Your order {n} has left us"}
                for n in range(start, start + 500)
            ]
            b.post(connection, "/v1/sms/bulk", json.dumps(items).encode())


@pytest.mark.benchmark
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("backlog", BACKLOGS)
def test_a_backlog_costs_disk_not_memory_nor_time(tmp_path: Path, report, backlog: int) -> None:
    with bench(tmp_path, simulator=None) as b:
        started = time.monotonic()
        fill(b, max(backlog, DRAINED))
        accepted = time.monotonic() - started
        resident = rss_mib(b.gateway.pid)
        before = cpu_seconds(b.gateway.pid)
        b.start_simulator("--receipt-delay", "0ms", "--no-number-outcomes")
        begun = time.monotonic()
        last = b.told(DRAINED, 180)
        cost = (cpu_seconds(b.gateway.pid) - before) / DRAINED * 1e6
        report(
            f"backlog of {backlog}",
            accepted_per_second=f"{max(backlog, DRAINED) / accepted:.0f}",
            rss_mib=f"{resident:.0f}",
            then_gateway_us_per_message=f"{cost:.0f}",
            messages_per_second=f"{DRAINED / (last - begun):.0f}",
        )
