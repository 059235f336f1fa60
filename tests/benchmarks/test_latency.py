"""Singles at a steady pace: from the 201 in the client's hands to the submit_sm at the carrier."""

import json
import statistics
import time
from pathlib import Path

import pytest
from benchmarks_support import bench, machine

PER_SECOND = 100
SECONDS = 20


@pytest.mark.benchmark
@pytest.mark.timeout(120)
def test_singles_at_100_a_second(tmp_path: Path, report) -> None:
    record = tmp_path / "record.jsonl"
    answered: dict[str, float] = {}
    posts: list[float] = []
    simulator = ("--receipt-delay", "1s", "--no-number-outcomes", "--record", str(record))
    with bench(tmp_path, simulator=simulator) as b:
        started = time.time()
        before = b.cpu()["gateway"]
        with b.connection() as connection:
            for n in range(PER_SECOND * SECONDS):
                time.sleep(max(0.0, started + n / PER_SECOND - time.time()))
                begun = time.time()
                body = json.dumps({"to": f"+346{n:08d}", "from": "SHOP", "text": "Your code is 1234"}).encode()
                b.post(connection, "/v1/sms", body)
                answered[f"346{n:08d}"] = time.time()
                posts.append(time.time() - begun)
        b.told(PER_SECOND * SECONDS, 30)
        cost = (b.cpu()["gateway"] - before) / (PER_SECOND * SECONDS) * 1e6
    arrived = {line["destination"]: line["at"] for line in map(json.loads, record.read_text().splitlines())}
    waits = sorted(max(0.0, (arrived[number] - at) * 1000) for number, at in answered.items())
    posts.sort()
    report(
        "singles at 100/s, 201 to wire",
        machine=machine(),
        p50_ms=f"{statistics.median(waits):.1f}",
        p99_ms=f"{waits[int(len(waits) * 0.99)]:.1f}",
        post_p50_ms=f"{statistics.median(posts) * 1000:.1f}",
        post_p99_ms=f"{posts[int(len(posts) * 0.99)] * 1000:.1f}",
        gateway_us_per_message=f"{cost:.0f}",
    )
