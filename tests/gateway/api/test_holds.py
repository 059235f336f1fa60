"""Bodies of the largest size, full of what costs most to read: each is answered, and others are served meanwhile.

How long the longest step takes is measured in tests/benchmarks/test_largest_bodies.py.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from largest_bodies import LIMIT, POSTS

LEAST_STEPS = 40
"""For 500 messages of a bulk; one that is worked in one go takes the 20 or so of any call."""


class Steps(trio.abc.Instrument):
    """How many steps tasks took, each from one checkpoint to the next."""

    def __init__(self) -> None:
        self.taken = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.taken += 1


@contextmanager
def counted() -> Iterator[Steps]:
    steps = Steps()
    trio.lowlevel.add_instrument(steps)
    try:
        yield steps
    finally:
        trio.lowlevel.remove_instrument(steps)


@pytest.mark.parametrize(("path", "body", "status"), POSTS.values(), ids=POSTS)
async def test_no_body_of_the_largest_size_holds_the_loop(house: Any, path: str, body: bytes, status: int) -> None:
    assert len(body) <= LIMIT + 1024 * 100
    client = house.client()
    with counted() as steps:
        answer = await client.post(path, data=body, headers={"Content-Type": "application/json"})
    problem = json.loads(await answer.get_data())
    print(f"steps {steps.taken}, answered {answer.status_code}: {str(problem)[:100]}")
    assert answer.status_code == status
    if status >= 400:
        assert (answer.content_type, problem["status"]) == ("application/problem+json", status)
    elif path.endswith("bulk"):
        assert steps.taken >= LEAST_STEPS
