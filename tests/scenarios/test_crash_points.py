"""SIGKILL before, half-way through and after each commit and each write, one point a life: the promises hold.

Every eighth point in each of two weathers, from one that is left to chance; `make soak` takes them all.
"""

import random

import pytest
from crash_walks import check, told, walk

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

STEP = 8


def test_wherever_it_dies_nothing_is_lost_or_doubled_without_a_word(tmp_path):
    first = random.SystemRandom().randrange(STEP)
    print(f"first {first}")

    walked = walk(tmp_path, step=STEP, first=first)

    print(told(walked))
    check(walked)
