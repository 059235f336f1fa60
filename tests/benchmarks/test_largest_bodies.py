"""What bodies of the largest size cost, full of what costs most: the decoder's time, and how long one holds the loop.

A hold is the CPU time of one step of one task, from one checkpoint to the next: while it lasts nobody else is served.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from benchmarks_support import machine
from holds import watched
from houses import House, a_configuration, house_of
from largest_bodies import DECODED, POSTS

from gateway.api.bodies import decode
from gateway.api.problems import Problem


async def longest_hold(house: House, path: str, body: bytes) -> tuple[int, float]:
    client = house.client()
    with watched() as holds:
        answer = await client.post(path, data=body, headers={"Content-Type": "application/json"})
    return answer.status_code, holds.longest


@pytest.mark.benchmark
async def test_how_long_one_body_holds_the_loop(tmp_path: Path, report: Any) -> None:
    figures = {}
    for number, (name, (path, body, status)) in enumerate(POSTS.items()):
        (folder := tmp_path / str(number)).mkdir()
        async with house_of(a_configuration(), folder) as house:
            answered, seconds = await longest_hold(house, path, body)
        assert answered == status
        figures[name] = f"{seconds * 1000:.0f} ms"
    report("longest hold of a body of 2 MiB", machine=machine(), **figures)


@pytest.mark.benchmark
def test_what_decoding_a_body_in_one_go_costs(report: Any) -> None:
    figures = {}
    for name, (body, _) in DECODED.items():
        start = time.thread_time()
        with suppress(Problem):
            decode(body)
        figures[name] = f"{(time.thread_time() - start) * 1000:.0f} ms"
    report("decoding a body of 2 MiB in one go", machine=machine(), **figures)
