"""Bulks of 500 through the whole gateway: HTTP, checks, disk, submit_sm, receipt after a second, webhook by 100."""

import json
import statistics
import threading
import time
from pathlib import Path

import pytest
from benchmarks_support import Bench, bench, machine, yardstick_us
from memory import rss_mib

RUNS = 3
MESSAGES = 40_000
WARM_UP = 2_000
CLIENTS = 4


def bodies(first: int, count: int) -> list[bytes]:
    """Bulks of 500 ordinary messages to distinct numbers."""
    items = [
        {"to": f"+346{n:08d}", "from": "SHOP", "text": f"Your order {n} has left us"}
        for n in range(first, first + count)
    ]
    return [json.dumps(items[start : start + 500]).encode() for start in range(0, count, 500)]


def push(b: Bench, todo: list[bytes]) -> None:
    with b.connection() as connection:
        while todo:
            b.post(connection, "/v1/sms/bulk", todo.pop())


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_bulk_of_500_with_receipts_and_webhooks_by_100(tmp_path: Path, report) -> None:
    costs, rates = [], []
    with bench(tmp_path) as b:
        push(b, bodies(0, WARM_UP))
        b.told(WARM_UP, 60)
        told = WARM_UP
        for run in range(RUNS):
            todo = bodies(10_000 + run * MESSAGES, MESSAGES)
            before, started = b.cpu(), time.monotonic()
            clients = [threading.Thread(target=push, args=(b, todo)) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            accepted = time.monotonic()
            told += MESSAGES
            ended = b.told(told, 120)
            after = b.cpu()
            per = {name: (after[name] - before[name]) / MESSAGES * 1e6 for name in after}
            costs.append(per["gateway"])
            rates.append(MESSAGES / (ended - started))
            report(
                f"bulk run {run + 1}",
                messages_per_second=f"{rates[-1]:.0f}",
                accepted_per_second=f"{MESSAGES / (accepted - started):.0f}",
                **{f"{name}_us": f"{value:.0f}" for name, value in per.items()},
                rss_mib=f"{rss_mib(b.gateway.pid):.0f}",
                yardstick_us=f"{yardstick_us():.0f}",
            )
    report(
        "bulk of 500, window 50, receipts, webhooks by 100",
        machine=machine(),
        gateway_us_per_message=f"{statistics.median(costs):.0f}",
        messages_per_second=f"{statistics.median(rates):.0f}",
    )
