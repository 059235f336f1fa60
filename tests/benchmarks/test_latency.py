"""Singles at a steady pace: from the 201 in the client's hands to the submit_sm at the carrier."""

from pathlib import Path

import pytest
from benchmarks_support import Singles, bench, machine, percentiles

PER_SECOND = 100
SECONDS = 20


@pytest.mark.benchmark
@pytest.mark.timeout(120)
def test_singles_at_100_a_second(tmp_path: Path, report) -> None:
    singles = Singles(tmp_path)
    count = PER_SECOND * SECONDS
    with bench(tmp_path, simulator=singles.options) as b:
        before = b.cpu()["gateway"]
        with b.connection() as connection:
            items = ({"to": f"+346{n:08d}", "from": "SHOP", "text": "Your code is 1234"} for n in range(count))
            singles.post(b, connection, PER_SECOND, items)
        b.told(count, 30)
        cost = (b.cpu()["gateway"] - before) / count * 1e6
    report(
        "singles at 100/s, 201 to wire",
        machine=machine(),
        **percentiles("", singles.waits()),
        **percentiles("post_", singles.posts),
        gateway_us_per_message=f"{cost:.0f}",
    )
