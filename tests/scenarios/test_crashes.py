"""SIGKILL at ten moments left to chance, amid 5,000 messages: no promise breaks. `make soak` does it longer."""

import random

import pytest
from killed_runs import Run, carry_out

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

MESSAGES = 5_000
KILLS = 10


def test_ten_kills_lose_nothing_and_double_nothing_without_a_word(tmp_path):
    seed = random.SystemRandom().randrange(1_000_000)
    run = Run(MESSAGES, KILLS, seed, window=random.Random(seed).choice((10, 20, 50)))
    print(run)

    outcome = carry_out(run, tmp_path)

    print(outcome)
    assert outcome.broken == []
    assert outcome.faults == []
    assert outcome.status == 0
    assert outcome.figures["in_doubt"] > 0
    assert outcome.figures["kills"] == KILLS
